"""`python -m neurosim` is the command `neurosim`."""

from neurosim.cli import main

main(prog_name="neurosim")
