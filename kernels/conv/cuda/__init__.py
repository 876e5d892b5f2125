"""The convolutional loop on a CUDA device."""
