"""What comes from outside, checked at one door: arrays of any library, files that may be anything, and TOML."""
