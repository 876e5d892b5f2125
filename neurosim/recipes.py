"""The papers' algorithms as layers: a competition and a rule, composed with constants and a source."""

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
from neurosim.layers.schedules import WinCountRate

NAMES = (
    "softhebb", "hard_wta", "k_wta", "hebb", "oja", "instar", "krotov_hopfield", "hebbnet", "liuson", "bcm", "eghr",
    "supervised_softhebb", "delta_readout",
)  # fmt: skip
TEMPERATURE = 0.01
RATE = 1.5
DELTA_RATE = 2.0


def softhebb(
    neurons: int, *, temperature: float | None = None, gain: float | None = None, rate: float = RATE, **constants: Any
) -> DenseWTA:
    """Return a SoftHebb layer whose defaults hold for any scale of the input and for 100 to 4,000 neurons.

    The input is taken in units of its own norm, so a potential is the neuron's norm times a cosine, and the
    temperature is measured against that. Where the default constants come from: `docs/measured.md`.

    Parameters
    ----------
    neurons : int
    temperature, gain : float, optional
        Softness of the competition, as in `SoftWTA`; give at most one. Default: temperature 0.01.
    rate : float
        As in `SoftHebb`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017.
    """
    if temperature is not None and gain is not None:
        raise ConfigError("temperature or gain", "given, one of the two at most", (temperature, gain))
    if temperature is None and gain is None:
        temperature = TEMPERATURE
    competition = SoftWTA(temperature=temperature, gain=gain)
    return _shrinking(neurons, constants, competition=competition, rule=SoftHebb(rate=rate))


def hard_wta(neurons: int, *, rate: Rate = RATE, **constants: Any) -> DenseWTA:
    """Return a layer in which the winner alone learns, by SoftHebb's rule: its limit of temperature 0.

    Parameters
    ----------
    neurons : int
    rate : float or schedule
        As in `SoftHebb`.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017, the hard competition it compares with.
    """
    return _shrinking(neurons, constants, competition=HardWTA(), rule=SoftHebb(rate=rate))


def k_wta(neurons: int, *, winners: int = 3, rate: Rate = RATE, **constants: Any) -> DenseWTA:
    """Return a layer in which the first few by potential learn alike, by SoftHebb's rule.

    Parameters
    ----------
    neurons : int
    winners : int
        How many learn, or all if there are fewer.
    rate, **constants
        As in `hard_wta`.

    References
    ----------
    Majani, Erlanson and Abu-Mostafa, On the k-winners-take-all network, NIPS 1988.
    """
    whole("neurons", neurons, 1, LARGEST)
    whole("winners", winners, 1, LARGEST)
    return _shrinking(neurons, constants, competition=KWTA(min(winners, neurons)), rule=SoftHebb(rate=rate))


