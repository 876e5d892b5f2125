"""Made-up records of cells of the Bayesian study: measures as the parts give them, with numbers at random."""

from neurosim.studies.bayes.attacks_tables import LARGEST, NORMS, REFERENCE
from neurosim.studies.bayes.controls import PASSES
from neurosim.studies.bayes.corruptions import STRENGTHS
from neurosim.studies.bayes.generation_report import CONCENTRATIONS, KINDS
from neurosim.studies.bayes.judges import JUDGES
from neurosim.studies.bayes.learning import SMOOTHINGS
from neurosim.studies.bayes.tuning import KINDS as TWINS

ALL = 60_000  # training samples


def record(settings, draw):
    """Return the record of a finished cell; `draw` gives a number from 0 to 1."""
    measures = {"data": settings["dataset"]} | BY_PART[settings["part"]](settings, draw)
    return {"status": "done", "seconds": 1.0, "measures": measures}


def learning(settings, draw):
    at = [0] if settings["method"] == "random" else [0, *settings["checkpoints"], ALL]
    curve = [[samples, 0.1 + draw(), draw(), 0.1 + draw()] for samples in at]
    smoothed = [[smoothing, draw()] for smoothing in SMOOTHINGS]
    return {"curve": curve, "converged": curve[-1][1:] if len(at) > 1 else [], "by_smoothing": smoothed}


def likelihood(settings, draw):
    at = [0, ALL] if settings["method"] == "deep" else [0, *settings["checkpoints"], ALL]
    made = {"curve": [[samples, draw()] for samples in at], "prototypes": draw(), "centre": draw()}
    if settings["method"] == "hard":
        return made
    fitted = draw() if draw() > 0.3 else None
    made |= {"concentration": fitted, "fitted": fitted, "em": [[n + 1, draw()] for n in range(settings["em_steps"])]}
    return made | {name: draw() for name in ("cosine", "first_cosine", "difference")}


def priors(settings, draw):
    if settings["train"] is None:
        names = ("prior", "none", "prior_cosines", "none_cosines")
        return {"draws": [{name: [draw() ** 0.1 for _ in range(4)] for name in names} for _ in range(2)]}
    each = {name: draw() for name in ("accuracy", "entropy", "likelihood", "unused")}
    shares = {name: [draw() for _ in range(3)] for name in ("shares", "responses")}
    return {"true": [0.5, 0.3, 0.2], "prior": each | shares, "none": each | shares}


def speed(settings, draw):
    at = [*settings["checkpoints"], ALL]
    names = ["own"]
    if settings["method"] in ("soft", "hard"):
        names = [f"{readout}-{labels}" for readout in ("soft", "winner", "linear") for labels in ("fixed", "seen")]
    elif settings["method"] == "random":
        names = ["linear-seen"]
    curves = {name: [[samples, None if samples < 300 else draw()] for samples in at] for name in names}
    return {"curves": curves} | ({"constants": [[n, 0.1, 8] for n in at]} if settings["method"] in TWINS else {})


def noise(settings, draw):
    curves = {name: [[at, draw(), draw()] for at in (0.0, *strengths)] for name, strengths in STRENGTHS.items()}
    vectors = settings["dataset"] == "own"  # of which there are two noises
    return {"curves": {name: curves[name] for name in ("Gaussian", "salt and pepper")} if vectors else curves}


def attacks(settings, draw):
    if settings["kind"] == "check":
        points = {norm: (0.0, *REFERENCE[norm], LARGEST[norm]) for norm in NORMS}
        return {"check": {norm: [[at, draw(), draw(), draw()] for at in points[norm]] for norm in NORMS}}
    if settings["kind"] == "transfers":
        sources = ("soft", "soft-ridge", "twin", "sharpened", "smoother")
        judged = ("soft", "soft-ridge", "twin")
        return {"transfers": [[norm, own, other, draw()] for norm in NORMS for own in judged for other in sources]}
    at = {norm: (0.0, *settings["epsilons"][norm]) for norm in NORMS}
    curves = {norm: [[epsilon, draw(), draw(), draw()] for epsilon in at[norm]] for norm in NORMS}
    without = settings["method"] in (*PASSES, "delta")
    certified = {} if without else {norm: [[epsilon, draw()] for epsilon in at[norm]] for norm in NORMS}
    return {"curves": curves, "certified": certified, "scales": {"linf": 1.0, "l2": 1.0}}


def confusing(settings, draw):
    names = ["epsilon", "mean_norm", "chance", "accuracy", "success", "plain_success", "noise_success", "smallest"]
    names += ["energy", "noise_energy"]
    whats = ("accuracy", "target", "agrees", "agrees_plain", "own", "agrees_small", "own_small")
    names += [f"{judge}_{what}" for judge in JUDGES for what in (*whats, "noise_target", "noise_own")]
    return {name: draw() if draw() > 0.2 else None for name in names}  # None: of nothing there is no share


def generation(settings, draw):
    kinds = KINDS if settings["mixture"] else ["paths"]
    names = [f"{kind}_{what}" for kind in kinds for what in ("said", "stayed", "stalled", "sure", "moved")]
    names += [f"{kind}_{judge}{what}" for kind in kinds for judge in JUDGES for what in ("", "_agrees", "_frames")]
    if settings["mixture"]:
        names += [f"between_{what}" for what in ("said", "angle", *JUDGES, *(f"{judge}_ends" for judge in JUDGES))]
        found = list(CONCENTRATIONS)[: 1 + (draw() > 0.3)]
        names += [f"drawn_{at}_{what}" for at in found for what in ("concentration", "cosine", "said", *JUDGES)]
    return {name: draw() for name in names}


BY_PART = {
    made.__name__: made
    for made in (learning, likelihood, priors, speed, noise, attacks, confusing, generation)
}  # fmt: skip
