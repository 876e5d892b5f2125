"""Limits: constants of a layer that contradict one another, and those with which it may become unstable."""

import warnings
from typing import Any

from neurosim.errors import ConfigError, StabilityWarning
from neurosim.layers.activations import Identity
from neurosim.layers.biases import LogPrior
from neurosim.layers.competition import Corrected, NoInhibition, SoftWTA
from neurosim.layers.own_rules import OwnRule
from neurosim.layers.rules import Hebb, highest, schedule
from neurosim.layers.schedules import NormAdaptiveRate, WinCountRate

# `layer` is a `DenseWTA` or a `ConvWTA`, which calls these checks when it is made, and so cannot be imported here.
MOST_MIXED = 512  # neurons of a rule that mixes them
STACK = 5  # frames from a warning to the line that made the layer


def check(layer: Any) -> None:
    """Refuse constants of a `DenseWTA` that contradict one another; warn if weights may grow without bound.

    Raises
    ------
    ConfigError
        If two constants do not go together.
    """
    _check_competition(layer)
    if layer.initial == "zeros" and layer.renormalise:
        raise ConfigError("renormalise", "False with initial='zeros'", True, "weights of zero have no direction")
    if layer.initial == "samples" and not layer.competition.begins:
        kind = type(layer.competition).__name__
        advice = "neuron k is class k" if layer.competition.by_label else "a neuron that has not begun must not win"
        raise ConfigError("initial", f"'uniform', 'normal' or 'zeros' with {kind}", layer.initial, advice)
    if layer.weight_sum is not None:
        _check_sum(layer)
    if layer.step == "largest":
        _check_largest(layer)
    if layer.eligibility > 0 and layer.window > 1:
        raise ConfigError("window", "1 with an eligibility trace", layer.window)
    if layer.rule.mixes:
        _check_mixed(layer)
    _check_few_bits(layer)
    _warn(layer)


def check_images(layer: Any) -> None:
    """Do the same for a `ConvWTA`.

    Raises
    ------
    ConfigError
        If two constants do not go together.
    """
    _check_competition(layer)
    if getattr(layer.competition, "relative_temperature", None) is not None:
        advice = "a convolutional layer keeps no mean of its potentials' lead"
        raise ConfigError("relative_temperature", "None in a ConvWTA", layer.competition.relative_temperature, advice)
    if getattr(layer.competition, "winner_only", False):
        raise ConfigError("winner_only", "False in a ConvWTA", True, "HardWTA has one winner a position, too")
    if layer.competition.ranked and getattr(layer.competition, "temperature", None) is not None:
        advice = "winners at a position respond alike, or by a competition of your own"
        raise ConfigError("temperature of KWTA", "None in a ConvWTA", layer.competition.temperature, advice)
    for asks, asked in ((layer.rule.moment, "mean"), (layer.rule.total, "total")):
        if asks:
            raise ConfigError("rule", f"one that does not ask for {asked} in a ConvWTA", layer.rule.name)
    if layer.step == "largest":
        _check_largest(layer)
    if layer.normalise == "window" and layer.window == 1:
        raise ConfigError("window", "2 or more with normalise='window'", 1, "take 'sample' for the image's own")
    _check_as_published(layer)
    if layer.step == "largest" and layer.cutoff > 0:
        raise ConfigError("cutoff", "0 with step='largest'", layer.cutoff, "the largest change is sought in all")
    if layer.normalise != "none" and layer.initial == "uniform":
        raise ConfigError("initial", "'normal' with normalised images, which are of both signs", "uniform")
    paced = schedule(layer.rule)
    stands_still = isinstance(paced, NormAdaptiveRate) and paced.rate > 0 == paced.floor and paced.power > 0
    if layer.renormalise and stands_still:
        why = "norms are one, so the rate would be 0: give ConstantRate(rate), or a floor"
        raise ConfigError(f"rate of {type(layer.rule).__name__}", "another with renormalise=True", paced, why)
    if not layer.rule.bounded and paced.rate > 0 and not layer.renormalise:
        text = f"{type(layer.rule).__name__} has no decay, so weights grow without bound"
        advice = f"renormalise must be True, or rule another for long runs, got {layer.rule}"
        warnings.warn(f"{text}: {advice}", StabilityWarning, stacklevel=STACK - 1)


def _check_sum(layer: Any) -> None:
    """Refuse what does not go with a given sum of weights."""
    if layer.renormalise:
        raise ConfigError("renormalise", "False with weight_sum", True, "it is either the norm or the sum")
    if layer.initial not in ("uniform", "normal"):
        raise ConfigError("initial", "'uniform' or 'normal' with weight_sum", layer.initial, "others have another sum")


def _check_largest(layer: Any) -> None:
    """Refuse what does not go with a step that is divided by its largest change."""
    if isinstance(layer.rule, OwnRule) and layer.rule.rate == 0:
        advice = "the step is divided by its largest change, and then multiplied by the rate"
        raise ConfigError(f"rate of rule {layer.rule.name}", "above 0 with step='largest'", layer.rule.rate, advice)
    if getattr(layer, "eligibility", 0) > 0:
        raise ConfigError("step", "'capped' with an eligibility trace", layer.step, "what waits has no size yet")


def _check_as_published(layer: Any) -> None:
    """Refuse what only windows, or only steps divided by their largest change, can have."""
    if layer.momentum >= 1:
        raise ConfigError("momentum", "from 0, below 1", layer.momentum)
    if layer.normalise != "window":
        for name, only in (("momentum", 0), ("answers", "at once")):
            if getattr(layer, name) != only:
                raise ConfigError(name, f"{only!r} without normalise='window'", getattr(layer, name))
    if layer.answers == "window" and layer.warm_up > 0:
        why = "an image of the warm-up is in no window"
        raise ConfigError("warm_up", "0 with answers='window'", layer.warm_up, why)
    if layer.pre_triangle and layer.step != "largest":
        why = "norms are followed by the potentials themselves"
        raise ConfigError("step", "'largest' with pre_triangle", layer.step, why)


