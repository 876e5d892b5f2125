"""The dense loop on a CUDA device: cells of the CPU on a layer of one neuron, and what a block shares."""
