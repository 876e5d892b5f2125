"""A crossbar in a chip: what it refuses, that bits depend on nothing but seed and samples, and peers' statistics."""

import json
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.layers.plain import describe, rebuild
from neurosim.sweeps.chips import chip_settings

AIHWKIT = json.loads((Path(__file__).parents[1] / "data" / "aihwkit_cells.json").read_text())
PCM = ns.Crossbar.pcm(sample_s=1.0)
NOISY = ns.Crossbar.pcm(sample_s=1.0, states=64, read_noise=0.02, adc_bits=8, adc_range=4.0, ir_drop=1e-4)
REFUSED = [
    (lambda: ns.Crossbar(states=1), "states must be a whole number of at least 2, got 1"),
    (lambda: ns.Crossbar(programming_noise=-0.1), "programming_noise must be at least 0, or up to three numbers, got"),
    (lambda: ns.Crossbar(programming_noise=(1.0, 2.0, 3.0, 4.0)), "programming_noise must be a number or up to three"),
    (lambda: ns.Crossbar(drift=(0.1, 0.2)), "drift must be a number or 4 numbers, got (0.1, 0.2)"),
    (lambda: ns.Crossbar(drift=(0.0, 0.1, 0.3, 0.2)), "drift must be four numbers, of which 0 <= third <= fourth"),
    (lambda: ns.Crossbar(drift="fast"), "drift must be at least 0, or 4 numbers, got 'fast'"),
    (lambda: ns.Crossbar(drift=float("nan")), "drift must be at least 0, or 4 numbers, got nan"),
    (lambda: ns.Crossbar(drift_start_s=0), "drift_start_s must be positive, got 0"),
    (lambda: ns.Crossbar(flicker_noise=(0.1, -0.5, 0.2)), "flicker_noise must be numbers of at least 0"),
    (lambda: ns.Crossbar(flicker_noise=0.1, read_time_s=30.0), "drift_start_s must be above read_time_s"),
    (lambda: ns.Crossbar(adc_bits=8), "adc_bits and adc_range must be given both, or none, got (8, None)"),
    (lambda: ns.Crossbar(adc_bits=1, adc_range=1.0), "adc_bits must be a whole number of at least 2, got 1"),
    (lambda: ns.Crossbar(ir_drop=float("inf")), "ir_drop must be at least 0 and finite, got inf"),
    (lambda: layer(weight_bits=8), "weight_bits must be None with devices, got 8"),
    (lambda: layer(initial="samples"), "initial must be 'uniform', 'normal' or 'zeros' with devices, got 'samples'"),
    (lambda: layer(window=2), "window must be 1 with devices, got 2"),
    (lambda: layer(renormalise=True), "renormalise must be False with devices, got True"),
    (lambda: layer(leak=0.1), "leak must be 0 with devices, got 0.1"),
    (lambda: layer(eligibility=0.5), "eligibility must be 0 with devices, got 0.5"),
    (lambda: layer(step="largest", cutoff=0.0), "step must be 'capped' with devices, got 'largest'"),
    (lambda: layer(rounding="nearest"), "rounding must be 'stochastic' without weight_bits"),
    (lambda: layer(devices=3), "devices must be a Crossbar or None, got 3"),
    (lambda: chip_settings({"preset": "softhebb-mnist-3layer", "devices.read_noise": 0.1}, refuse=True),
     "chip.devices.read_noise must be a constant of ConvWTA"),
]  # fmt: skip


def layer(devices=PCM, neurons=6, **constants):
    return ns.recipes.softhebb(neurons, devices=devices, **constants)


def samples(count=60, inputs=24):
    rng = np.random.default_rng(0)
    return (rng.random((count, inputs)) * (rng.random((count, inputs)) < 0.5)).astype(np.float32)


def chip_of(devices=NOISY, **constants):
    return ns.Chip([layer(devices, **constants), layer(devices, 5, **constants)], inputs=24, seed=3)


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_cannot_be_is_refused_in_words(make, message):
    with pytest.raises(ns.ConfigError) as raised:
        make()
    assert message in str(raised.value)