def _check_competition(layer: Any) -> None:
    competition = layer.competition
    competition.check(layer.neurons)
    if isinstance(layer.bias, LogPrior) and not (isinstance(competition, SoftWTA) and competition.posterior):
        raise ConfigError("competition", "SoftWTA, not signed, not winner_only, where bias is a LogPrior", competition)


def _check_mixed(layer: Any) -> None:
    """Refuse, with a rule that mixes neurons, what needs a decay and a growth for each neuron."""
    rule = type(layer.rule).__name__
    if layer.neurons > MOST_MIXED:
        raise ConfigError("neurons", f"at most {MOST_MIXED} with {rule}", layer.neurons, "it costs all synapses")
    for name, only in (
        ("competition", NoInhibition()), ("activation", Identity()), ("bias", None), ("window", 1),
        ("lebesgue", 2), ("renormalise", False), ("leak", 0), ("eligibility", 0),
        ("weight_sum", None), ("step", "capped"),
    ):  # fmt: skip
        if getattr(layer, name) != only:
            raise ConfigError(name, f"{only!r} with {rule}", getattr(layer, name))
    if isinstance(schedule(layer.rule), NormAdaptiveRate | WinCountRate):
        raise ConfigError(f"rate of {rule}", "the same for all neurons", schedule(layer.rule))
    if layer.normalise == "sample" and highest(layer.rule.rate) >= 1:
        raise ConfigError(f"rate of {rule}", "below 1 for inputs of norm 1", highest(layer.rule.rate))


def _check_few_bits(layer: Any) -> None:
    """Refuse, with synapses of few bits or of cells, what writes more than growth at active inputs."""
    what = "weight_bits" if layer.weight_bits is not None else "devices"
    rounds = layer.weight_bits is not None or (layer.devices is not None and layer.devices.states is not None)
    if layer.rounding != "stochastic" and not rounds:
        raise ConfigError("rounding", "'stochastic' without weight_bits", layer.rounding, "nothing is rounded")
    if layer.weight_bits is None and layer.devices is None:
        return
    if layer.devices is not None and layer.weight_bits is not None:
        why = "its states are those of its cells"
        raise ConfigError("weight_bits", "None with devices", layer.weight_bits, why)
    if layer.devices is not None and layer.initial == "samples":
        why = "a neuron's cells are programmed before the first sample"
        raise ConfigError("initial", "'uniform', 'normal' or 'zeros' with devices", layer.initial, why)
    if layer.rule.mixes:
        why = "it writes every synapse at every sample"
        raise ConfigError("rule", f"another one with {what}", type(layer.rule).__name__, why)
    for name, only, why in (
        ("window", 1, "growth is rounded as each sample comes"),
        ("lebesgue", 2, "the norm is a sum of squares"),
        ("renormalise", False, "Hebb and HebbNet grow without; take a rule that decays"),
        ("weight_sum", None, "Hebb and HebbNet grow without; take a rule that decays"),
        ("step", "capped", "it moves every synapse of a neuron"),
        ("leak", 0, "it folds scales into synapses"),
        ("eligibility", 0, "its trace writes every synapse"),
    ):
        if getattr(layer, name) != only:
            raise ConfigError(name, f"{only!r} with {what}", getattr(layer, name), why)


def _warn(layer: Any) -> None:
    rule, rate = layer.rule, schedule(layer.rule).rate
    name = type(rule).__name__
    bounded = isinstance(rule, Hebb) and isinstance(layer.competition, Corrected)  # it grows as long as it errs
    bounded = bounded or layer.renormalise or layer.weight_sum is not None or layer.leak > 0
    if not rule.bounded and rate > 0 and not bounded:
        text = f"{name} has no decay, so weights grow without bound: renormalise must be True or leak above 0"
        warnings.warn(f"{text}, got {layer.renormalise} and {layer.leak}", StabilityWarning, stacklevel=STACK)
    if layer.lebesgue == 1 and layer.initial == "uniform":
        text = "lebesgue=1 leaves of weights their signs, and with initial='uniform' all are positive"
        advice = "so all potentials are equal: lebesgue must be above 1, or initial another"
        text = f"{text}, {advice}, got {layer.lebesgue} and {layer.initial!r}"
        warnings.warn(text, StabilityWarning, stacklevel=STACK)
    if instability := rule.instability(layer):
        warnings.warn(instability, StabilityWarning, stacklevel=STACK)


def may_be_negative(layer: Any, negative_weights: bool = False) -> bool:
    """Return whether a layer that learns from inputs of at least 0 may transmit negative numbers.

    `negative_weights` tells whether an array of first weights has some.
    """
    if not isinstance(layer.transmit, Identity):
        return False
    positive = layer.initial in ("uniform", "samples") and layer.rule.keeps_sign and not negative_weights
    return not positive or not layer.competition.positive or getattr(layer.competition, "signed", False)


def settles(layer: Any) -> bool:
    """Return whether steps get smaller as neurons come to fit their inputs, and stay so while inputs stay the same.

    Not where neurons unlearn, or wait for a modulator: their steps rise and fall with that.
    """
    competition, waits = layer.competition, getattr(layer, "eligibility", 0) > 0
    return layer.rule.settles and competition.positive and not getattr(competition, "signed", False) and not waits
