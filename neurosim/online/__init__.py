"""A stream through a chip, timed: progress, latencies, and snapshots written to disk while the chip learns on."""
