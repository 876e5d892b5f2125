"""Measure whether a chip that learns keeps a deadline while samples arrive by a clock."""

import neurosim as ns

chip = ns.Chip([ns.recipes.softhebb(200)], inputs=64, seed=0)
report = ns.bench(chip, ns.open_stream("digits"), arrivals=ns.latency.Period(2000), deadline=500e-6)

print(report.table())

summary = report.summary()
response, service = (1e6 * summary[name]["max_s"] for name in ("response", "service"))
print(f"\n{summary['deadline_misses']} of {summary['samples']} samples were late")
print(f"the slowest was done {response:.0f} us after it was due, and the chip never took more than {service:.0f} us")
