"""The gain explorer in a browser: its numbers are those of chips, and everything on it can be moved."""

import math
from itertools import pairwise

import numpy as np
import pytest
from thinned import few_of

import neurosim as ns
from neurosim.views.explorer.page import explorer_page
from neurosim.views.explorer.presets import PRESETS
from neurosim.views.explorer.samples import chip_data, chip_samples

GAINS = ("1.0001", "1.01", "1.5", "2", "e", "10", "1000", "1e12", "1e30", "e^100")
POTENTIALS = (0.62, 0.35, 0.81, -0.2, 0.74, 0.81, 0.7, 0.35)  # two tie for the first place


def competing(potentials, **constants):
    """Return a chip whose potentials for the sample 1 are given numbers."""
    constants = {"competition": ns.SoftWTA(gain=2), "rule": ns.SoftHebb(rate=0.1), "normalise": "none"} | constants
    layer = ns.DenseWTA(len(potentials), initial="normal", **constants)
    return ns.Chip([layer], inputs=1, initial=np.array(potentials)[:, None])


def ones(*samples):
    return ns.streams.ArrayStream(np.array(samples or ([1.0],), np.float32))


@pytest.fixture
def show(browser, tmp_path):
    """Write the page of a chip's samples, or the page without one, and open it."""

    def open_page(chip=None, stream=None, samples=(0,), **told):
        path = tmp_path / "explorer.html"
        path.write_text(explorer_page(None if chip is None else chip_data(chip, stream, samples, **told)), "utf-8")
        return browser.open(path)

    return open_page


@pytest.fixture(autouse=True)
def _no_page_has_an_error(browser):
    yield
    assert browser.errors() == []
    assert browser.requests() == []


def number(browser, name):
    return float(browser.by(name).get_attribute("data-value"))


def numbers(browser, kind, count):
    return np.array([number(browser, f"{kind}-{k}") for k in range(count)])


def write(browser, name, text):
    """Type a text into a field, in place of what is there."""
    field = browser.by(name)
    browser.run("arguments[0].focus(); arguments[0].select()", field)
    field.send_keys(text or "\ue017")  # the delete key


@pytest.mark.slow
@pytest.mark.parametrize("potentials", [POTENTIALS, (0.5, 0.5), (3.0, 0.0, 2.999, 1.0), (0.0,) * 5])
def test_responses_and_entropy_are_those_of_the_chip_for_every_gain(show, potentials):
    browser = show(competing(potentials), ones())
    for text in GAINS:
        write(browser, "gain", text)
        softness = (
            {"gain": math.e} if text == "e" else {"gain": float(text)} if text[0] != "e" else {"temperature": 0.01}
        )
        expected = competing(potentials, competition=ns.SoftWTA(**softness)).respond_one([1.0])
        shares = expected.responses.astype(np.float64)
        np.testing.assert_allclose(numbers(browser, "response", len(potentials)), shares, rtol=0, atol=1e-6)
        entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum()
        assert number(browser, "entropy") == pytest.approx(entropy, abs=1e-5)
        assert number(browser, "entropy-share") == pytest.approx(entropy / math.log(len(potentials)), abs=1e-5)
        assert number(browser, "effective") == pytest.approx(math.exp(entropy), rel=1e-5)
        assert number(browser, "winner") == expected.winner
        assert number(browser, "winner-share") == pytest.approx(shares[expected.winner], abs=1e-6)
        assert "NaN" not in browser.by("gain").get_attribute("value") + browser.run("return document.body.innerText")


