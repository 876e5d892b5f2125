"""What a chip's classes are as a Bayesian model, and how they change with the sample: attacks and paths."""

from neurosim.bayes.attacks import Adversarial, attack, random_noise
from neurosim.bayes.classifier import Classifier
from neurosim.bayes.inputs import DifferentiableClassifier
from neurosim.bayes.paths import ascend, interpolate
from neurosim.bayes.surrogates import sharpened

__all__ = [
    "Adversarial",
    "Classifier",
    "DifferentiableClassifier",
    "ascend",
    "attack",
    "interpolate",
    "random_noise",
    "sharpened",
]
