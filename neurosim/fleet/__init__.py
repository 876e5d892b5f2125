"""A chip for every sensor: thousands of small chips of one shape, each known by a key."""
