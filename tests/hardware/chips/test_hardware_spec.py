"""Descriptions of chips: what is read, and what is refused, by its key."""

import described
import pytest
from near import near

from neurosim import hardware
from neurosim.errors import ConfigError
from neurosim.hardware.chips.quantity import CONFIDENCES


@pytest.fixture
def plain(tmp_path):
    return described.written(tmp_path)


def test_a_description_is_read_in_si_units(plain):
    chip = hardware.load(plain)
    assert chip.name == "plain"
    assert chip.title == "A chip of round numbers"
    assert chip.not_modelled == ("the package",)
    assert (chip.structure.cores, chip.structure.mesh, chip.structure.lanes) == (4, (2, 2), 1)
    held = chip.energy["synaptic_operation"]
    assert (held.low, held.value, held.high) == near((1e-12, 2e-12, 4e-12), rel=1e-12)
    assert chip.time["hop"].value == near(17e-9, rel=1e-12)
    assert chip.power["static"].value == near(0.031, rel=1e-12)
    assert chip.learns()
    assert chip.describe()["energy"]["hop_east_west"]["unit"] == "pJ"


@pytest.mark.parametrize("name", hardware.names())
def test_every_preset_tells_where_its_constants_are_from(name):
    chip = hardware.load(name)
    assert chip.title
    assert chip.summary
    assert chip.not_modelled
    assert len(chip.structure.source) > 10
    for group in (chip.energy, chip.time, chip.power):
        for constant in group.values():
            assert len(constant.definition) > 10
            assert len(constant.source) > 5
            assert constant.confidence in CONFIDENCES


def test_there_are_presets():
    assert {"loihi", "odin", "spinnaker1", "spinnaker2", "truenorth", "crossbar"} <= set(hardware.names())


def test_cycles_are_those_of_the_clock(tmp_path):
    path = tmp_path / "clocked.toml"
    head = described.PLAIN + "clock_Hz = 1e8\n"
    path.write_text(described.text(times={}, head=head) + described.constant("time", "hop", 3, "cycle"))
    assert hardware.load(path).time["hop"].value == near(30e-9)
    path.write_text(described.text(times={}) + described.constant("time", "hop", 3, "cycle"))
    with pytest.raises(ConfigError, match=r"time.hop.unit must be a unit of time, or cycle with structure.clock_Hz"):
        hardware.load(path)


def test_a_file_may_change_another(plain, tmp_path):
    path = tmp_path / "wide.toml"
    path.write_text('base = "plain.toml"\ntitle = "Wide"\n[structure]\ncores = 2\n[energy.event_in]\nhigh = 60\n')
    chip = hardware.load(path)
    assert (chip.title, chip.structure.cores, chip.structure.neurons_per_core) == ("Wide", 2, 8)
    assert (chip.energy["event_in"].value, chip.energy["event_in"].high) == near((11e-12, 60e-12))
    assert chip.energy["event_out"].value == near(13e-12)
    path.write_text('base = "plain.toml"\n[energy.event_in]\nvalue = 6\n')  # whose number is that?
    with pytest.raises(ConfigError, match=r"energy.event_in.unit must be given"):
        hardware.load(path)


@pytest.mark.parametrize("base", ["self.toml", 3, "nowhere.toml", "nobody"])
def test_a_base_must_be_another_description(tmp_path, base):
    path = tmp_path / "self.toml"
    path.write_text(f"base = {base!r}\n")
    with pytest.raises(ConfigError, match="must be"):
        hardware.load(path)


def test_values_may_be_changed_by_their_keys(plain):
    chip = hardware.load(plain, {"structure.cores": 3, "energy.event_in.value": 22, "energy.hop.value": 1} | _hop())
    assert chip.structure.cores == 3
    held = chip.energy["event_in"]
    assert (held.low, held.value, held.high) == near((11e-12, 22e-12, 44e-12))  # the band goes along
    assert held.confidence == "assumed"
    assert held.source == "changed from 11 by the user"
    assert chip.energy["hop"].value == near(1e-12)


