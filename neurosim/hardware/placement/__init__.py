"""Which cores a chip's layers go to, and how far apart these are."""
