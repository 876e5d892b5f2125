"""A chip as the probability model that it implies."""

from neurosim.bayes.layers import layer_inputs as layer_inputs
from neurosim.bayes.mixture import Mixture as Mixture
