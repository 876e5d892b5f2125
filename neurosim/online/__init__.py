"""A stream through a chip, by the clock: progress, latencies, snapshots on disk while learning goes on."""
