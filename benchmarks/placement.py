"""What a placement changes: networks on a described chip in rows, spread and optimised, with and without multicast.

python -m benchmarks.placement --root DIR
"""

import argparse
import time

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.counting.operations import operations
from neurosim.streams import open_stream

CHIP = "loihi"
NETWORKS = ((2000,), (1000, 500, 200), (4000, 1000, 500))
PLACEMENTS = ("rows", "optimised", "spread")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=".")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--timed", type=int, default=10)
    given = parser.parse_args()
    x = next(iter(open_stream("mnist:train", root=given.root).blocks(size=2 * given.samples))).samples
    print("neurons                  multicast  placement  cores       hops  nJ of hops  latency us  seconds")
    for sizes in NETWORKS:
        chip = ns.Chip([ns.recipes.softhebb(size, weight_bits=8) for size in sizes], inputs=784)
        counts = hardware.count(chip, x, warm_up=given.samples)
        for multicast in (False, True):
            described = hardware.load(CHIP, {"structure.multicast": multicast})
            for placement in PLACEMENTS:
                begun = time.perf_counter()
                report = hardware.price(counts, described, placement=placement, timed_samples=given.timed)
                taken = time.perf_counter() - begun
                show(sizes, multicast, placement, report, taken)


def show(sizes, multicast, placement, report, taken) -> None:
    """Print a row."""
    counted = operations(report.mapping, report.counts)
    hops = sum(float(counted[name].mean()) for name in ("hop_east_west", "hop_north_south"))
    rows = report.energy.operations
    energy = sum(rows[name]["energy_J"] for name in ("hop_east_west", "hop_north_south") if name in rows)
    latency = 1e6 * report.schedule.latency_s.mean()
    print(
        f"{'-'.join(map(str, sizes)):24} {'yes' if multicast else 'no':>9}  {placement:9}  "
        f"{len(report.mapping.cores):5}  {hops:9,.0f}  {1e9 * energy:10.1f}  {latency:10.1f}  {taken:7.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
