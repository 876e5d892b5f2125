"""What comes from outside, checked at one door: arrays of any library, and files that may be anything."""
