"""Cells of a crossbar by an option: what it understands, and one line for what it does not."""

import click
import pytest

import neurosim as ns
from neurosim.cli.options import crossbar


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, None), ("ideal", ns.Crossbar()), ("pcm", ns.Crossbar.pcm()),
        ("pcm,read_noise=0.02", ns.Crossbar.pcm(read_noise=0.02)),
        ("states=16, adc_bits=8,adc_range=1e1", ns.Crossbar(states=16, adc_bits=8, adc_range=10.0)),
    ],
)  # fmt: skip
def test_a_text_says_what_cells_are(text, wanted):
    assert crossbar(None, None, text) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rram", "devices must be ideal, pcm or NAME=VALUE"), ("read_noise", "devices must have numbers"),
        ("read_noise=high", "devices must have numbers, got 'read_noise=high'"),
        ("states=2,states=3", "once each, got 'states=3'"), ("read_noise=-1", "read_noise must be at least 0, got"),
        ("adc_bits=8", "adc_bits and adc_range must be given both"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(text, message):
    with pytest.raises(click.UsageError) as raised:
        crossbar(None, None, text)
    assert message in str(raised.value)