def test_constants_survive_the_way_to_json_and_back():
    for given in (ns.Crossbar(), NOISY, ns.Crossbar(drift=np.float32(0.5), states=np.int64(4))):
        described = json.loads(json.dumps(describe(layer(given))))
        assert rebuild(described) == layer(given)
    assert "devices" not in describe(layer(None))


def test_studies_reach_devices_by_name():
    settings = chip_settings({"recipe": "softhebb", "neurons": 5, "devices.read_noise": 0.1, "devices.adc_bits": 6.0,
                              "devices.adc_range": 4})["layers"]  # fmt: skip
    assert rebuild(settings[0]).devices == ns.Crossbar(read_noise=0.1, adc_bits=6, adc_range=4.0)


def test_bits_do_not_depend_on_chunks_or_threads():
    x = samples()
    one_by_one, whole, team = chip_of(), chip_of(), chip_of()
    for row in x:
        one_by_one.learn_one(row)
    whole.learn(x)
    team.learn(x, threads=2)
    assert one_by_one.state_sha256 == whole.state_sha256 == team.state_sha256
    together = whole.respond(x).potentials
    assert (np.stack([whole.respond_one(row).potentials for row in x]) == together).all()


def test_a_saved_chip_goes_on_where_it_was(tmp_path):
    x = samples()
    straight, stopped = chip_of().learn(x), chip_of().learn(x[:25])
    stopped.save(tmp_path / "chip.h5")
    resumed = ns.Chip.load(tmp_path / "chip.h5")
    assert resumed.layers[0].constants.devices == NOISY
    assert resumed.learn(x[25:]).state_sha256 == straight.state_sha256


def test_a_response_is_pure_and_its_noise_is_of_the_sample_and_of_what_was_learned():
    x = samples()
    chip = chip_of().learn(x[:20])
    before = chip.state_sha256
    first, again, other = chip.respond_one(x[0]), chip.respond_one(x[0]), chip.respond_one(x[1])
    assert chip.state_sha256 == before
    assert (first.potentials == again.potentials).all()
    assert (first.potentials != other.potentials).any()
    learned = chip.learn_one(x[0])  # what is learned from is what a response would have been
    assert (learned.potentials == first.potentials).all()
    assert (chip.respond_one(x[0]).potentials != first.potentials).all()


def test_seeds_and_layers_have_noise_of_their_own():
    weights = np.full((4, 24), 0.5, np.float32)
    given = ns.Crossbar(programming_noise=0.01)
    chips = [
        ns.Chip([ns.recipes.softhebb(4, devices=given)], inputs=24, seed=seed, initial=[weights]) for seed in (1, 2)
    ]
    first, other = (chip.layers[0].weights for chip in chips)
    assert (first != other).all()
    assert (first != weights).any()


def test_older_files_and_chips_without_devices_have_no_arrays_of_cells():
    assert not {"programmed", "exponents"} & chip_of(None).layers[0].arrays().keys()
    assert not {"programmed", "exponents"} & chip_of(ns.Crossbar(read_noise=0.1)).layers[0].arrays().keys()
    assert {"programmed", "exponents"} <= chip_of().layers[0].arrays().keys()


def test_constants_of_devices_change_with_the_weights_kept():
    chip = ns.Chip([layer(ns.Crossbar(drift=0.1))], inputs=24).learn(samples())
    later = chip.with_constants(idle_s=86400.0)
    first, last = (one.respond_one(samples()[0]).potentials for one in (chip, later))
    assert (last < first).all()
    for name, value in (("devices", None), ("states", 4), ("drift", 0.0)):
        with pytest.raises(ns.ConfigError, match="left as it is with the weights"):
            chip.with_constants(**{name: value})


