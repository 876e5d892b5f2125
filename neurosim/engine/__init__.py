"""Layers at work: the arrays they have learned, and the way to the compiled loops. One sub-package a kind of layer."""
