"""Executors that run layers on a CUDA device; nothing of neurosim but the chip's assembly knows them."""
