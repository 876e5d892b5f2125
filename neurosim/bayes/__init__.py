"""Chips as Bayesian models: what they say of a sample, how sure they are, and which sample they would say it of."""

from neurosim.bayes.classifier import Classifier as Classifier
from neurosim.bayes.layers import layer_inputs as layer_inputs
from neurosim.bayes.mixture import Mixture as Mixture