@pytest.mark.parametrize("temperature", few_of([1e6, 30.0, 1.0, 0.05, 1e-3, 1e-30]))
def test_responses_are_those_of_the_chip_for_every_temperature(show, temperature):
    browser = show(competing(POTENTIALS), ones())
    write(browser, "temperature", str(temperature))
    expected = competing(POTENTIALS, competition=ns.SoftWTA(temperature=temperature)).respond_one([1.0]).responses
    np.testing.assert_allclose(numbers(browser, "response", len(POTENTIALS)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "activation", few_of([ns.ReLU(), ns.Triangle(), ns.Triangle(power=1.4), ns.Softmax(temperature=0.3)]), ids=repr
)
def test_activated_potentials_compete(show, activation):
    chip = competing(POTENTIALS, activation=activation, competition=ns.SoftWTA(temperature=0.1))
    browser = show(chip, ones())
    responses = chip.respond_one([1.0]).responses
    np.testing.assert_allclose(numbers(browser, "response", len(POTENTIALS)), responses, rtol=0, atol=1e-6)


BIASES = [ns.LogPrior(rate=0.05), ns.AdaptiveThreshold(step=0.05, leak=0.1)]


@pytest.mark.parametrize("bias", BIASES, ids=repr)
@pytest.mark.parametrize("competition", [{"temperature": 0.1}, {"relative_temperature": 0.2}], ids=str)
def test_shares_follow_from_what_the_page_is_given(samples, bias, competition):
    layer = ns.recipes.softhebb(8, bias=bias, activation=ns.ReLU(), **competition)
    chip = ns.Chip([layer], inputs=64).learn(samples)
    given, (sample,) = chip_data(chip, ns.open_stream("digits"), [3]), chip_samples(chip, ns.open_stream("digits"), [3])
    assert np.ptp(sample.thresholds + sample.offsets) > 0
    exponents = given["sharpness"] * (np.maximum(sample.potentials, 0) - sample.thresholds) + sample.offsets
    shares = np.exp(exponents - exponents.max())
    np.testing.assert_allclose(shares / shares.sum(), chip.respond(samples[3:4]).responses[0], atol=1e-6)


@pytest.mark.parametrize("bias", BIASES, ids=repr)
def test_a_bias_stays_as_it_is_when_the_gain_moves(show, samples, bias):
    layer = ns.recipes.softhebb(8, bias=bias, temperature=0.1)
    chip = ns.Chip([layer], inputs=64).learn(samples)
    browser = show(chip, ns.open_stream("digits"))
    for temperature in (0.1, 0.3):
        write(browser, "temperature", str(temperature))
        responses = chip.with_constants(temperature=temperature).respond_one(samples[0]).responses
        np.testing.assert_allclose(numbers(browser, "response", 8), responses, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "constants",
    few_of([
        {}, {"normalise": "none", "rate": 0.003}, {"normalise": "stream"}, {"cap": 0.001}, {"cutoff": 0.2},
        {"rate": ns.ConstantRate(0.2)}, {"rate": ns.WinCountRate(0.5)}, {"floor": 0.3},
        {"competition": ns.SoftWTA(temperature=0.1, signed=True)},
    ]),
    ids=str,
)  # fmt: skip
def test_step_sizes_are_those_that_the_chip_takes(show, samples, constants):
    layer = ns.recipes.softhebb(8, **({} if "competition" in constants else {"temperature": 0.1}) | constants)
    if "competition" in constants:
        layer = ns.DenseWTA(8, rule=ns.SoftHebb(rate=0.5), normalise="sample", radius=5.0, **constants)
    chip = ns.Chip([layer], inputs=64).learn(samples[:50])
    browser = show(chip, ns.open_stream("digits"), [60])
    before = chip.layers[0].weights.astype(np.float64)
    responses = chip.respond_one(samples[60]).responses
    chip.learn_one(samples[60])
    moved = np.linalg.norm(chip.layers[0].weights - before, axis=1)
    signs = np.where(responses < 0, -1, 1)
    np.testing.assert_allclose(numbers(browser, "step", 8), signs * moved, rtol=2e-3, atol=2e-6)
    np.testing.assert_allclose(numbers(browser, "response", 8), abs(responses), rtol=0, atol=1e-6)
    assert browser.by("signed").is_selected() == bool((responses < 0).any())
    assert number(browser, "winner-step") == pytest.approx(moved[abs(responses).argmax()] / moved.sum(), rel=2e-3)


def test_losers_that_unlearn_take_the_same_steps_the_other_way(show):
    browser = show()
    learned = numbers(browser, "step", 8)
    browser.by("signed").click()
    unlearned = numbers(browser, "step", 8)
    winner = int(number(browser, "winner"))
    assert unlearned[winner] == learned[winner] > 0
    np.testing.assert_array_equal(np.delete(unlearned, winner), -np.delete(learned, winner))
    assert "unlearns" in browser.by("step-0").get_attribute("class")
    assert [browser.by(f"response-{k}").get_attribute("data-value")[0] for k in range(8)] == ["0"] * 8


def test_steps_of_presets_are_those_of_unit_vectors(show):
    browser = show()
    potentials, shares = (numbers(browser, kind, 8) for kind in ("potential", "response"))
    np.testing.assert_allclose(numbers(browser, "step", 8), shares * np.sqrt(1 - potentials**2), rtol=1e-12)


@pytest.mark.slow
def test_the_slider_moves_gain_and_temperature_and_the_plot(show):
    browser = show()
    slider = browser.by("sharpness")
    assert (browser.by("gain").get_attribute("value"), browser.by("temperature").get_attribute("value")) == (
        "2.7183", "1",
    )  # fmt: skip
    heights = []
    for key, times in (("\ue014", 20), ("\ue014", 10), ("\ue012", 30)):  # right, right, left
        for _ in range(times):
            slider.send_keys(key)
        heights.append(browser.run("return document.querySelector('#response-2 .fill').height.baseVal.value"))
        sharpness = number(browser, "lock")
        assert sharpness * float(browser.by("temperature").get_attribute("value")) == pytest.approx(1, rel=1e-4)
        assert math.log(float(browser.by("gain").get_attribute("value"))) == pytest.approx(sharpness, rel=1e-4)
        now = browser.run("return document.querySelector('#curves .now').getAttribute('x1')")
        assert f"temperature {float(browser.by('temperature').get_attribute('value')):g}" in slider.get_attribute(
            "aria-valuetext"
        )
    assert heights[1] > heights[0] > heights[2] > 0
    assert number(browser, "lock") == 1
    assert now == browser.run("return document.querySelector('#curves .mark').getAttribute('x1')")


def test_the_ends_of_the_slider_are_uniform_and_winner_take_all(show):
    browser = show()
    browser.by("sharpness").send_keys("\ue011")  # home
    assert number(browser, "entropy-share") > 0.999999
    browser.by("sharpness").send_keys("\ue010")  # end
    assert number(browser, "winner-share") == 1
    assert number(browser, "entropy") < 1e-12
    assert browser.by("gain").get_attribute("value") == "1.97e434"


@pytest.mark.parametrize(("name", "text"), [
    ("gain", "1"), ("gain", "many"), ("temperature", "-1"),
    *(pytest.param(name, text, marks=pytest.mark.slow) for name, text in [
        ("gain", "0.5"), ("gain", "-3"), ("gain", ""), ("gain", "e^"), ("gain", "1e"), ("gain", "e^-1"),
        ("gain", "1.2.3e400"), ("temperature", "0"), ("temperature", "1e-40"), ("temperature", "e"),
    ]),
])  # fmt: skip
def test_a_gain_or_a_temperature_that_there_is_none_of_is_refused(show, name, text):
    browser = show()
    before = numbers(browser, "response", 8)
    write(browser, name, text)
    assert f"The {name} must be" in browser.by("message").text
    assert browser.by(name).get_attribute("aria-invalid") == "true"
    typed = "".join(text)
    if not text.startswith("1"):  # a part of these is a gain
        np.testing.assert_array_equal(numbers(browser, "response", 8), before)
    assert browser.by(name).get_attribute("value") == typed
    browser.run("arguments[0].blur()", browser.by(name))
    assert browser.by("message").text == ""
    assert browser.by(name).get_attribute("value") != typed


def test_a_bar_is_dragged(show):
    from selenium.webdriver.common.action_chains import ActionChains

    browser = show()
    bar = browser.by("potential-5")
    height = browser.run("const b = arguments[0].querySelector('.fill').getBoundingClientRect();"
                              "return b.height", bar)  # fmt: skip
    before = number(browser, "response-5")
    ActionChains(browser.driver).move_to_element(
        bar.find_element("css selector", ".fill")
    ).click_and_hold().move_by_offset(0, -60).release().perform()
    pixels = height / 0.2  # of a potential of 1
    assert number(browser, "potential-5") == pytest.approx(0.1 + 60 / pixels, abs=1.5 / pixels)
    assert number(browser, "response-5") > before
    assert browser.by("selected").text == "5"
    ActionChains(browser.driver).move_by_offset(0, -40).perform()  # released: it stays
    assert number(browser, "potential-5") == pytest.approx(0.1 + 60 / pixels, abs=1.5 / pixels)


def test_bars_obey_keys_and_keep_the_focus(show):
    browser = show()
    bar = browser.by("potential-2")
    browser.run("arguments[0].focus()", bar)
    for key, potential in (
        ("\ue013", 0.82), ("\ue015", 0.81), ("\ue014", 0.82), ("\ue012", 0.81), ("\ue00e", 0.91), ("\ue00f", 0.81),
        ("\ue010", 1.0), ("\ue013", 1.0), ("\ue011", 0.0), ("\ue015", 0.0),
    ):  # fmt: skip
        browser.driver.switch_to.active_element.send_keys(key)
        assert number(browser, "potential-2") == pytest.approx(potential)
        assert float(bar.get_attribute("aria-valuenow")) == pytest.approx(potential)
    assert browser.run("return document.activeElement.id") == "potential-2"
    assert number(browser, "winner") == 4


def test_the_field_sets_the_selected_neuron(show):
    browser = show()
    browser.run("arguments[0].focus()", browser.by("potential-3"))
    write(browser, "potential", "0.123")
    assert number(browser, "potential-3") == 0.123
    write(browser, "potential", "7")
    assert number(browser, "potential-3") == 1  # cosines end there
    browser.run("arguments[0].blur()", browser.by("potential"))
    assert browser.by("potential").get_attribute("value") == "1"


@pytest.mark.slow
def test_there_are_two_to_twelve_neurons(show):
    browser = show()
    for name, end in (("add", 12), ("remove", 2)):
        for _ in range(12):
            browser.by(name).click()
        assert number(browser, "neurons") == end == len(browser.all("#responses .bar"))
        assert not browser.by(name).is_enabled()
    assert numbers(browser, "response", 2).sum() == pytest.approx(1)


@pytest.mark.slow
def test_presets_show_what_they_say(show):
    browser = show()
    seen = {}
    for preset in PRESETS:
        browser.by(f"preset-{preset.id}").click()
        assert browser.by("note").text == preset.note
        assert browser.by(f"preset-{preset.id}").get_attribute("aria-pressed") == "true"
        assert number(browser, "lock") == preset.sharpness
        seen[preset.id] = numbers(browser, "response", len(browser.all("#responses .bar")))
    softmax, dimensions = seen["softmax"], seen["dimensions"]
    assert softmax.max() / softmax.min() < math.e
    assert np.ptp(seen["uniform"]) < 1e-3
    assert seen["hard"].max() == 1
    assert [round(share, 1) for share in seen["rivals"][:3]] == [0.6, 0.4, 0.0]
    assert seen["clear"][0] > 0.95
    assert dimensions.max() / dimensions.min() < 1.06
    assert 1 < (seen["enough"] > 0.01).sum() < 12
    browser.by("sharpness").send_keys("\ue014")
    assert browser.all("[aria-pressed=true]") == []
    assert not browser.by("note").is_displayed()  # it is not true any more


def test_the_cosines_of_high_dimensions_are_real(data):
    stream = ns.open_stream("mnist:test", root=data)
    chip = ns.Chip([ns.recipes.softhebb(12)], inputs=784, seed=0)
    cosines = chip.respond_one(next(stream.blocks(size=1)).samples[0]).potentials / chip.layers[0].norms
    np.testing.assert_allclose(next(p for p in PRESETS if p.id == "dimensions").potentials, cosines, atol=6e-4)


@pytest.mark.slow
def test_of_many_neurons_the_strongest_are_shown_and_all_are_counted(show, samples):
    chip = ns.Chip([ns.recipes.softhebb(500, temperature=0.2)], inputs=64, seed=1).learn(samples)
    browser = show(chip, ns.open_stream("digits:test"), [0, 1])
    for index in (0, 1):
        browser.by(f"sample-{index}").click()
        stream = ns.open_stream("digits:test")
        response = chip.respond_one(next(stream.blocks(start=index, size=1)).samples[0])
        shares = response.responses.astype(np.float64)
        strongest = np.argsort(-response.potentials, kind="stable")[:10]
        assert [bar.get_attribute("id") for bar in browser.all("#potentials .bar")] == [
            f"potential-{k}" for k in strongest
        ]
        shown = [number(browser, f"response-{k}") for k in strongest]
        np.testing.assert_allclose(shown, shares[strongest], rtol=0, atol=1e-6)
        assert number(browser, "response-others") == pytest.approx(1 - sum(shown), abs=1e-6)
        assert number(browser, "entropy") == pytest.approx(-(shares * np.log(shares)).sum(), abs=1e-5)
        assert number(browser, "neurons") == 500
    browser.by("preset-softmax").click()  # back to a row of eight
    assert len(browser.all("#potentials .bar")) == 8
    assert not browser.all("#response-others")


def test_a_position_of_an_image_competes(show):
    layer = ns.ConvWTA(6, kernel=3, competition=ns.SoftWTA(temperature=0.5, signed=True), rule=ns.SoftHebb(rate=0.01))
    images = np.random.default_rng(0).random((9, 1, 8, 8), np.float32)
    chip = ns.Chip([layer], inputs=(1, 8, 8)).learn(images[:8])
    browser = show(chip, ns.streams.ArrayStream(images[8].reshape(1, 64)))
    response = chip.respond_one(images[8])
    _, row, column = np.unravel_index(response.potentials.argmax(), response.potentials.shape)
    assert f"row {row}, column {column}" in browser.by("sample-0").text
    np.testing.assert_allclose(
        numbers(browser, "response", 6), abs(response.responses[:, row, column]), rtol=0, atol=1e-6
    )
    assert "convolutional" in browser.by("no-steps").text
    assert not browser.by("plasticity").is_displayed()


def test_a_deeper_layer_sees_what_the_one_before_it_sends(show, samples, make_chip):
    chip = make_chip(20, 6, temperature=0.1).learn(samples)
    browser = show(chip, ns.open_stream("digits"), [7], layer=1)
    responses = chip.respond_one(samples[7]).responses
    np.testing.assert_allclose(numbers(browser, "response", 6), responses, rtol=0, atol=1e-6)
    before = chip.layers[1].weights.astype(np.float64)
    chip.learn_one(samples[7])
    moved = np.linalg.norm(chip.layers[1].weights - before, axis=1)
    np.testing.assert_allclose(numbers(browser, "step", 6), moved, rtol=2e-3, atol=2e-6)


def test_names_are_text(show):
    hostile = (
        "\u202e</script><script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">&amp;\u2028"
    )
    stream = ns.streams.ArrayStream(np.ones((1, 1)), np.zeros(1, np.int64))
    stream.classes = (hostile,)
    browser = show(competing(POTENTIALS), stream, name=hostile)
    assert hostile.replace("\u2028", r"\u2028").replace("\u202e", r"\u202e") in browser.by("chip-text").get_attribute(
        "textContent"
    )
    assert "onerror" in browser.by("sample-0").text
    assert browser.driver.title == "Gain explorer"


@pytest.mark.parametrize("competition", [ns.HardWTA(), ns.KWTA(2), ns.SoftWTA(gain=5, winner_only=True)], ids=repr)
def test_other_competitions_are_told_of(show, competition):
    browser = show(competing(POTENTIALS, competition=competition, rule=ns.Oja(rate=0.1)), ones())
    text = browser.by("chip-text").text
    told = {"HardWTA": "is hard", "KWTA": "is KWTA", "SoftWTA": "winner_only"}[type(competition).__name__]
    assert told in text
    assert "rule is Oja" in text


def test_a_rule_of_ones_own_is_named_and_its_steps_are_in_units_of_its_rate(show, samples):
    @ns.rule
    def leaky(response, rate=0.1):
        return 1 - rate, rate * response

    layer = ns.DenseWTA(5, competition=ns.SoftWTA(temperature=0.1), rule=leaky())
    browser = show(ns.Chip([layer], inputs=64), ns.open_stream("digits"))
    assert "The layer's rule is leaky; steps are SoftHebb's, in units of its rate." in browser.by("chip-text").text
    assert "in units of the rate" in browser.by("plasticity-unit").text
    assert browser.by("assumption").text.startswith("Norms, cutoff and cap are those of the layer;")
    show(ns.Chip([ns.recipes.softhebb(5)], inputs=64), ns.open_stream("digits"))
    assert "units" not in browser.by("plasticity-unit").text
    assert browser.by("assumption").text.startswith("Norms, rates, cutoff and cap")


@pytest.mark.parametrize("size", [1e-6, 1e-30])
def test_small_potentials_are_told_apart(show, size):
    browser = show(competing([4 * size, 2 * size, size]), ones())
    for chart in ("potentials", "steps"):
        ticks = [tick.text for tick in browser.all(f"#{chart} .tick")]
        assert len(ticks) == len(set(ticks)) > 3
    values = [value.text for value in browser.all("#potentials .value")]
    assert [float(value) for value in values] == pytest.approx([4 * size, 2 * size, size])
    heights = browser.run(
        "return [...document.querySelectorAll('#potentials .fill')].map((b) => b.height.baseVal.value)"
    )
    assert heights == sorted(heights, reverse=True)
    assert heights[1] == pytest.approx(heights[0] / 2, rel=1e-3)


@pytest.mark.parametrize("width", few_of([385, 860, 1400], 2))
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_the_page_fits_its_window(show, browser, width, scheme, samples, make_chip):
    browser.size(width)
    browser.scheme(scheme)
    show(make_chip(3000).learn(samples), ns.open_stream("digits"), range(8))
    assert browser.run("return document.documentElement.scrollWidth") <= width
    outside = """
    return [...document.querySelectorAll('svg text, input, button, output')].filter((piece) => {
      const box = piece.getBoundingClientRect(), section = piece.closest('section').getBoundingClientRect();
      return box.left < section.left - 1 || box.right > section.right + 1;
    }).map((piece) => piece.id || piece.textContent)"""
    assert browser.run(outside) == []
    edges = "return [...arguments[0].querySelectorAll(arguments[1])].map((t) => t.getBoundingClientRect())"
    edges += ".map((b) => [b.left, b.right])"
    for chart in ("potentials", "responses", "steps"):
        for texts in (".name", ".value"):
            boxes = browser.run(edges, browser.by(chart), texts)
            assert len(boxes) >= 8
            assert all(left[1] <= right[0] for left, right in pairwise(boxes)), (chart, texts, boxes)


def test_the_page_has_no_address():
    page = explorer_page()
    assert "http:" not in page.lower()
    assert "https:" not in page.lower()
    assert "unsafe" not in page
    assert len(page) < 60_000


def test_the_policy_admits_only_the_page_s_own_script(browser, tmp_path):
    path = tmp_path / "explorer.html"
    path.write_text(explorer_page().replace("const FROM = -3", "const FROM = -4"), "utf-8")
    browser.open(path)
    assert "Content Security Policy" in browser.errors()[0]
    assert not browser.all(".bar")
    path.write_text(explorer_page(), "utf-8")
    assert browser.open(path).all(".bar")


def test_what_cannot_be_shown_is_refused(samples, make_chip):
    digits = ns.open_stream("digits:test")
    with pytest.raises(ns.ConfigError, match="neurons of layer 1 must be at least 2, to compete, got 1"):
        chip_data(make_chip(1), digits, [0])
    with pytest.raises(ns.SampleError, match="within digits:test, which ends before 9999"):
        chip_data(make_chip(5), digits, [0, 9999])
    with pytest.raises(ns.ConfigError, match="layer must be a whole number of at most 0, got 1"):
        chip_data(make_chip(5), digits, [0], 1)
    with pytest.raises(ns.ConfigError, match="number of samples must be a whole number of at least 1, got 0"):
        chip_data(make_chip(5), digits, [])
    with pytest.raises(ns.SampleError, match="must have 3 inputs"):
        chip_data(ns.Chip([ns.recipes.softhebb(5)], inputs=3), digits, [0])


@pytest.mark.slow
def test_pictures_of_the_page_are_small(show, browser, tmp_path, make_chip):
    show().by("preset-rivals").click()
    browser.by("signed").click()
    pictures = [browser.picture("explorer", tmp_path)]
    chip = make_chip(200).learn(ns.open_stream("digits:train"))
    show(chip, ns.open_stream("digits:test"), range(8), name="chip.h5")
    pictures.append(browser.picture("explorer-chip", tmp_path))
    for picture in pictures:
        assert 10_000 < picture.stat().st_size <= 80_000


@pytest.mark.parametrize(
    "constants", few_of([{}, {"normalise": "stream"}, {"normalise": "none", "radius": 35.0}]), ids=str
)
def test_a_chip_that_learned_nothing_and_a_blank_sample_are_shown(show, samples, constants):
    # A relative temperature is not known yet, and then each sample would have its own.
    chip = ns.Chip([ns.recipes.softhebb(30, temperature=0.01, **constants)], inputs=64)
    browser = show(chip, ones(samples[0], np.zeros(64)), [0, 1])
    for index, x in enumerate((samples[0], np.zeros(64))):
        browser.by(f"sample-{index}").click()
        strongest = np.argsort(-chip.respond_one(x).potentials, kind="stable")[:10]
        shown = [number(browser, f"response-{k}") for k in strongest]
        np.testing.assert_allclose(shown, chip.respond_one(x).responses[strongest], rtol=0, atol=1e-6)
        assert "NaN" not in browser.run("return document.querySelector('main').outerHTML")
