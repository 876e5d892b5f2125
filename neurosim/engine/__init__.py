"""Layers at work: what they have learned, and how samples go through compiled code. One sub-package a kind of layer."""
