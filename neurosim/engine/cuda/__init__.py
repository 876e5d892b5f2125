"""Layers on a CUDA device: the same state, moved there and back; nothing else of neurosim knows that there is one."""
