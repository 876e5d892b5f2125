"""Alarms for pumps: a chip for each learns what is usual for it, and says at once when it is not."""

import numpy as np

import neurosim as ns

PUMPS, ROUNDS = 20, 300
generator = np.random.default_rng(0)
usual = generator.random((PUMPS, 6))  # each pump hums its own way

with open("pumps.csv", "w") as file:  # their readings, as they come; in the last rounds pump 7 hums as pump 3
    file.write("pump,a,b,c,d,e,f\n")
    for round_ in range(ROUNDS):
        for pump in generator.permutation(PUMPS):
            hums = 3 if pump == 7 and round_ >= ROUNDS - 5 else pump
            reading = np.maximum(usual[hums] + generator.normal(0, 0.03, 6), 0)
            file.write(f"pump-{pump}," + ",".join(f"{value:.3f}" for value in reading) + "\n")

fleet = ns.Fleet([ns.recipes.softhebb(4)], inputs=6)
novelty = ns.FleetNovelty(fleet)
stream = ns.open_stream("pumps.csv", key="pump")
alarms = 0
for event in ns.watch_fleet(fleet, stream, novelty=novelty, state="pumps.h5", chunk="auto"):
    if event.novelty > 5 and event.number > 2000:  # the first readings teach what is usual
        alarms += 1
        print(f"sample {event.number}: {event.key} is {event.novelty:.1f} deviations from what is usual for it")

print(f"{alarms} alarms in {fleet.samples.sum()} samples of {len(fleet)} pumps")
print("neurosim stream pumps.csv --key pump --neurons 4 --emit key,novelty,novel tells each, too")
