"""Layers of many small chips of one shape: their states in one array, and one compiled loop for all."""
