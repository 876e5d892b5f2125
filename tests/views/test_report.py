"""Reports: all on one page, every text as it is, nothing fetched and nothing run, in a real browser too."""

import html
import json
import re
import shutil

import h5py
import numpy as np
import pytest
from html_pages import Links, texts
from ticking import digits, ticking

import neurosim as ns
from neurosim.errors import ConfigError, StateError
from neurosim.layers.expressions import chip_expression
from neurosim.views.report import record_report, state_report

HOSTILE = "<script>document.title='run'</script><img src=http://127.0.0.1:9/a.png onerror=\"document.title='run'\">'\"&"


def conv(neurons):
    return ns.ConvWTA(
        neurons, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=ns.NormAdaptiveRate(0.1))
    )


@pytest.fixture(scope="session")  # workers take turns at modules
def state(tmp_path_factory):
    """A chip with a change of constants, names of labels, and a stream whose name is hostile."""
    path = tmp_path_factory.mktemp("report") / "chip.h5"
    chip = ns.Chip([ns.recipes.softhebb(30), ns.recipes.softhebb(12)], inputs=64)
    chip = chip.learn(digits()).with_constants(layer=0, rate=0.5).learn(digits())
    chip.classes = (HOSTILE, *"bcdefghij")
    chip.save(path, position=3594, stream={"name": HOSTILE, "order": HOSTILE})
    return path


@pytest.fixture(scope="session")  # workers take turns at modules
def record(tmp_path_factory):
    path = tmp_path_factory.mktemp("record") / "run.h5"
    chip = ns.Chip([ns.recipes.softhebb(9)], inputs=64)
    stream = digits()
    stream.name = HOSTILE
    ns.bench(chip, stream, samples=200, warm_up=5, stages=True, clock=ticking(500)).save(path)
    return path


@pytest.fixture(scope="session")  # workers take turns at modules
def whole(state):
    """A report of everything."""
    return state_report(state, stream=digits(), samples=400, hardware="loihi", command=f"neurosim report {HOSTILE}")


def sections(page):
    return re.findall(r'<section id="([a-z]+)">', page)


def test_a_report_has_all_sections(whole):
    names = ["chip", "learned", "figures", "latency", "cost", "provenance", "missing"]
    assert sections(whole) == names
    assert re.findall(r'href="#([a-z]+)"', whole) == names


def test_it_says_what_the_chip_is_and_what_it_learned(whole, state):
    chip, shown = ns.Chip.load(state), texts(whole)
    assert chip_expression(chip) in shown
    assert "rule.rate" in shown
    assert chip.state_sha256 in shown
    live = (chip.layers[0].neurons()["state"] == "live").sum()
    assert re.search(rf"\n3,594\n0\n[\d.]+%\n{live}\n", shown)
    assert f"neurosim {ns.__version__}" in shown
    assert "NumPy " + np.__version__ in shown


def test_numbers_are_those_of_the_chips_own_summaries(whole, state):
    loihi = ns.hardware.load("loihi")
    counts = ns.hardware.count(ns.Chip.load(state), digits(), learning=False, samples=400)
    priced = ns.hardware.price(counts, loihi)
    assert html.escape(priced.hardware.title) in whole
    assert priced._repr_html_() in whole


@pytest.mark.slow
def test_what_is_missing_is_told(state):
    page = state_report(state)
    assert sections(page) == ["chip", "learned", "figures", "provenance", "missing"]
    shown = texts(page)
    assert "latency: give samples to measure it on (--stream), or what was measured before (--record)" in shown
    assert "layer 1 fields: the state does not say that samples are images: give their --shape H,W" in shown
    assert "cost: give a described chip (--chip) and samples to price (--stream)" in shown
    with_fields = state_report(state, shape=(8, 8))
    assert "--shape" not in texts(with_fields)
    assert with_fields.count("<figure>") == page.count("<figure>") + 1


def test_a_chip_that_learned_nothing_has_a_report(tmp_path):
    ns.Chip([ns.recipes.softhebb(5)], inputs=3).save(tmp_path / "new.h5")
    shown = texts(state_report(tmp_path / "new.h5", shape=()))
    assert "not learned yet" in shown
    assert "It has learned from no sample yet" in shown
    assert "layer 1 records: none after 0 samples: the first is taken after 100" in shown


@pytest.mark.slow
def test_what_cannot_be_made_is_left_out_alone(tmp_path):
    layers, left_out = [ns.recipes.softhebb(2000), ns.recipes.delta_readout(10)], {}  # too many neurons for xylo
    ns.Chip(layers, inputs=(1, 8, 8)).save(tmp_path / "new.h5")
    page = state_report(
        tmp_path / "new.h5", stream=digits(), samples=50, hardware="xylo", leave_out=left_out.setdefault
    )  # fmt: skip
    assert sections(page) == ["chip", "learned", "figures", "latency", "provenance", "missing"]
    assert left_out.keys() == {"cost", "confusion", "layer 1 records", "layer 2 records", "layer 2 fields"}
    assert "network must be small enough" in left_out["cost"]


