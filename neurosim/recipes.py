"""Recipes: the papers' algorithms as layers, each composed of a competition, a rule and constants, with its source."""

import inspect
from dataclasses import fields
from typing import Any

from neurosim.checks import LARGEST, one_of, whole
from neurosim.errors import ConfigError
from neurosim.layers.activations import ReLU, Triangle
from neurosim.layers.biases import Conscience, MeanActivity
from neurosim.layers.competition import KWTA, Corrected, HardWTA, NoInhibition, Ranked, SoftWTA, SparseGate, Taught
from neurosim.layers.dense import DenseWTA
from neurosim.layers.rules import BCM, EGHR, Hebb, HebbNet, Instar, Oja, Rate, SoftHebb, schedule_of
from neurosim.layers.schedules import by_norm, by_wins

NAMES = (
    "softhebb", "hard_wta", "k_wta", "hebb", "oja", "instar", "krotov_hopfield", "hebbnet", "liuson", "bcm", "eghr",
    "supervised_softhebb", "delta_readout",
)  # fmt: skip
RELATIVE_TEMPERATURE = 0.025
RATE = 1.5
DELTA_RATE = 2.0


def softhebb(
    neurons: int, *, temperature: float | None = None, gain: float | None = None,
    relative_temperature: float | None = None, rate: Rate = RATE, floor: float | None = None, **constants: Any,
) -> DenseWTA:  # fmt: skip
    """Return a SoftHebb layer whose defaults work for any scale of the input and for 100 to 4,000 neurons.

    Samples are divided by their norms, so a potential is the neuron's norm times a cosine. The temperature follows how
    much these differ in the stream. For inputs of both signs, take `initial="samples"`: its radius is 2 by default, 5
    otherwise. `docs/measured.md` shows how the default constants were found.

    Parameters
    ----------
    neurons : int
    temperature, gain, relative_temperature : float, optional
        Softness of the competition, as in `SoftWTA`; give at most one. By default the relative temperature is 0.025.
    rate : float or schedule
        As in `SoftHebb`.
    floor : float, optional
        As in `NormAdaptiveRate`; not with a schedule, which has its own. By default the rate may fall to 0, and neurons
        that fit their inputs well hardly follow when these change: see `docs/schedules.md`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017.
    """
    if temperature is None and gain is None and relative_temperature is None:
        relative_temperature = RELATIVE_TEMPERATURE
    competition = SoftWTA(temperature=temperature, gain=gain, relative_temperature=relative_temperature)
    return _shrinking(neurons, constants, competition=competition, rule=SoftHebb(rate=by_norm(rate, floor)))


def hard_wta(neurons: int, *, rate: Rate = RATE, floor: float | None = None, **constants: Any) -> DenseWTA:
    """Return a layer in which only the winner learns, by SoftHebb's rule: the limit of temperature 0.

    Parameters
    ----------
    neurons : int
    rate, floor
        As in `softhebb`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017, the hard competition it compares with.
    """
    return _shrinking(neurons, constants, competition=HardWTA(), rule=SoftHebb(rate=by_norm(rate, floor)))


def k_wta(
    neurons: int, *, winners: int = 3, rate: Rate = RATE, floor: float | None = None, **constants: Any
) -> DenseWTA:
    """Return a layer in which the few neurons of the highest potentials learn equally, by SoftHebb's rule.

    Parameters
    ----------
    neurons : int
    winners : int
        How many neurons learn; all, if there are fewer.
    rate, floor, **constants
        As in `hard_wta`.

    References
    ----------
    Majani, Erlanson and Abu-Mostafa, On the k-winners-take-all network, NIPS 1988.
    """
    whole("neurons", neurons, 1, LARGEST)
    whole("winners", winners, 1, LARGEST)
    competition = KWTA(min(winners, neurons))
    return _shrinking(neurons, constants, competition=competition, rule=SoftHebb(rate=by_norm(rate, floor)))


def hebb(neurons: int, *, rate: Rate = 0.2, temperature: float = 0.005, **constants: Any) -> DenseWTA:
    """Return a layer with the plain Hebb rule and a soft competition with a conscience, renormalised at every step.

    Without renormalisation the rule would have no bound; without a conscience few neurons would win.

    Parameters
    ----------
    neurons : int
    rate : float or schedule
        As in `Hebb`.
    temperature : float
        As in `SoftWTA`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Hebb, The Organization of Behavior (1949); Rumelhart and Zipser, Cognitive Science 9 (1985) 75.
    """
    return _spherical(neurons, constants, competition=SoftWTA(temperature=temperature), rule=Hebb(rate=rate))


def instar(neurons: int, *, rate: Rate | None = None, floor: float | None = None, **constants: Any) -> DenseWTA:
    """Return on-line spherical k-means: the winner, chosen with a conscience, moves to the mean of its samples.

    Parameters
    ----------
    neurons : int
    rate : float or schedule, optional
        As in `Instar`; by default 1 / (the neuron's wins), but at least `floor`, and at most the layer's `cap` of 0.1.
        With a `cap` of 1 a neuron is the mean of its first hundred wins.
    floor : float, optional
        What the default rate does not fall below, 0.01 by default; not with another rate.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Grossberg, Biol. Cybernetics 23 (1976) 121; MacQueen, 5th Berkeley Symposium (1967); DeSieno, ICNN 1988.
    """
    return _spherical(neurons, constants, competition=HardWTA(), rule=Instar(rate=by_wins(rate, floor)))


