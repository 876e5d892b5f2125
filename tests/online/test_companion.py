"""What goes with a run is kept in the same snapshot as the chip, and goes on with it."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ConfigError, StateError
from neurosim.online.companion import restore
from neurosim.state import store
from neurosim.streams import ArrayStream

SAMPLES = np.random.default_rng(3).random((60, 4)).astype(np.float32)


class Counter:
    """Tells how many samples were taken, and some before."""

    name = "counter"

    def __init__(self):
        self.before = 0

    def arrays(self, taken):
        return {"taken": np.array([self.before + taken]), "pad": np.zeros((self.before + taken, 2), np.float32)}

    def restore(self, arrays):
        if arrays.keys() != {"taken", "pad"}:
            raise ValueError("these are no arrays of a counter")
        self.before = int(arrays["taken"][0])


class Keeping(ArrayStream):
    """A stream that keeps the sample which comes next."""

    keeps = True
    before = 0

    def kept(self, taken):
        return {"next_sample": SAMPLES[self.before + taken : self.before + taken + 1]}

    def go_on(self, kept):
        self.before = int(np.flatnonzero((kept["next_sample"] == SAMPLES).all(axis=1))[0])


def chip():
    return ns.Chip([ns.recipes.softhebb(3)], inputs=4, seed=1)


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_a_snapshot_keeps_what_goes_with_the_run_at_its_sample(tmp_path, seconds):
    seen, state = [], tmp_path / "chip.h5"

    def watch(report):
        if report.samples in (21, 41):  # that of 20 samples, and that of 40, are written before the next is ordered
            request.ask()

    from neurosim.online.request import Request

    request = Request()
    ns.run(
        chip(), Keeping(SAMPLES, None), state=state, snapshot_samples=20, snapshot_seconds=seconds, chunk=1,
        companions=[Counter()], request=request, watch=watch,
    )  # fmt: skip
    for path in (state, store.previous(state)):
        contents = store.read(path)
        seen.append(contents.position)
        assert contents.beside["counter"]["taken"] == [contents.position]
        assert contents.beside["counter"]["pad"].shape == (contents.position, 2)  # grows: the writer begins anew
        rest = SAMPLES[contents.position : contents.position + 1]
        np.testing.assert_array_equal(contents.beside["stream"]["next_sample"], rest)
    assert seen[0] == 60
    assert 20 <= seen[1] < 60


def test_all_go_on_from_a_state_file(tmp_path):
    state, counter, stream = tmp_path / "chip.h5", Counter(), Keeping(SAMPLES, None)
    ns.run(chip(), Keeping(SAMPLES[:30], None), state=state, companions=[Counter()], snapshot_seconds=0)
    assert restore(state, stream, [counter]) == 30
    assert counter.before == stream.before == 30


def test_arrays_of_another_are_refused(tmp_path):
    state = tmp_path / "chip.h5"
    chip().save(state, beside={"counter": {"other": np.zeros(3)}})
    with pytest.raises(StateError, match="these are no arrays of a counter"):
        restore(state, ArrayStream(SAMPLES, None), [Counter()])


def test_two_of_one_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="companions"):
        ns.run(chip(), ArrayStream(SAMPLES, None), state=tmp_path / "chip.h5", companions=[Counter(), Counter()])


@pytest.mark.parametrize(
    "beside",
    [{"Big": {"a": np.zeros(1)}}, {"a": {"../b": np.zeros(1)}},
     {"a": {"b": np.zeros(())}}, {"a": {"b": np.array(["x"])}},
     {"a": {"b": np.zeros(2, bool)}}, {f"a{i}": {} for i in range(300)}],
)  # fmt: skip
def test_what_could_not_be_read_again_is_not_written(tmp_path, beside):
    with pytest.raises(StateError, match="must keep"):
        chip().save(tmp_path / "chip.h5", beside=beside)
    assert not (tmp_path / "chip.h5").exists()


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {"empty": np.zeros((0, 3)), "whole": np.arange(5, dtype=np.uint16), "small": np.float32([[1, np.nan]])}
    one = chip()
    one.save(tmp_path / "chip.h5", beside={"mine": arrays})
    read = store.read(tmp_path / "chip.h5")
    assert read.state_sha256 == one.state_sha256
    for name, array in arrays.items():
        assert read.beside["mine"][name].dtype == array.dtype
        np.testing.assert_array_equal(read.beside["mine"][name], array)


def test_a_file_without_them_is_as_before(tmp_path):
    chip().save(tmp_path / "chip.h5")
    assert store.read(tmp_path / "chip.h5").beside == {}