@pytest.mark.slow
def test_a_chip_that_loses_events_has_no_cost_beside_answers(tmp_path):
    left_out = {}
    ns.Chip([ns.recipes.softhebb(20)], inputs=(1, 8, 8)).save(tmp_path / "new.h5")
    lossy = ns.hardware.load("cmos45-int8", {"structure.lanes": 1, "structure.queue": 0, "structure.when_full": "drop"})
    page = state_report(
        tmp_path / "new.h5", stream=digits(), samples=50, hardware=lossy, leave_out=left_out.setdefault
    )  # fmt: skip
    assert "cost" not in sections(page)
    assert left_out["cost"].startswith("structure.queue of cmos45-int8 must be so long that no event is lost")


@pytest.mark.slow
def test_a_convolutional_chip_has_a_report(tmp_path):
    images = digits()
    ns.Chip([conv(6), conv(4), ns.recipes.softhebb(5)], inputs=(1, 8, 8)).learn(images).save(tmp_path / "conv.h5")
    shown = texts(state_report(tmp_path / "conv.h5", stream=images, samples=120))
    assert "patches of 3 x 3 of 6 x 6 x 6" in shown
    assert "layer 2 fields: weights of 6 channels are no picture" in shown
    assert "responding to 59 samples" in shown


def test_synapses_of_few_bits_take_so_many_bits(tmp_path):
    ns.Chip([ns.recipes.softhebb(40, weight_bits=3)], inputs=64).save(tmp_path / "bits.h5")
    assert "2,560 of 3 bits\n960 B\n" in texts(state_report(tmp_path / "bits.h5", shape=(8, 8)))


@pytest.mark.slow
def test_learning_is_timed_and_priced_on_a_copy(state):
    loihi = ns.hardware.load("loihi")
    page = state_report(state, stream=digits(), samples=300, learning=True, hardware=loihi, shape=())
    assert "learning from 300 samples" in texts(page)
    assert ns.Chip.load(state).state_sha256 in texts(page)
    deaf = next(ns.hardware.load(name) for name in ns.hardware.names() if not ns.hardware.load(name).learns())
    with pytest.raises(ConfigError, match="price responses"):
        state_report(state, stream=digits(), learning=True, hardware=deaf)


def test_a_record_is_shown_by_itself(record):
    alone = record_report(record, "neurosim report run.h5")
    assert sections(alone) == ["latency", "provenance"]
    assert ns.latency.read_record(record)._repr_html_() in alone


def recorded(chip, path, **options):
    ns.bench(chip, digits(), samples=200, warm_up=5, clock=ticking(500), **options).save(path)
    return path


@pytest.mark.slow
def test_a_record_is_shown_beside_the_state_of_its_chip(state, tmp_path):
    path = recorded(ns.Chip.load(state), tmp_path / "run.h5", learning=False)
    about = ns.latency.read_record(path).about
    page = state_report(state, record=path)
    shown = texts(page)
    assert ns.latency.read_record(path)._repr_html_() in page
    assert about["state_sha256"] == ns.Chip.load(state).state_sha256
    when = f"on {about['measured_at'][:10]} at {about['measured_at'][11:16]} UTC"
    assert f"Read from a record of an earlier measurement, {when}, of Chip(64 -> 30 -> 12" in shown
    assert ", which only responded to the samples." in shown
    assert "governor" in shown
    assert "Warning" not in shown


@pytest.mark.slow
def test_a_record_of_another_state_has_a_warning(state, tmp_path):
    path = recorded(ns.Chip.load(state), tmp_path / "run.h5", learning=True)  # begins in the same state
    assert "Warning" not in texts(state_report(state, record=path))
    path = recorded(ns.Chip.load(state).learn(digits()), tmp_path / "later.h5")
    assert "Warning: The chip was measured in another state (state_sha256 " in texts(state_report(state, record=path))
    with h5py.File(path, "r+") as file:
        summary = json.loads(file.attrs["summary"])
        del summary["state_sha256"], summary["measured_at"]
        file.attrs["summary"], file.attrs["version"] = json.dumps(summary), 1
    shown = texts(state_report(state, record=path))
    assert "Warning: The record is of an older version, and does not tell in which state the chip was" in shown
    assert "at a time that it does not tell" in shown


def test_a_record_of_another_chip_is_refused(state, record):
    with pytest.raises(
        ConfigError, match=r"record must be of the chip of the state, Chip\(64 -> 30 -> 12\), .*64 -> 9"
    ):
        state_report(state, record=record)


@pytest.mark.slow
def test_numbers_say_whether_the_chip_learned_or_responded(whole, state):
    assert "responding to a sample" in texts(whole)
    assert "energy, responding to a sample" in texts(whole)
    page = state_report(state, stream=digits(), samples=300, learning=True, hardware="loihi", shape=())
    assert "energy, learning from a sample" in texts(page)
    assert "of learning from a sample" in texts(page)


def test_terms_are_explained(whole):
    shown = texts(whole)
    for words in (
        "Blank samples teach nothing",
        "Written is how much",
        "Jitter is the mean",
        "in the loop is the part",
    ):
        assert words in shown


