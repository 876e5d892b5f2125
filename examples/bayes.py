"""What a chip believes: cross-entropy without labels, likelihood, an attack beside noise of its size, and a path."""

import numpy as np

import neurosim as ns

train, test = ns.open_stream("digits:train"), ns.open_stream("digits:test")


def named(chip):
    """Return soft labels of the chip's neurons: the only use of labels here."""
    readout = ns.SoftLabels(smoothing=1e-3)
    for response, labels in chip.respond_blocks(train):
        readout.add(response, labels)
    return readout.finish()


def report(chip):
    """Print the cross-entropy of test labels, which the chip never minimises by looking at labels."""
    entropy = ns.cross_entropy(named(chip).predict_proba(chip.respond(samples)), labels)
    print(f"{chip.samples:5d} samples: cross-entropy {entropy:.2f} nats")


samples, labels = next(test.blocks(size=test.length))
chip = ns.Chip([ns.recipes.softhebb(200)], inputs=64)
report(chip)
chip.learn(train, every=[100, 300, 1000, 1437], watch=report)

mixture = ns.bayes.Mixture.of(chip)
print(f"log-likelihood of test samples {mixture.log_likelihood(samples):.1f} nats each")

readout = named(chip)
classifier = ns.bayes.Classifier(chip, readout)
through = [ns.bayes.Classifier(chip, ns.bayes.sharpened(readout))]  # gradients that do not mask themselves
attacked = ns.bayes.attack(classifier, samples, labels, norm="l2", epsilon=0.5, through=through)
noisy = ns.bayes.random_noise(samples, norm="l2", epsilon=0.5)
for name, changed in (("as they are", samples), ("with noise", noisy), ("attacked", attacked.samples)):
    print(f"{name:12} {100 * np.mean(classifier.predict(changed) == labels):5.1f} % right")

first = np.flatnonzero(labels == 4)[:1]
path = ns.bayes.ascend(through[0], samples[first], np.array([9]), steps=100, step=0.05, frames=6)[0]
print("a 4 on its way to a 9 is taken for", *classifier.predict(path))
