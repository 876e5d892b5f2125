"""What is given in place of a chip, a listener, a path or a flag is refused by name."""

import pytest

import neurosim as ns
from neurosim.errors import ConfigError
from neurosim.online.listener import Listeners, Wanted
from neurosim.streams import ArrayStream


def chip_of():
    return ns.Chip([ns.recipes.softhebb(3)], inputs=2)


def stream_of():
    return ArrayStream([[0.5, 1.0], [1.0, 0.25]])


class Hears:
    def __init__(self, wants):
        self.wants = wants

    def take(self, batch):
        raise AssertionError


class HearsTwo(Hears):
    def take(self, winners, labels):
        raise AssertionError


CASES = {
    "chip must be a Chip, got 'str'": lambda: ns.Novelty("x"),
    "chip must be a Chip, got 'int'": lambda: ns.Prequential(3),
    "a Chip, got 'str'": lambda: ns.watch("x", stream_of()),
    "chip must be a Chip; neurosim.run_fleet takes a Fleet, got": lambda: ns.watch(
        ns.Fleet([ns.recipes.softhebb(3)], inputs=2), stream_of()
    ),
    "novelty must be a Novelty, got 'str'; make it by": lambda: ns.watch(chip_of(), stream_of(), novelty="shortfall"),
    "learn must be True or False, got 'no'": lambda: ns.watch(chip_of(), stream_of(), learn="no"),
    "learning must be True or False, got 'no'": lambda: ns.run(chip_of(), stream_of(), learning="no"),
    "listener must be a Listener": lambda: ns.run(chip_of(), stream_of(), listener=print),
    "listener must be a Listener,": lambda: ns.watch(chip_of(), stream_of(), listener="x"),
    "wants of a listener must be a Wanted, got ('winner',); write wants = neurosim.online.listener.Wanted(": lambda: (
        ns.run(chip_of(), stream_of(), listener=Hears(("winner",)))
    ),
    "wants of a listener must be a Wanted, got ()": lambda: Listeners([Hears(())]),
    "take of the listener HearsTwo must be take(batch), which is called with the samples that went through together, "
    "got 'take(winners, labels)'": lambda: ns.run(chip_of(), stream_of(), listener=Listeners([HearsTwo(Wanted())])),
    "companions must be a sequence of Companions, such as [neurosim.Novelty(chip)], got ['int']; each": lambda: ns.run(
        chip_of(), stream_of(), companions=[1]
    ),
    "companions must be a sequence of Companions, such as [neurosim.Novelty(chip)], got 'Novelty'": lambda: ns.run(
        chip_of(), stream_of(), companions=ns.Novelty(chip_of())
    ),
    "state must be a path, got 'int'": lambda: ns.run(chip_of(), stream_of(), state=3),
    "path must be that of a file of events, got 'int'": lambda: ns.read_events(3),
    "events must be an array of EVENT, got 'NoneType'": lambda: ns.EventLayers(
        [(ns.recipes.softhebb(2), ns.LocalSurface(radius=1, tau_us=1000))], sensor=(4, 4)
    ).take(None),
    "got 'one DenseWTA by itself'; put it into a list": lambda: ns.Chip(ns.recipes.softhebb(4), inputs=4),
}


@pytest.mark.parametrize("message", CASES)
def test_it_is_named(message):
    with pytest.raises(ConfigError) as caught:
        CASES[message]()
    assert message in str(caught.value)


@pytest.mark.parametrize("wanted", [{}, {"watch": True}])
def test_a_chip_that_goes_on_in_python_is_the_uninterrupted_one(tmp_path, wanted):
    """As docs/filter.md has it."""
    from neurosim.online.companion import restore

    rows = [[i % 7 + 1, i % 5, i % 3] for i in range(60)]
    state, whole = tmp_path / "chip.h5", ns.Chip([ns.recipes.softhebb(3)], inputs=3)
    scores = [event.novelty for event in ns.watch(whole, ArrayStream(rows), novelty=ns.Novelty(whole))]
    found, chip, position = [], ns.Chip([ns.recipes.softhebb(3)], inputs=3), 0
    for count in (25, 60):
        stream = ArrayStream(rows[:count])
        if state.exists():
            chip = ns.Chip.load(state)
        novelty = ns.Novelty(chip)
        if state.exists():
            position = restore(state, stream, [novelty])
        events = ns.watch(chip, stream, novelty=novelty, state=state, start=position)
        found += [event.novelty for event in events]
    assert found[2:] == pytest.approx(scores[2:], rel=0, abs=0, nan_ok=True)
    assert position == 25
    assert chip.state_sha256 == whole.state_sha256
