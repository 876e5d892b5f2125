"""Hard winner-take-all on images: the ideas of other public code one at a time, each beside random weights.

::

    NEUROSIM_DATA=... python -m benchmarks.hard_wta [--layers 1] [--narrower 1] [--learned 3000] [ROW ...]

Others reach 74.8 % on CIFAR-10 with one winner a position where the published table of SoftHebb has 60.3. Their chip
differs in: the image whitened, potentials that are cosines, a winner that responds by its potential, the instar's decay
(by the sum of responses), small first weights, rates that do not fall, and windows of 64. A row adds one of these to
the published preset, its images answered at once, or takes one away from all of them. The probe is that of
`deep_variants`, with fewer images. `--narrower 4` takes a quarter of the neurons.
"""

import argparse
import time
from dataclasses import replace
from typing import Any

import neurosim as ns
from benchmarks.deep_variants import CHUNK, part, probe

IMAGES, TEST = 4000, 3000  # that the probe is fitted on, and judged on
CALIBRATED = 500  # images that random layers measure their statistics on
SMALL = 3**-0.5  # radius of first weights from a uniform distribution within 1 / sqrt(inputs)
PUBLIC_RATES = (0.1, 0.08, 0.05)


@ns.rule
def graded_softhebb(potential: float, response: float, rate: float) -> tuple[float, float]:
    """SoftHebb's decay, with the winner's potential as its response."""
    growth = rate * response * max(potential, 0)
    return 1 - growth * potential, growth


@ns.rule
def graded_instar(potential: float, response: float, rate: float) -> tuple[float, float]:
    """The instar's decay, by the response, with the winner's potential as its response."""
    growth = rate * response * max(potential, 0)
    return 1 - growth, growth


IDEAS = ("whitened", "small", "constant", "graded", "instar", "windows of 64")
ALL = set(IDEAS)
ROWS: dict[str, set[str] | str] = {
    "random weights": "random",
    "random weights, whitened": "random whitened",
    "SoftHebb on-line": "soft",
    "SoftHebb on-line, whitened": "soft whitened",
    "preset": set(),
    **{f"preset, {idea}": {idea} for idea in IDEAS},
    "preset, small and constant (unit norms: cosines)": {"small", "constant"},
    "preset, small, constant, whitened": {"small", "constant", "whitened"},
    "all": ALL,
    **{f"all but {idea}": ALL - {idea} for idea in IDEAS},
}


def layers_of(row: set[str] | str, count: int) -> list[ns.ConvWTA]:
    """Return the layers of a row; all rows share sizes, pools and what is sent, those of SoftHebb's preset."""
    shared = ns.presets.preset(f"softhebb-cifar10-{count}layer").layers
    if isinstance(row, str):
        if row.startswith("soft"):
            return list(shared)
        return [replace(layer, rule=ns.SoftHebb(rate=0.0), cutoff=0.0) for layer in shared]
    published = ns.presets.preset(f"hard-cifar10-{count}layer-published").layers
    return [_layer(*pair, row, index) for index, pair in enumerate(zip(shared, published, strict=True))]


def _layer(shared: ns.ConvWTA, published: ns.ConvWTA, row: set[str], index: int) -> ns.ConvWTA:
    rate: Any = published.rule.rate
    if "constant" in row:
        rate = ns.ConstantRate(PUBLIC_RATES[index])
    rule: Any = {
        (False, False): lambda: ns.SoftHebb(rate=rate),
        (False, True): lambda: ns.Instar(rate=rate),
        (True, False): lambda: graded_softhebb(rate=rate),
        (True, True): lambda: graded_instar(rate=rate),
    }["graded" in row, "instar" in row]()
    return replace(
        published,
        kernel=shared.kernel, padding=shared.padding, transmit=shared.transmit, pool=shared.pool,
        rule=rule,
        radius=SMALL if "small" in row else published.radius,
        window=64 if "windows of 64" in row else published.window,
        answers="at once", momentum=0.0,
    )  # fmt: skip


def images(learned: int, whitened: bool) -> tuple[ns.Stream, ns.Stream]:
    """Return training images, as many as are learned from or probed, and test images."""
    train, test = part("train", max(learned, IMAGES)), part("test", TEST)
    if not whitened:
        return train, test
    whiten = ns.Whiten.fit(train, samples=IMAGES)
    return _whitened(train, whiten), _whitened(test, whiten)


def _whitened(stream: ns.Stream, whiten: ns.Whiten) -> ns.Stream:
    block = next(stream.blocks(size=stream.length or 0))  # whitened at once, which is faster than one by one
    return ns.streams.ArrayStream(whiten.apply_all(block.samples.reshape(-1, 3, 32, 32)), block.labels)


def first(stream: ns.Stream, count: int) -> ns.Stream:
    """Return the first samples of a stream of images."""
    block = next(stream.blocks(size=count))
    return ns.streams.ArrayStream(block.samples.reshape(-1, 3, 32, 32), block.labels)


def main() -> None:
    """Print a row a variant."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--layers", type=int, default=1)
    options.add_argument("--narrower", type=int, default=1, help="divides the neurons of every layer")
    options.add_argument("rows", nargs="*", choices=[[], *ROWS], metavar="ROW", help="by default all")
    options.add_argument("--learned", type=int, default=3000, help="images learned from")
    given = options.parse_args()
    sets = {whitened: images(given.learned, whitened) for whitened in (False, True)}
    for name, row in ROWS.items():
        if not given.rows or name in given.rows:
            start = time.perf_counter()
            layers = layers_of(row, given.layers)
            layers = [replace(layer, neurons=layer.neurons // given.narrower) for layer in layers]
            chip = ns.Chip(layers, inputs=(3, 32, 32))
            train, test = sets["whitened" in row]
            count = CALIBRATED if row in ("random", "random whitened") else given.learned
            chip.learn(next(train.blocks(size=count)).samples, chunk=CHUNK)
            seconds = time.perf_counter() - start
            norms = " / ".join(f"{layer.norms.mean():.2f}" for layer in chip.layers)
            unused = " / ".join(f"{100 * (layer.wins == 0).mean():.0f}" for layer in chip.layers)
            accuracy = probe(chip, first(train, IMAGES), test)
            print(f"{name:50} {accuracy:6.2f}   norms {norms}   never won {unused} %   {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
