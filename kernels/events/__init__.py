"""Loops over events of event cameras: surfaces of times, and counts."""
