"""Units, and checks of the files that results are written to."""
