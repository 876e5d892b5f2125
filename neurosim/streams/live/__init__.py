"""Live sources: samples that arrive by themselves, from a transport through a bounded queue to the loop."""