def hebb(neurons: int, *, rate: Rate = 0.2, temperature: float = 0.005, **constants: Any) -> DenseWTA:
    """Return a layer of plain Hebb behind a soft competition with a conscience, renormalised at every step.

    Without renormalising nothing bounds the rule; without a conscience few neurons win.

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


def instar(neurons: int, *, rate: Rate | None = None, **constants: Any) -> DenseWTA:
    """Return on-line spherical k-means: the winner, picked with a conscience, moves to the mean of what it won.

    Parameters
    ----------
    neurons : int
    rate : float or schedule, optional
        As in `Instar`; by default one part in the neuron's wins, no less than a hundredth and no more than the layer's
        `cap` of 0.1. With a `cap` of 1 a neuron is the mean of its first hundred wins.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Grossberg, Biol. Cybernetics 23 (1976) 121; MacQueen, 5th Berkeley Symposium (1967); DeSieno, ICNN 1988.
    """
    chosen = WinCountRate(1.0, floor=0.01) if rate is None else rate
    return _spherical(neurons, constants, competition=HardWTA(), rule=Instar(rate=chosen))


def oja(neurons: int, *, rate: Rate = 0.01, **constants: Any) -> DenseWTA:
    """Return neurons that do not compete and learn by Oja's rule: on centred data each is the first component.

    All of them are the same one, but for its sign: a competition (`competition=...`) or `Sanger` parts them.

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
    r"""Return the competing hidden units of Krotov and Hopfield: the winner learns, the one of a given rank unlearns.

    The published code divides each minibatch's step by its largest entry, which is not local; here the step is capped,
    so its rate of 0.02 means something else. `lebesgue` is the paper's p, `radius` its first norm (:math:`N(0, 1)`
    weights have 28 for 784 inputs, from which one epoch does not bring every neuron down).

    Parameters
    ----------
    neurons : int
    rank, opposition
        As in `Ranked`; the published 2 and 0.4.
    rate : float or schedule
        As in `SoftHebb`; the paper lets it fall to 0 in a straight line (`LinearRate`).
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
    """Return HebbNet as Liuson's code has it: growth by what exceeds the mean, for the neurons with the largest steps.

    All but the one with the very largest step learn with the opposite sign, and norms are kept at one. Windows of 32.

    Parameters
    ----------
    neurons : int
    rate : float or schedule
        As in `HebbNet`.
    share : float
        As in `SparseGate`; the paper's sparsity of 0.8.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Gupta et al., HebbNet, ICASSP 2021; Liuson, Learning Dynamics in Competitive Hebbian Learning.
    """
    chosen: dict[str, Any] = {
        "competition": SparseGate(share=share),
        "rule": HebbNet(rate=rate),
        "activation": ReLU(),
        "initial": "normal",
        "renormalise": True,
        "cutoff": 0.0,
        "window": 32,
        "transmit": ReLU(),
    }
    return DenseWTA(neurons, **(chosen | constants))


def liuson(neurons: int, *, reading: str = "C", rate: Rate = 0.05, **constants: Any) -> DenseWTA:
    r"""Return Liuson's competitive rule: Hebb behind a softmax of what exceeds each neuron's mean activity.

    The paper's mask can be read in more than one way. C is what the published code does, and what its tables come from:
    the winner alone learns, by its share. A is what the text seems to mean: the winner learns, neurons whose share is
    at least 1 / K unlearn, the rest do nothing. Norms are kept at one; windows of 32.

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
        As in `EGHR`; by default a tenth of one part in the number of neurons. All neurons share one error, so from
        one part in their number on, each sample overshoots.
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
    """Return a layer that is taught: neuron k learns, by SoftHebb's rule, the samples of label k.

    Parameters
    ----------
    neurons : int
        As many as there are labels.
    rate : float or schedule
        As in `SoftHebb`, but a plain number does not change.
    **constants
        Any other constant of `DenseWTA`, in place of the recipe's.

    References
    ----------
    Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017, the supervised head of the published code.
    """
    fixed = schedule_of(rate)
    return _shrinking(neurons, constants, competition=Taught(), rule=SoftHebb(rate=fixed), radius=1.0)


def delta_readout(classes: int, *, rate: Rate = DELTA_RATE, normalise: str = "sample", **constants: Any) -> DenseWTA:
    """Return a readout that learns on-line: a softmax over the classes, by the delta rule, from weights of zero.

    Meant as the last layer of a chip that learns from a labelled stream; its winner is the predicted class. What the
    layer before transmits may have any scale and sign: inputs are taken in units of their norm. It has no bias of its
    own. Where the default rate comes from: `docs/readouts.md`.

    Parameters
    ----------
    classes : int
        As many neurons.
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
    """Return the layer of the recipe with this name.

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
    """Return a layer whose neurons begin too long and shrink as they win, so that every one has its turn."""
    common: dict[str, Any] = {"normalise": "sample", "radius": 5.0, "cap": 0.25, "transmit": Triangle(power=2)}
    return DenseWTA(neurons, **(common | chosen | constants))


def _spherical(neurons: int, constants: dict[str, Any], **chosen: Any) -> DenseWTA:
    """Return a layer of neurons of norm one, with a conscience in place of the norm that gives each its turn.

    Potentials are cosines, so a share of wins must count for a like amount at any width: at twice its fair share a
    neuron is held back by 0.5. A win costs 0.05 at once, and is forgotten over ten samples for every neuron.
    """
    whole("neurons", neurons, 1, LARGEST)
    conscience = Conscience(rate=0.1 / neurons, strength=0.5 * neurons)
    common: dict[str, Any] = {
        "normalise": "sample",
        "bias": conscience,
        "renormalise": True,
        "transmit": Triangle(power=2),
    }
    return DenseWTA(neurons, **(common | chosen | constants))


def _free(neurons: int, constants: dict[str, Any], **chosen: Any) -> DenseWTA:
    """Return a layer without competition, in which every neuron learns from every sample."""
    common: dict[str, Any] = {
        "competition": NoInhibition(),
        "normalise": "sample",
        "initial": "normal",
        "cutoff": 0.0,
        "transmit": ReLU(),
    }
    return DenseWTA(neurons, **(common | chosen | constants))
