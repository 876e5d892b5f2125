"""Samples timed one by one: the clock, the loop that is measured, and what its record comes to."""
