"""What an edit amid a run costs beside stopping for `with_constants`, and what a control costs that is never due.

::

    python -m benchmarks.edits [--rounds N]

`edit` is the pause of `neurosim.run` for one edit of every layer, in milliseconds: `between` gives it, and is over when
learning goes on. `with_constants` copies the chip. `control` is the processor time of a run with a control that is
asked after every chunk whether it is due, and never is, over that of the same run without one. Each is the least of
some rounds.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np

import neurosim as ns
from benchmarks.main_loop import images
from neurosim.errors import NeurosimError
from neurosim.online.control import Edit
from neurosim.streams import ArrayStream

SIZES = ((64, 100), (784, 100), (784, 2000))
MS = 1e3


class Editing:
    """Makes an edit every so many samples, or none; notes how long each took."""

    def __init__(self, every: float, rates: tuple[float, ...] = ()) -> None:
        self._every, self._rates, self.pauses = every, rates, list[float]()

    def samples_left(self, samples: int) -> float:
        """Return the same number always."""
        return self._every

    def between(self, samples: int) -> Iterator[Edit]:
        """Give the edits, and time each."""
        for rate in self._rates:
            begun = time.perf_counter()
            yield Edit("rate", rate)
            self.pauses.append(time.perf_counter() - begun)

    def refused(self, edit: Edit, why: NeurosimError) -> None:
        """Raise the reason."""
        raise why


def seconds(chip: ns.Chip, samples: np.ndarray, control: Editing | None) -> float:
    begun = time.process_time()
    ns.run(chip, ArrayStream(samples), control=control)
    return time.process_time() - begun


def measure(inputs: int, neurons: int, rounds: int) -> tuple[float, float, float]:
    """Return the seconds of an edit and of `with_constants`, and a run's cost with a control over that without."""
    samples = images(inputs)
    chips = [ns.Chip([ns.recipes.softhebb(neurons)], inputs=inputs).learn(samples) for _ in range(2)]
    editing, copies = Editing(300, (0.5, 1.5)), list[float]()
    plain, asked = np.inf, np.inf
    for _ in range(rounds):
        seconds(chips[0], samples[:600], editing)
        begun = time.perf_counter()
        chips[0].with_constants(rate=0.75)
        copies.append(time.perf_counter() - begun)
        plain = min(plain, seconds(chips[1], samples, None))
        asked = min(asked, seconds(chips[1], samples, Editing(np.inf)))
    return min(editing.pauses), min(copies), asked / plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print("               edit  with_constants  control")
    for inputs, neurons in SIZES:
        edit, copy, asked = measure(inputs, neurons, options.rounds)
        print(f"{inputs:4} -> {neurons:5} {edit * MS:6.2f} {copy * MS:15.2f} {asked:8.3f}", flush=True)


if __name__ == "__main__":
    main()
