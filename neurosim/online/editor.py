"""Changes of constants amid a run: those of a schedule at their samples, and those that a control asks for."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from neurosim.chip.changing import Change, change_in_place, changed, latest, own_functions
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError, DeviceError
from neurosim.layers.changing import value_of, with_constant
from neurosim.layers.plain import describe, rebuild
from neurosim.online.control import Control, Edit
from neurosim.state.format import CHANGE, is_change

FOREVER = float("inf")


class Scheduled(NamedTuple):
    """A change that is to be made at its sample.

    Attributes
    ----------
    change : dict
        As in `Chip.changes`.
    value : object
        What the constant becomes.
    """

    change: Change
    value: Any


class Editor:
    """Changes the constants of a chip while it learns.

    Parameters
    ----------
    chip : Chip
        Changed in place, and its record (`Chip.changes`) with it.
    edits : sequence of dict, optional
        As in `neurosim.run`.
    control : Control, optional

    Raises
    ------
    ConfigError
        If edits are not as `Chip.changes` has them and in its order, one was due before and was not made, or one does
        not go with the constants that the chip then has.
    """

    def __init__(self, chip: Chip, edits: Iterable[Change] | None, control: Control | None) -> None:
        self._chip, self._control = chip, control
        self._edits = [] if edits is None else _remaining(chip, list(_checked(chip, edits)))
        self._next = 0  # of the edits
        self._ask_at: float = chip.samples  # samples at which the control is asked next
        _rehearse(chip, self._edits)

    def samples_left(self, samples: int) -> float:
        """Return how many samples may be learned from before something is to be done; 0 if it is to be done now."""
        left = FOREVER
        if self._next < len(self._edits):
            left = self._edits[self._next].change["sample"] - samples
        if self._control is not None:
            self._ask_at = min(self._ask_at, samples + self._control.samples_left(samples))
            left = min(left, self._ask_at - samples)
        return left

    def make_due(self, samples: int) -> None:
        """Make the scheduled edits of a chip that has learned from so many samples.

        Raises
        ------
        ConfigError, DeviceError
            If one cannot be made, such as one of a window's length within a window; those before it were.
        """
        chip = self._chip
        while self._next < len(self._edits) and self._edits[self._next].change["sample"] <= samples:
            change, value = self._edits[self._next]
            constants = [layer.constants for layer in chip.layers]
            constants[change["layer"]] = with_constant(constants[change["layer"]], change["name"], value)
            try:
                change_in_place(chip, constants, (*chip.changes, change))
            except ConfigError as error:
                raise _of_edit(error, change) from None
            self._next += 1

    @property
    def left(self) -> int:
        """How many scheduled edits have yet to be made."""
        return len(self._edits) - self._next

    def asks(self, samples: int) -> bool:
        """Tell whether the control is to be asked now."""
        return self._control is not None and samples >= self._ask_at

    def ask(self, samples: int) -> None:
        """Ask the control, which may take its time, and make its edits; it is told which of them cannot be made."""
        control, first = self._control, len(self._chip.changes)
        assert control is not None
        for edit in control.between(samples):
            try:
                self._make(edit, first)
            except (ConfigError, DeviceError) as error:
                control.refused(edit, error)
        self._ask_at = FOREVER

    def _make(self, edit: Edit, first: int) -> None:
        chip = self._chip
        if not isinstance(edit.name, str):
            raise ConfigError("name of an edit", "the name of a constant", edit.name)
        constants, changes = changed(chip.layers, edit.layer, {edit.name: edit.value})
        if changes:
            change_in_place(chip, constants, _merged(chip.changes, changes, first))


def _checked(chip: Chip, edits: Iterable[Change]) -> Iterator[Scheduled]:
    """Give edits from outside, in the order in which they are made."""
    own = own_functions(chip.layers)
    rule, before = f"changes by {', '.join(CHANGE)}, as Chip.changes has them", 0
    if not isinstance(edits, Iterable) or isinstance(edits, str | dict):
        raise ConfigError("edits", f"a sequence of {rule}", edits)
    for edit in edits:
        if not is_change(edit):
            raise ConfigError("edits", rule, edit)
        if not 0 <= edit["layer"] < len(chip.layers):
            raise ConfigError("edits", f"of layers from 0 to {len(chip.layers) - 1}", edit)
        if edit["sample"] < before:
            raise ConfigError("edits", "in the order of their samples, from 0", edit["sample"], f"after {before}")
        before = edit["sample"]
        change = edit | {name: describe(edit[name]) for name in ("old", "new")}
        try:
            yield Scheduled(change, rebuild(edit["new"], own))
        except ConfigError as error:
            raise _of_edit(error, change) from None


def _remaining(chip: Chip, edits: list[Scheduled]) -> list[Scheduled]:
    """Return the edits that a chip has yet to go through; refuse those that it has missed."""
    samples, made = chip.samples, chip.changes
    missed = next((edit for edit, _ in edits if edit["sample"] < samples and edit not in made), None)
    if missed is not None:
        advice = f"the chip has learned from {samples} samples without it: begin with a chip of fewer"
        raise ConfigError("edits", f"made already if they are of sample {samples - 1} or before", missed, advice)
    later = [edit for edit in edits if edit.change["sample"] >= samples]
    now = [edit.change for edit in later if edit.change["sample"] == samples]
    # Of several at this very sample, a run that ended here may have made some.
    done = next(count for count in range(len(now), -1, -1) if now[:count] == list(made[len(made) - count :]))
    return later[done:]


def _rehearse(chip: Chip, edits: list[Scheduled]) -> None:
    """Refuse edits that the chip cannot make one after another, before it learns; windows are another matter."""
    constants = [layer.constants for layer in chip.layers]
    for change, value in edits:
        index, name = change["layer"], change["name"]
        try:
            now = describe(value_of(constants[index], name))
            if now != change["old"]:
                advice = "edits are of a run that began with other constants"
                raise ConfigError(f"old of {name} of layer {index + 1}", f"what the chip then has, {now}",
                                  change["old"], advice)  # fmt: skip
            constants[index] = with_constant(constants[index], name, value)
        except ConfigError as error:
            raise _of_edit(error, change) from None
    record = (*chip.changes, *(edit.change for edit in edits))
    if latest(record) != record:
        raise ConfigError("edits", "as many as a state file can keep beside those made before", len(edits))


def _of_edit(error: ConfigError, change: Change) -> ConfigError:
    """Return the error of a scheduled edit, with its sample."""
    parameter, rule, value, advice = error.args
    return ConfigError(f"edits, sample {change['sample']}: {parameter}", rule, value, advice)


def _merged(record: tuple[Change, ...], changes: list[Change], first: int) -> tuple[Change, ...]:
    """Return a record with new changes; one of a constant that was just changed takes the place of that change.

    So a slider that is moved while the run is held leaves one change, and none if it comes back. `first` is how long
    the record was when the hold began.
    """
    merged = list(record)
    for change in changes:
        index = _same(merged, change, first)
        if index is None:
            merged.append(change)
        else:
            old = merged.pop(index)["old"]
            if old != change["new"]:
                merged.insert(index, change | {"old": old})
    return tuple(merged)


def _same(record: list[Change], change: Change, first: int) -> int | None:
    """Return which change from `first` on is of the same constant, with none after it that it depends on."""
    part = change["name"].partition(".")[0]  # such as the competition, whose gain replaces its temperature
    for index in range(len(record) - 1, first - 1, -1):
        other = record[index]
        if other["layer"] == change["layer"] and other["name"].partition(".")[0] == part:
            return index if other["name"] == change["name"] else None
    return None