def test_a_record_that_says_little_of_its_machine_has_a_page(record, tmp_path):
    with h5py.File(shutil.copy(record, tmp_path / "old.h5"), "r+") as file:
        summary = json.loads(file.attrs["summary"])
        del summary["environment"]["system"], summary["environment"]["neurosim"]
        file.attrs["summary"], file.attrs["version"] = json.dumps(summary), 1
    assert "neurosim unknown, Python 3." in texts(record_report(tmp_path / "old.h5"))


@pytest.mark.parametrize("which", ["whole", "record"])
def test_all_texts_are_shown_as_they_are_and_nothing_leads_elsewhere(which, whole, record):
    page = whole if which == "whole" else record_report(record, HOSTILE)
    assert HOSTILE in texts(page)
    links = Links.of(page)
    assert "script" not in links.tags
    assert not [name for name in links.attributes if name.startswith("on")]
    assert {address.partition(":")[0] for address in links.addresses if not address.startswith("#")} == {"data"}


def test_streams_that_do_not_fit_are_refused(state):
    narrow = ns.streams.ArrayStream(np.ones((9, 3), np.float32))
    with pytest.raises(ns.SampleError, match="must have 64 inputs, got 3"):
        state_report(state, stream=narrow)
    with pytest.raises(StateError, match="another file"):
        state_report(state, record=state)
    with pytest.raises(ConfigError, match="test must be left out without a stream, got 'digits'"):
        state_report(state, test=digits())
    with pytest.raises(ConfigError, match="samples must be a whole number of at least 2, got 1"):
        state_report(state, stream=digits(), samples=1)


def test_without_matplotlib_there_is_no_report(state, record, monkeypatch):
    monkeypatch.setattr("neurosim.reporting.figures.find_spec", lambda name: None)
    for make in (lambda: state_report(state), lambda: record_report(record)):
        with pytest.raises(ConfigError, match=r"pip install 'neurosim-chip\[views\]'"):
            make()


@pytest.fixture
def offline(browser):
    """The browser with its network off."""
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions | {"offline": True})
    yield browser
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions | {"offline": False})


def test_the_page_works_in_a_browser_without_network(whole, tmp_path, offline):
    browser = offline
    assert not browser.run("return navigator.onLine")
    (tmp_path / "run.html").write_text(whole)
    for scheme, width in (("light", 1000), ("dark", 400)):
        browser.scheme(scheme)
        browser.size(width)
        browser.open(tmp_path / "run.html")
        assert browser.errors() == []
        assert browser.requests() == []
        assert browser.driver.title == "chip.h5"  # which a script would have changed
        assert browser.run("return document.documentElement.scrollWidth") <= width
        assert browser.run("return [...document.images].every(image => image.complete && image.naturalWidth > 600)")
        assert HOSTILE in browser.run("return document.body.textContent")
        ink, paper = browser.run("const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]")
        light, dark = (sum(map(int, re.findall(r"\d+", colour))) for colour in (paper, ink))
        assert (light > 700 and dark < 150) if scheme == "light" else (light < 150 and dark > 600)
    browser.all("nav a")[3].click()
    assert browser.run("return location.hash") == "#latency"


def test_the_page_is_printed_whole(whole, tmp_path, browser):
    (tmp_path / "run.html").write_text(whole)
    browser.size(720)  # about what paper of 21 cm has between its margins
    browser.open(tmp_path / "run.html")
    height = "return document.querySelector('details').offsetHeight"
    assert browser.run(height) < 60  # of the title alone
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.wait(lambda: browser.run(height) > 200)
    assert browser.run("return document.documentElement.scrollWidth") <= 720
    assert browser.run("return getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.slow
def test_pictures_of_the_page_are_small(tmp_path, browser):
    browser.scheme("light")
    chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64).learn(ns.open_stream("digits:train", epochs=5))
    chip.save(tmp_path / "chip.h5", position=7185, stream=ns.open_stream("digits:train").identity())
    page = state_report(
        tmp_path / "chip.h5", stream=ns.open_stream("digits:test"), hardware=ns.hardware.load("loihi"),
        command="neurosim report chip.h5 --out run.html --stream digits:test --chip loihi",
    )  # fmt: skip
    (tmp_path / "run.html").write_text(page)
    browser.size(1000, 1150)
    browser.open(tmp_path / "run.html")
    pictures = [browser.picture("report", tmp_path, whole=False, method="MEDIANCUT")]
    browser.size(1000, 1250)
    browser.run("document.querySelector('#figures h3').scrollIntoView()")
    pictures.append(browser.picture("report-figures", tmp_path, whole=False, colours=128))
    for picture in pictures:
        assert 10_000 < picture.stat().st_size <= 80_000


@pytest.mark.slow
def test_a_chip_about_to_diverge_has_a_report(tmp_path):
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=64).learn(digits())
    state = chip.layers[0].state
    state.synapses[:], state.scales[:], state.norms[:] = 3e37, 1, 1
    chip.save(tmp_path / "large.h5")
    page = state_report(tmp_path / "large.h5", stream=digits(), samples=20)  # NumPy's warnings would be errors
    assert page.count("<figure>") == 8
