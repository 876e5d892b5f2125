"""Cells that several kernels use, and what loops ask of the system."""