def test_what_a_neuron_holds_is_what_it_was_programmed_to():
    """Ideal cells learn what float synapses do, but for the range: weights agree until a range is left, and closely."""
    x = samples(30)
    exact, ideal = (ns.Chip([layer(given)], inputs=24, seed=3).learn(x) for given in (None, ns.Crossbar()))
    assert np.abs(ideal.layers[0].state.synapses).max() <= 1
    np.testing.assert_allclose(ideal.layers[0].weights, exact.layers[0].weights, rtol=2e-4, atol=1e-5)


def read_cells(target, seconds, cells, seed, neurons=100):
    """Return cells programmed to a conductance, as programmed if no time passes, else as read by one input each."""
    weights = np.full((neurons, cells // neurons + 1), target, np.float32)
    weights[:, 0] = 1
    plain = ns.DenseWTA(
        neurons, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1),
        devices=ns.Crossbar.pcm(idle_s=seconds),
    )  # fmt: skip
    chip = ns.Chip([plain], inputs=weights.shape[1], seed=seed, initial=[weights])
    if seconds == 0:
        return chip.layers[0].weights[:, 1:].astype(np.float64)
    return chip.respond(np.eye(weights.shape[1], dtype=np.float32)[1:]).potentials.astype(np.float64)


@pytest.mark.parametrize("row", AIHWKIT["rows"], ids=lambda row: f"{row['target']} after {row['seconds']:g} s")
def test_cells_are_those_of_aihwkit_within_its_error_bars(row):
    """20,000 cells of ours beside a million of aihwkit's, whose errors are those of 50,000 cells."""
    found = read_cells(row["target"], row["seconds"], 20_000, seed=round(1000 * row["target"] + row["seconds"] % 7919))
    for name, ours in (("mean", found.mean()), ("deviation", found.std(ddof=1))):
        error = row[f"{name}_error"] * np.sqrt(AIHWKIT["cells"] / found.size + 1 / AIHWKIT["repeats"])
        assert abs(ours - row[name]) < 4 * error, name


def test_a_converter_is_that_of_aihwkit():
    weights = np.sin(np.arange(16 * 96)).reshape(16, 96).astype(np.float32)
    x = np.abs(np.sin(0.7 * np.arange(8 * 96))).reshape(8, 96).astype(np.float32)
    for name, given in (("exact", {}), ("converted", {key: AIHWKIT[key] for key in ("adc_bits", "adc_range")})):
        plain = ns.DenseWTA(
            16, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1), initial="normal",
            devices=ns.Crossbar(**given),
        )  # fmt: skip
        chip = ns.Chip([plain], inputs=96, initial=[weights])
        for k in range(16):  # a crossbar of aihwkit's has one scale, that of 1
            chip.layers[0].state.synapses[:, k], chip.layers[0].state.scales[k] = weights[k], 1
        np.testing.assert_allclose(chip.respond(x).potentials, AIHWKIT[name], atol=3e-6)


def test_what_needs_exact_synapses_is_refused_in_a_line():
    with pytest.raises(ns.DeviceError, match="device of layer 1 must be 'cpu' with devices"):
        ns.Chip([layer()], inputs=24, device="cuda")
    chip = ns.Chip([layer(initial="normal")], inputs=24).learn(samples(5))
    with pytest.raises(ns.ConfigError, match="devices must be None to have a gradient"):
        chip.gradient(samples(1), None, [0])


def test_writes_are_the_cells_that_change():
    x = samples(40)
    counted = ns.hardware.count(ns.Chip([layer(ns.Crossbar())], inputs=24, seed=3), x).layers[0]
    chip, changed = ns.Chip([layer(ns.Crossbar())], inputs=24, seed=3), []
    for row in x:
        before = chip.layers[0].state.synapses.copy()
        chip.learn_one(row)
        changed.append(int((chip.layers[0].state.synapses != before).sum()))
    assert counted.writes.tolist() == changed
    assert chip.layers[0].state.counters[3] > 0  # some were written whole
