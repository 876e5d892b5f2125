"""The version, which the package root exports, `setup.cfg` reads and state files name."""

__version__ = "0.1.0"
