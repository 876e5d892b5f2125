"""A hierarchy of time surfaces: layers of a chip, each of which learns from the events that the one before sends."""