def oja(neurons: int, *, rate: Rate = 0.01, **constants: Any) -> DenseWTA:
    """Return neurons that do not compete and learn by Oja's rule: on centred data each finds the first component.

    All neurons find the same one, up to its sign; a competition or the rule `Sanger` makes them find different ones.

    Parameters
    ----------
    neurons : int
    rate : float or schedule
        As in `Oja`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Oja, J. Math. Biology 15 (1982) 267.
    """
    return _free(neurons, constants, rule=Oja(rate=rate), radius=0.5)


def krotov_hopfield(
    neurons: int, *, rank: int = 2, opposition: float = 0.4, rate: Rate = 0.2, **constants: Any
) -> DenseWTA:
    r"""Return the competing hidden units of Krotov and Hopfield: the winner learns, and one of lower rank unlearns.

    The published code divides each minibatch's step by its largest entry, which is not local. Here the step is capped
    instead, so the published rate of 0.02 does not carry over. `lebesgue` is the paper's p, `radius` its first norm
    (weights from :math:`N(0, 1)` have 28 for 784 inputs, which is too large for every neuron to shrink in one epoch).

    Parameters
    ----------
    neurons : int
    rank, opposition
        As in `Ranked`; by default as published, 2 and 0.4.
    rate : float or schedule
        As in `SoftHebb`; in the paper it falls linearly to 0 (`LinearRate`).
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Krotov and Hopfield, PNAS 116 (2019) 7723, equations 3, 9 and 10.
    """
    whole("neurons", neurons, 1, LARGEST)
    whole("rank", rank, 2, LARGEST)
    fixed = schedule_of(rate)
    competition = Ranked(rank=min(rank, max(2, neurons)), opposition=opposition)
    rule = SoftHebb(rate=fixed)
    return _shrinking(neurons, constants, competition=competition, rule=rule, initial="normal", radius=14.0)


def hebbnet(neurons: int, *, rate: Rate = 0.05, share: float = 0.2, **constants: Any) -> DenseWTA:
    """Return HebbNet as in Liuson's code: neurons with the largest steps grow by what exceeds the mean.

    All of these but the one with the very largest step learn with the opposite sign. Norms are kept at one, and windows
    have 32 samples. As there, the means start at those of the first window, and a neuron learns if its step is at least
    the quantile 1 - share of all: 7 of 32.

    Parameters
    ----------
    neurons : int
    rate : float or schedule
        As in `HebbNet`.
    share : float
        As in `SparseGate`; 0.2 is the paper's sparsity of 0.8.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Gupta et al., HebbNet, ICASSP 2021; Liuson, Learning Dynamics in Competitive Hebbian Learning.
    """
    chosen: dict[str, Any] = {
        "competition": SparseGate(share=share, quantile=True),
        "rule": HebbNet(rate=rate, starts_at_mean=True),
        "activation": ReLU(),
        "initial": "normal",
        "renormalise": True,
        "cutoff": 0.0,
        "window": 32,
        "transmit": ReLU(),
    }
    return DenseWTA(neurons, **(chosen | constants))


def liuson(neurons: int, *, reading: str = "C", rate: Rate = 0.05, **constants: Any) -> DenseWTA:
    r"""Return Liuson's competitive rule: Hebb with a softmax of what exceeds each neuron's mean activity.

    The paper's mask can be read in more than one way. C is what the published code does, and its tables are from it:
    only the winner learns, in proportion to its share. A is what the text seems to mean: the winner learns, neurons
    whose share is at least 1 / K unlearn, and the others do nothing. Norms are kept at one, and windows have 32
    samples.

    Parameters
    ----------
    neurons : int
    reading : {"C", "A"}
    rate : float or schedule
        As in `Hebb`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Liuson, Learning Dynamics in Competitive Hebbian Learning, section 3, and its code.
    """
    whole("neurons", neurons, 1, LARGEST)
    one_of("reading", reading, ("C", "A"))
    chosen: dict[str, Any] = {
        "competition": SoftWTA(temperature=1.0, winner_only=reading == "C", signed=reading == "A"),
        "rule": Hebb(rate=rate),
        "activation": ReLU(),
        "bias": MeanActivity(rate=0.05),
        "initial": "normal",
        "renormalise": True,
        "cutoff": min(1 / neurons, 0.5),
        "window": 32,
        "transmit": ReLU(),
    }
    return DenseWTA(neurons, **(chosen | constants))


def bcm(neurons: int, *, rate: Rate = 0.02, averaging: float = 0.1, ceiling: float = 5.0, **constants: Any) -> DenseWTA:
    """Return BCM neurons that do not compete: each becomes selective by its own sliding threshold.

    Parameters
    ----------
    neurons : int
    rate, averaging, ceiling
        As in `BCM`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Bienenstock, Cooper and Munro, J. Neuroscience 2 (1982) 32.
    """
    rule = BCM(rate=rate, averaging=averaging, ceiling=ceiling)
    return _free(neurons, constants, rule=rule, activation=ReLU(), radius=4.0)


