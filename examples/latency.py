"""Ask whether a chip keeps a deadline while samples arrive by the clock, learning from each."""

import neurosim as ns

chip = ns.Chip([ns.recipes.softhebb(200)], inputs=64, seed=0)
report = ns.bench(chip, ns.open_stream("digits"), arrivals=ns.latency.Period(2000), deadline=500e-6)

summary = report.summary()
print(report.table())
print(f"{summary['deadline_misses']} of {summary['samples']} samples were late, the worst by its sender's clock "
      f"took {summary['response']['max_s'] * 1e6:.0f} us and the chip {summary['service']['max_s'] * 1e6:.0f} us")  # fmt: skip