def _hop():
    return {f"energy.hop.{k}": v for k, v in
            {"unit": "pJ", "definition": "a link", "source": "me", "confidence": "assumed"}.items()}  # fmt: skip


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("cores = 4", "cores = 0", "structure.cores must be a whole number of at least 1, got 0"),
        ("cores = 4", "", "structure.cores must be given, got None"),
        ("cores = 4", "cores = 4\ncats = 2", "structure.cats must be one of cores"),
        ("mesh = [2, 2]", "mesh = [2, 1]", "structure.mesh must be of at least as many places as the 4 cores"),
        ("mesh = [2, 2]", 'mesh = "2x2"', "structure.mesh must be two whole numbers"),
        (
            'source = "made up"\n',
            'source = "x"\nconvolution = "folded"\n',
            "structure.convolution must be one of shared",
        ),
        ('title = "A chip of round numbers"', "", "title must be given, got None"),
        ('title = "A chip of round numbers"', "title = 3", "title must be text, got 3"),
        ("[structure]", "colour = 3\n[structure]", "colour must be one of title"),
        ('["the package"]', '"the package"', "not_modelled must be a list of texts"),
        ("[energy.event_in]", "[energy.event_inn]", "energy.event_inn must be one of synaptic_operation"),
        ("[time.hop]", "[time.hop_east_west]", "time.hop_east_west must be one of"),
        ("value = 11\n", "", "energy.event_in.value must be given, got None"),
        ("value = 11\n", "value = -11\n", "energy.event_in.value must be a number from 0, got -11"),
        ("value = 11\n", "value = nan\n", "energy.event_in.value must be a number from 0, got nan"),
        ("value = 11\n", "value = inf\n", "energy.event_in.value must be a number from 0, got inf"),
        ("value = 11\n", "value = true\n", "energy.event_in.value must be a number from 0, got True"),
        ("value = 11\n", "value = 11\nweight = 3\n", "energy.event_in.weight must be one of value, low"),
        ("low = 5.5\n", "low = 12\n", "energy.event_in must be of low <= value <= high"),
        (
            'unit = "pJ"',
            'unit = "ns"',
            r"energy.synaptic_operation.unit must be one of fJ, pJ, nJ, uJ, mJ, J, got 'ns'",
        ),
        ('unit = "mW"', 'unit = "pJ"', "power.static.unit must be one of nW, uW, mW, W, got 'pJ'"),
        ('unit = "ns"', 'unit = "pJ"', "time.synaptic_operation.unit must be one of ps, ns, us, ms, s, cycle"),
        (
            'confidence = "assumed"',
            'confidence = "sure"',
            "energy.synaptic_operation.confidence must be one of primary",
        ),
        ('definition = "one"', "definition = 1", "energy.synaptic_operation.definition must be text, got 1"),
        ("cores = 4", "cores = 1" + 5000 * "0", "chip must be a TOML file that can be read"),
        ("cores = 4", "cores = " + 5000 * "[", "chip must be a TOML file that can be read"),
        ("[structure]", "[structure", "chip must be a TOML file that can be read"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(tmp_path, was, now, words):
    text = described.text()
    assert was in text
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(was, now, 1))
    with pytest.raises(ConfigError, match=words):
        hardware.load(path)


@pytest.mark.parametrize(
    ("chip", "words"),
    [
        ("loihy", "chip must be a .toml file, or one of loihi"),
        ("missing.toml", "chip must be a TOML file that can be read"),
        (".", "chip must be a .toml file, or one of"),
    ],
)
def test_an_unknown_chip_is_refused(chip, words):
    with pytest.raises(ConfigError, match=words):
        hardware.load(chip)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"structure.cores": "many"}, "structure.cores must be a whole number"),
        ({"title.a.b": 3}, "title.a.b must be the dotted key of a value"),
        ({"energy.event_in.value": -1}, "energy.event_in.value must be a number from 0"),
        ({"energy.nothing.value": 1}, "energy.nothing must be one of"),
        ({"colour": 1}, "colour must be one of title"),
    ],
)
def test_wrong_changes_are_refused(plain, changes, words):
    with pytest.raises(ConfigError, match=words):
        hardware.load(plain, changes)


