"""Loops over events of cameras: words decoded one by one, surfaces of times, and windows."""
