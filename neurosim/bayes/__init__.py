"""Chips as Bayesian models: what they say of a sample, how sure they are, and which sample they would say it of."""

from neurosim.bayes.attacks import Adversarial as Adversarial
from neurosim.bayes.attacks import attack as attack
from neurosim.bayes.attacks import random_noise as random_noise
from neurosim.bayes.classifier import Classifier as Classifier
from neurosim.bayes.inputs import DifferentiableClassifier as DifferentiableClassifier
from neurosim.bayes.layers import layer_inputs as layer_inputs
from neurosim.bayes.mixture import Mixture as Mixture
from neurosim.bayes.paths import ascend as ascend
from neurosim.bayes.paths import interpolate as interpolate
from neurosim.bayes.surrogates import sharpened as sharpened
