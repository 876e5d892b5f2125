"""Chips as Bayesian models: what they say of a sample, how sure they are, and which sample they would say it of."""

from neurosim.bayes.classifier import Classifier as Classifier