@pytest.mark.parametrize(
    ("group", "units", "value", "words"),
    [
        ("energy", "J", 1e300, r"energy.event_in.value must be at most 1e\+06 J, got '1e\+300 J'"),
        ("time", "s", 2, "time.event_in.value must be at most 1 s, got '2 s'"),
    ],
)
def test_no_operation_takes_for_ever(plain, group, units, value, words):
    key = f"{group}.event_in"
    with pytest.raises(ConfigError, match=words):
        hardware.load(plain, {f"{key}.unit": units, f"{key}.low": 0, f"{key}.value": value, f"{key}.high": value})


def test_a_constant_has_a_source(plain):
    with pytest.raises(ConfigError, match=r"energy.event_in.source must be text, and not empty, got ' '"):
        hardware.load(plain, {"energy.event_in.source": " "})


@pytest.mark.parametrize(("changes", "words"), [
    ({"structure.clock_Hz": 1e300}, "structure.clock_Hz must be positive and at most 3e+38, got 1e+300"),
    ({"structure.clock_Hz": float("inf")}, "structure.clock_Hz must be positive and finite, got inf"),
    ({"structure.clock_Hz": 1e13}, "structure.clock_Hz must be at most 1e+12"),
    ({"structure.cores": 1e300}, "got 1e+300; write it without a point or an exponent"),
    ({"structure.mesh": [1e300, 1]}, "columns of structure.mesh must be a whole number"),
    ({"structure.lanes": 2**31 - 1}, "structure.lanes must be a whole number of at most 1048576"),
    ({"energy.event_in.value": 1e300}, "energy.event_in.value must be at most 1e+06 J, got '1e+300 pJ'"),
    ({"energy.event_in.value": 1e308}, "energy.event_in.value must be at most 1e+06 J, got '1e+308 pJ'"),
    ({"power.static.value": 1e300}, "power.static.value must be at most 1e+06 W"),
    ({"structure.clock_Hz": 2, "time.hop.unit": "cycle"}, "a cycle is 1 / structure.clock_Hz, 0.5 s"),
])  # fmt: skip
def test_an_error_names_the_limit_and_the_number_that_was_written(plain, changes, words):
    with pytest.raises(ConfigError) as caught:
        hardware.load(plain, changes)
    assert words in str(caught.value)


def test_texts_are_one_line_and_steer_no_terminal(plain):
    assert hardware.load(plain, {"title": "two\n  lines"}).title == "two lines"
    for key, text in (("title", "a\x1b[31m"), ("summary", "\x07"), ("not_modelled", ["\x1b"]),
                      ("energy.event_in.source", "\x9b31m")):  # fmt: skip
        with pytest.raises(ConfigError, match=f"{key} must be text without control characters"):
            hardware.load(plain, {key: text})
    with pytest.raises(ConfigError, match="title must be text, and not empty"):
        hardware.load(plain, {"title": ""})


def test_descriptions_that_are_based_on_each_other_are_told_apart(tmp_path):
    for name, base in (("a", "b"), ("b", "c"), ("c", "b"), ("own", "own")):
        (tmp_path / f"{name}.toml").write_text(f'base = "{base}.toml"\n')
    with pytest.raises(ConfigError, match=r"which is not based on this one, got .*b.toml -> .*c.toml -> .*b.toml"):
        hardware.load(tmp_path / "a.toml")
    with pytest.raises(ConfigError, match=r"own.toml -> .*own.toml"):
        hardware.load(tmp_path / "own.toml")
