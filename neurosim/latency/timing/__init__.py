"""Samples timed one by one: the clock, the loop that is measured, and the statistics of its record."""
