"""What a chip has not seen before, and names for what it sees from the few labels that come, late."""

import numpy as np

import neurosim as ns

LATE = 50  # samples after which a label comes, if it comes at all

# A digit that was never there before: all but fours are learned, and then a four comes every twentieth sample. (Threes
# and eights, which resemble other digits, are hardly found so.)
usual, fours = [], []
for x, label in ns.open_stream("digits:train"):
    (fours if label == 4 else usual).append(x)
chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64, seed=0)
novelty = ns.Novelty(chip, ("shortfall", "step"), quantile=0.95)
scores = {"usual": [], "four": []}
flagged = dict.fromkeys(scores, 0)
for number, x in enumerate(usual):
    coming = [("usual", x)]
    if number >= 1000 and number % 20 == 0:
        coming.append(("four", fours.pop()))
    for kind, sample in coming:
        scored = novelty.learn_one(chip.learn_one(sample))  # scored first, and then learned
        if number >= 1000:
            scores[kind].append(scored.novelty)
            flagged[kind] += scored.is_novel
for kind, found in scores.items():
    share = flagged[kind] / len(found)
    print(f"{kind:>5}: {len(found)} samples, median novelty {np.median(found):.1f}, {share:.0%} called novel")

# One label in ten, each fifty samples late: every sample is named as it comes.
chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64, seed=0)
names, labels, right = ns.RunningLabels(100), [], []
for x, label in ns.open_stream("digits"):
    response = chip.learn_one(x)
    right.append(names.predict_one(response.winner, response.potentials) == label)
    number = names.note(response.winner)
    labels.append(label)
    if number % 10 == 0 and number >= LATE:
        names.learn_late(number - LATE, labels[number - LATE])
print(f"named rightly before its label was known: {np.mean(right):.1%}, of the last 500 {np.mean(right[-500:]):.1%}")
