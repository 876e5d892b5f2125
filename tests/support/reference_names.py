"""Names of neurons from labels as they come, in plain Python, from their definition."""

import numpy as np


def names_of(responses, labels, shown, *, forget=0.1, fading=0.001):
    """Return what is said of each sample by its response, and both accuracies, before each label is learned."""
    names, said, right = [{} for _ in responses[0].potentials], [], []
    total, faded = 0.0, 0.0
    for response, label, is_shown in zip(responses, labels, shown, strict=True):
        best = [max(sorted(counts), key=counts.get) if counts else -1 for counts in names]
        order = [response.winner, *np.argsort(-response.potentials, kind="stable")]
        said.append(next((best[k] for k in order if best[k] >= 0), -1) if response.potentials.any() else -1)
        if label < 0:
            continue
        right.append(said[-1] == label)
        total, faded = (1 - fading) * total + 1, (1 - fading) * faded + right[-1]
        if is_shown and response.potentials.any():
            counts = names[response.winner]
            for c in counts:
                counts[c] *= 1 - forget
            counts[label] = counts.get(label, 0) + 1
    return said, np.mean(right), faded / total
