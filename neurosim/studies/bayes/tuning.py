"""The rate and the batch of a twin by backpropagation, for each number of samples that it may see."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from neurosim.studies.bayes import twin
from neurosim.studies.bayes.images import Images


class Kind(NamedTuple):
    """How a twin descends: by which optimiser, and whether the rate falls to 0, for which it must know the end."""

    optimiser: str
    decay: bool


KINDS = {"sgd-decay": Kind("sgd", True), "sgd-constant": Kind("sgd", False), "adam-decay": Kind("adam", True)}
NEURONS = 200  # at which rates are chosen: at other widths they were found to be within a point of the best
HELD_OUT = 5000  # training samples that the choice is made on, or a fifth of fewer
MOST = 10_000  # samples of a training for what is not in the table: its choice is that for all above
# python benchmarks/twin_rates.py $NEUROSIM_DATA mnist sgd-decay, and the others: (rate, batch) by samples
TUNED: dict[str, dict[str, dict[int, tuple[float, int]]]] = {
    "mnist": {
        "sgd-decay": {
            100: (0.06, 1), 300: (0.06, 1), 1000: (0.06, 1), 3000: (0.06, 1), 10_000: (0.339, 8),
            30_000: (0.339, 8), 60_000: (0.17, 8),
        },
        "sgd-constant": {
            100: (0.03, 1), 300: (0.015, 1), 1000: (0.015, 1), 3000: (0.17, 8), 10_000: (0.0849, 8),
            30_000: (0.0849, 8), 60_000: (0.0849, 8),
        },
        "adam-decay": {1000: (0.002, 1), 10_000: (0.0113, 32), 60_000: (0.00283, 8)},
    },
}  # fmt: skip


def constants(settings: dict[str, Any], images: Images, at: Sequence[int]) -> dict[int, tuple[float, int]]:
    """Return the rate and batch of a cell's twin for one pass over the first training samples, by their number.

    Those that are not in the table are chosen here, in a few small trainings.
    """
    method = settings["method"]
    known = TUNED.get(settings["dataset"], {}).get(method, {})
    chosen = {
        few: tuned(images, method, few, min(settings["neurons"], NEURONS), settings["seed"])[:2]
        for few in {min(count, MOST) for count in at if count not in known}
    }
    return {count: known.get(count) or chosen[min(count, MOST)] for count in at}


def tuned(images: Images, method: str, count: int, neurons: int, seed: int) -> twin.Choice:
    """Return the best of `twin.candidates` on the last training samples, which no training sees."""
    held_out = min(HELD_OUT, len(images.train) // 5)
    fitted, last = min(count, len(images.train) - held_out), slice(len(images.train) - held_out, None)
    optimiser, decay = KINDS[method]
    return twin.chosen(
        (images.train[:fitted], images.train_labels[:fitted]),
        (images.train[last], images.train_labels[last]),
        images.classes,
        neurons=neurons,
        optimiser=optimiser,
        decay=decay,
        seed=seed,
    )
