"""What notebooks show of chips, layers and reports."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns


def shown(thing):
    """Return what a notebook shows, after reading it as markup."""
    text = thing._repr_html_()
    ElementTree.fromstring(f"<div>{text}</div>")
    assert "http" not in re.sub("<pre.*?</pre>", "", text, flags=re.DOTALL)  # sources are told within one
    return text


@pytest.fixture(scope="module")
def chip():
    stream = ns.open_stream("digits")
    return ns.Chip([ns.recipes.softhebb(30), ns.recipes.softhebb(20)], inputs=(1, 8, 8)).learn(stream)


def test_a_chip_is_a_table_of_layers_with_what_its_neurons_look_for(chip):
    text = shown(chip)
    assert text.count("<tr>") == 3
    assert "1 x 8 x 8" in text
    assert "1,797 samples learned" in text
    assert "data:image/png;base64," in text
    assert "ns.Chip(" in text


def test_a_chip_whose_samples_are_no_images_has_no_picture(make_chip):
    assert "<img" not in shown(make_chip(5))


@pytest.mark.parametrize("channels", [1, 3, 2])
def test_a_convolutional_chip_shows_its_kernels_if_they_are_pictures(channels):
    layer = ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))
    text = shown(ns.Chip([layer], inputs=(channels, 8, 8)))
    assert ("<img" in text) == (channels != 2)


def test_a_layer_is_a_table(chip):
    for layer, takes in zip(chip.layers, ("64", "30"), strict=True):
        text = shown(layer)
        assert f"DenseWTA at work, layer {layer.index + 1}" in text
        assert f">{takes}<" in text


def test_what_diverged_is_shown_all_the_same(make_chip):
    chip = make_chip(5, inputs=(1, 8, 8))
    chip.layers[0].state.synapses[:] = np.nan
    chip.layers[0].state.norms[:] = np.nan
    assert "nan" in shown(chip)


def test_a_run_is_a_table(make_chip):
    report = ns.run(make_chip(5), ns.open_stream("digits"))
    text = shown(report)
    assert "1,797" in text
    assert "samples/s" in text


def test_a_run_of_nothing_is_a_table(make_chip):
    from neurosim.online.report import Report

    assert ">0<" in shown(Report())


@pytest.mark.parametrize("arrivals", [None, ns.latency.Poisson(5000)])
def test_latencies_are_a_table(chip, arrivals):
    report = ns.bench(chip, ns.open_stream("digits"), learning=False, samples=200, arrivals=arrivals)
    text = shown(report)
    assert (">response<" in text) == (arrivals is not None)
    assert "p99.9" in text


def test_a_cost_is_a_table(chip):
    report = ns.hardware.price(ns.hardware.count(chip, ns.open_stream("digits"), samples=20, learning=False), "loihi")
    text = shown(report)
    assert "20 samples" in text
    assert "Intel Loihi" in text


def test_a_figure_is_a_picture_without_pyplot(chip):
    pytest.importorskip("matplotlib")
    assert ns.views.neurons(chip)._repr_png_()[:4] == b"\x89PNG"


def test_notebooks_need_no_matplotlib():
    script = """
import sys
import neurosim as ns
chip = ns.Chip([ns.recipes.softhebb(5)], inputs=(1, 4, 4))
assert "<img" in chip._repr_html_()
assert "matplotlib" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(("page", "written"), [
    ("looking", "records.png"), pytest.param("report", "run.html", marks=pytest.mark.slow),
    ("explorer", "explorer.html"),
])  # fmt: skip
def test_the_examples_of_a_page_make_one_script(page, written, chip, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    chip.save("chip.h5")
    ns.bench(chip, ns.open_stream("digits"), learning=False, samples=50).save("run.h5")
    text = Path(__file__).parents[2].joinpath("docs", f"{page}.md").read_text()
    exec("\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)), {})
    assert (tmp_path / written).stat().st_size > 10_000


def test_a_browser_shows_them_and_asks_for_nothing(browser, chip, tmp_path):
    cost = ns.hardware.price(ns.hardware.count(chip, ns.open_stream("digits"), samples=20, learning=False), "loihi")
    things = (chip, chip.layers[0], cost, ns.bench(chip, ns.open_stream("digits"), learning=False, samples=200))
    page = tmp_path / "notebook.html"
    page.write_text('<meta charset="utf-8"><link rel="icon" href="data:,">' + "<hr>".join(map(shown, things)))
    browser.open(page)
    assert browser.errors() == []
    assert browser.requests() == []
    assert browser.run("return document.images[0].naturalWidth") == 16 * 9 - 1  # fields, and gaps between them
    assert not browser.all("details[open]")
