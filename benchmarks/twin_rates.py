"""Choose the rates of the twins by backpropagation on held-out training samples: the table `TUNED` of the study.

    python -m benchmarks.twin_rates $NEUROSIM_DATA mnist sgd-decay

Lines: samples, (rate, batch), held-out accuracy of the best in percent.
"""

import sys

from neurosim.experiments.data import Data
from neurosim.studies.bayes import tuning
from neurosim.studies.bayes.images import images_of
from neurosim.studies.bayes.part import CHECKPOINTS, FEWER

SEED = 0


def main(root: str, dataset: str, method: str) -> None:
    """Print the choice for each number of samples at which the study measures such a twin."""
    sources = {"train": f"{dataset}:train", "test": f"{dataset}:test", "train_samples": None, "test_samples": 1000}
    images = images_of(sources | {"seed": SEED}, Data(root))
    at = FEWER if method == "adam-decay" or dataset != "mnist" else CHECKPOINTS
    for count in (*at, len(images.train)):
        choice = tuning.tuned(images, method, count, tuning.NEURONS, SEED)
        print(f"{count}: ({choice.rate:.3g}, {choice.batch}),  # {100 * choice.accuracy:.1f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
