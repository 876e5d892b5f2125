"""Attacks are no weaker than those of an independent library, on the same function in PyTorch."""

import numpy as np
import pytest
from naming import digits

from neurosim.bayes import Classifier, attack
from neurosim.interop import as_torch_module

MARGIN = 0.03  # of success rates: the last step of foolbox is not always its best, and it starts at random
EPSILONS = pytest.mark.parametrize(
    ("norm", "name", "epsilon"),
    [("linf", "LinfPGD", 0.05), ("linf", "LinfPGD", 0.1), ("l2", "L2PGD", 0.3), ("l2", "L2PGD", 0.6)],
)


@EPSILONS
def test_success_rates_are_those_of_foolbox(chip_and_readout, norm, name, epsilon):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: foolbox needs it")
    foolbox = pytest.importorskip("foolbox", reason="foolbox is not installed: the other attack library")
    samples, labels = digits("test")
    ours = attack(Classifier(*chip_and_readout), samples, labels, norm=norm, epsilon=epsilon)
    model = foolbox.PyTorchModel(as_torch_module(*chip_and_readout).eval(), bounds=(0, 1))
    other = getattr(foolbox.attacks, name)(abs_stepsize=2.5 * epsilon / 40, steps=40, random_start=False)
    given = torch.tensor(samples.astype(np.float64)), torch.tensor(labels)
    _, changed, success = other(model, *given, epsilons=epsilon)
    theirs = success.numpy()
    np.testing.assert_array_equal(Classifier(*chip_and_readout).predict(changed.numpy()) != labels, theirs)
    assert 0.1 < theirs.mean() < 0.9  # else there is nothing to compare
    assert theirs.mean() - 0.005 <= ours.success.mean() <= theirs.mean() + MARGIN
