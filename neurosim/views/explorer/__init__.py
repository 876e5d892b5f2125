"""The gain explorer: one page, in which potentials and the softness of the competition can be moved."""
