"""What readouts take for a response: what `Chip.respond` returns for many samples of one chip, and nothing else."""

import pytest
from naming import digits, fitted

import neurosim as ns

X, Y = (array[:200] for array in digits("train"))
READOUTS = {
    "soft": ns.SoftLabels, "winner": ns.WinnerLabels, "linear": ns.LinearReadout,
    "relu": lambda: ns.LinearReadout(features="relu"), "neighbours": ns.Neighbours,
}  # fmt: skip
CALLS = [(name, call) for name in READOUTS for call in ("add", "predict", "predict_proba")]
CALLS = [(name, call) for name, call in CALLS if hasattr(READOUTS[name](), call)]
RULE = "response must be what Chip.respond returns for samples of this chip, with "
calls = pytest.mark.parametrize(("name", "call"), CALLS)


@pytest.fixture(scope="module")
def chip():
    return ns.Chip([ns.recipes.softhebb(30)], inputs=64).learn(X)


@pytest.fixture(scope="module")
def wider():
    return ns.Chip([ns.recipes.softhebb(50)], inputs=64)


@pytest.fixture(scope="module")
def images():
    layer = ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.5))
    return ns.Chip([layer], inputs=(1, 8, 8))


def refusal(readout, call, response):
    """Return the line that a readout refuses a response with."""
    labels = (Y,) if call == "add" else ()
    with pytest.raises(ns.SampleError) as caught:
        getattr(readout, call)(response, *labels)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@calls
def test_what_is_no_response_to_samples_is_refused_in_a_line(chip, name, call):
    readout = fitted(READOUTS[name](), chip, X, Y)
    one, many = chip.respond_one(X[0]), chip.respond(X)
    wrong = {"'ndarray'": many.responses, "None": None, "'tuple'": tuple(many), "of the shape (30,)": one}
    for got, response in wrong.items():
        line = refusal(readout, call, response)
        assert line.startswith(RULE)
        assert got.strip("'") in line
        assert ("give respond(sample[None]) for one sample" in line) == (response is one)


@calls
def test_the_response_of_a_chip_of_another_width_is_refused_in_a_line(chip, wider, name, call):
    readout = fitted(READOUTS[name](), chip, X, Y) if call != "add" else READOUTS[name]()
    if call == "add":
        readout.add(chip.respond(X), Y)
    line = refusal(readout, call, wider.respond(X))
    assert "30" in line
    assert "50" in line
    if name not in {"linear", "relu"}:
        assert line.startswith(RULE)


@pytest.mark.parametrize("name", ["soft", "winner"])
def test_images_of_neurons_name_none(chip, images, name):
    response = images.respond(X)
    assert response.responses.ndim == 4
    for readout, call in ((READOUTS[name](), "add"), (fitted(READOUTS[name](), chip, X, Y), "predict")):
        assert f"got responses of the shape {response.responses.shape}" in refusal(readout, call, response)


def test_a_linear_readout_takes_images_of_neurons(images):
    readout = fitted(ns.LinearReadout(), images, X, Y)
    assert readout.predict(images.respond(X)).shape == (200,)


@pytest.mark.parametrize(
    "labels", [Y[:3], None, Y.astype(float), Y[:, None], 3], ids=["few", "None", "floats", "a column", "one"]
)
@pytest.mark.parametrize("name", READOUTS)
def test_labels_are_one_for_each_sample(chip, name, labels):
    with pytest.raises(ns.SampleError, match="labels must be whole numbers, one for each of 200 samples, got"):
        READOUTS[name]().add(chip.respond(X), labels)


@pytest.mark.parametrize("name", READOUTS)
def test_a_readout_that_is_not_fitted_predicts_nothing(chip, name):
    with pytest.raises(ns.ConfigError, match="readout must be fitted: add samples, then finish, got"):
        READOUTS[name]().predict(chip.respond(X))