def eghr(neurons: int, *, rate: Rate | None = None, threshold: float | None = None, **constants: Any) -> DenseWTA:
    """Return neurons that find independent components by the error-gated Hebbian rule.

    Parameters
    ----------
    neurons : int
    rate : float or schedule, optional
        As in `EGHR`; by default 0.1 / neurons. All neurons share one error, so with 1 / neurons or more each sample
        overshoots.
    threshold : float, optional
        As in `EGHR`; by default the number of neurons plus one.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Isomura and Toyoizumi, Scientific Reports 6 (2016) 28073.
    """
    whole("neurons", neurons, 1, LARGEST)
    chosen = EGHR(
        rate=0.1 / neurons if rate is None else rate, threshold=neurons + 1.0 if threshold is None else threshold
    )
    return _free(neurons, constants, rule=chosen, radius=1.0)


def supervised_softhebb(neurons: int, *, rate: Rate = 0.01, **constants: Any) -> DenseWTA:
    """Return a layer that is taught by labels: neuron k learns the samples of label k, by SoftHebb's rule.

    Parameters
    ----------
    neurons : int
        As many as there are labels.
    rate : float or schedule
        As in `SoftHebb`, but a plain number stands for a constant rate.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017, the supervised head of the published code.
    """
    fixed = schedule_of(rate)
    return _shrinking(neurons, constants, competition=Taught(), rule=SoftHebb(rate=fixed), radius=1.0)


def delta_readout(classes: int, *, rate: Rate = DELTA_RATE, normalise: str = "sample", **constants: Any) -> DenseWTA:
    """Return a readout that learns on-line: a softmax over the classes, trained by the delta rule from zero weights.

    Use it as the last layer of a chip that learns from a labelled stream; its winner is the predicted class. The layer
    before may transmit values of any scale and sign, as inputs are divided by their norm. The readout has no bias.
    `docs/readouts.md` shows how the default rate was found.

    Parameters
    ----------
    classes : int
        Number of classes, and so of neurons.
    rate : float or schedule
        As in `Hebb`.
    normalise : {"sample", "stream", "none"}
        As in `DenseWTA`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Widrow and Hoff, IRE WESCON Convention Record 4 (1960) 96.
    """
    common: dict[str, Any] = {"competition": Corrected(), "rule": Hebb(rate=rate), "initial": "zeros", "cutoff": 0.0}
    return DenseWTA(classes, normalise=normalise, **(common | constants))


def named(name: str, neurons: int, **constants: Any) -> DenseWTA:
    """Return the layer that the recipe with this name makes.

    Raises
    ------
    ConfigError
        If there is no such recipe, or it does not take one of the constants.
    """
    one_of("recipe", name, NAMES)
    known = taken(name)
    for constant in constants:
        if constant not in known:
            raise ConfigError(constant, f"left out with the recipe {name}", constants[constant])
    layer: DenseWTA = globals()[name](neurons, **constants)
    return layer


def taken(name: str) -> set[str]:
    """Return the names of the constants that a recipe takes."""
    own = set(inspect.signature(globals()[name]).parameters) - {"constants"}
    return own | {entry.name for entry in fields(DenseWTA)}


def _shrinking(neurons: int, constants: dict[str, Any], **chosen: Any) -> DenseWTA:
    """Return a layer whose neurons begin with large norms that shrink as they win, so that others can win next."""
    radius = 2.0 if constants.get("initial") == "samples" else 5.0  # what is no random direction needs fewer wins
    common: dict[str, Any] = {"normalise": "sample", "radius": radius, "cap": 0.25, "transmit": Triangle(power=2)}
    return DenseWTA(neurons, **(common | chosen | constants))


def _spherical(neurons: int, constants: dict[str, Any], **chosen: Any) -> DenseWTA:
    """Return a layer of neurons of norm one, in which a conscience lets every neuron win.

    Potentials are cosines, so the conscience must have the same strength at any width: a neuron with twice its fair
    share of wins gets 0.5 less. Each win costs 0.05 at once, and is forgotten over ten samples per neuron.
    """
    whole("neurons", neurons, 1, LARGEST)
    common: dict[str, Any] = {"normalise": "sample", "renormalise": True, "transmit": Triangle(power=2)}
    common["bias"] = Conscience(rate=0.1 / neurons, strength=0.5 * neurons)
    return DenseWTA(neurons, **(common | chosen | constants))


def _free(neurons: int, constants: dict[str, Any], **chosen: Any) -> DenseWTA:
    """Return a layer without competition, in which every neuron learns from every sample."""
    common: dict[str, Any] = {"competition": NoInhibition(), "normalise": "sample", "initial": "normal"}
    common |= {"cutoff": 0.0, "transmit": ReLU()}
    return DenseWTA(neurons, **(common | chosen | constants))
