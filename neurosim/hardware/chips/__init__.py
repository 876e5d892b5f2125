"""Descriptions of chips: files with numbers, units and sources, and their checks."""
