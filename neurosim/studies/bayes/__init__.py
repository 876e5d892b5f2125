"""The study of the claims that a SoftHebb layer is a Bayesian model: one part for each claim."""

from neurosim.studies.bayes.study import STUDY as STUDY
