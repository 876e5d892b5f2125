"""How layers get their cores: in rows, spread, in turns, by hand, or optimised."""
