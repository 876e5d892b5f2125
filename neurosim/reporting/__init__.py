"""Numbers with units for people, and checks of the files that results are to be written to."""
