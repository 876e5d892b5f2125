r"""Cores exchanged so that events travel shorter ways: greedy at first, then exchange by exchange.

What is made small is the energy of hops,

.. math::

    E = \sum_f n_f (h^{ew}_f e_{ew} + h^{ns}_f e_{ns})

over all flows f of :math:`n_f` events with :math:`h_f` links on their way. All that a core holds moves together, and
all cores are alike, so every order of the cores is a mapping that fits. The order of rows is returned unless another
one is better.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.hardware.chips.spec import HOPS, Hardware
from neurosim.hardware.placement.flows import GATE, GROWTH, INPUTS, KERNELS, OUTPUTS, RESPONSE, SUMS, Flow, flows
from neurosim.hardware.placement.mapping import Mapping
from neurosim.hardware.placement.strategies.options import Placement

Floats = NDArray[np.float64]
Amounts = Callable[[Mapping, Flow], float]
GAIN = 1e-12  # of what an exchange saves at least, so that rounding never goes round in circles
PORT = -1  # its place
FAR = 2**62  # beyond all rows
NEAREST = 256  # cores, from the port on, among which a place is looked for, besides those in use


def expected(mapping: Mapping, flow: Flow) -> float:
    """Return the most events of a flow, for a mapping without a run: of every input, output and kernel."""
    layer = mapping.demands[flow.layer]
    if flow.kind == INPUTS:
        return layer.inputs
    if flow.kind == OUTPUTS and flow.share is not None:
        return sum(part.sites for part in flow.share.parts)
    if flow.kind == SUMS and flow.part is not None:
        return flow.part.positions
    if flow.kind in (GROWTH, KERNELS) and flow.part is not None:
        return flow.part.neurons * layer.fan_in
    return 1


def hop_energy(hardware: Hardware) -> tuple[float, float]:
    """Return the energy of a link from east to west and from north to south; 1 each where there is none."""
    prices = []
    for name in HOPS:
        constant = hardware.energy_of(name)
        prices.append(1.0 if constant is None else constant.value)
    return (prices[0], prices[1]) if any(prices) else (1.0, 1.0)


def optimised(mapping: Mapping, amounts: Amounts, wanted: Placement) -> Mapping:
    """Return a mapping whose events take ways of no more energy, by the seed alone; the mapping itself at worst.

    Parameters
    ----------
    mapping : Mapping
    amounts : callable
        Returns how many events a flow has.
    wanted : Placement
        Its `seed` and `tries`.
    """
    search = _Search(mapping, amounts)
    rows = search.rows(mapping)
    best, least = rows, search.cost(rows)
    begun = search.greedy()
    if search.cost(begun) < least:
        best = begun
    best = search.exchanged(best, wanted.seed, wanted.tries)
    if not search.cost(best) < least:
        return mapping
    moved = dict(zip(mapping.cores, best[:-1].tolist(), strict=True))
    return mapping._replace(
        parts=tuple(part._replace(core=moved[part.core]) for part in mapping.parts),
        states_outside=tuple(moved[core] for core in mapping.states_outside),
    )


class _Group(NamedTuple):
    """Flows to the same targets; places index what cores hold, and -1 is the port."""

    amounts: Floats
    sources: NDArray[np.int64]
    targets: NDArray[np.int64]


class _Search:
    """Places for what each core holds: an array of cores, in the order of the mapping's, and the port's at its end."""

    def __init__(self, mapping: Mapping, amounts: Amounts) -> None:
        self._structure = mapping.hardware.structure
        assert self._structure.mesh is not None
        self._columns = self._structure.mesh[0]
        self._prices = hop_energy(mapping.hardware)
        index = {core: place for place, core in enumerate(mapping.cores)}
        self._count = len(index)
        found: dict[tuple[int, ...], list[tuple[float, int]]] = {}
        for flow in flows(mapping):
            source = PORT if flow.kind == INPUTS else index[flow.source]
            targets = (PORT,) if flow.kind == RESPONSE else tuple(index[core] for core in flow.targets)
            found.setdefault(targets, []).append((amounts(mapping, flow), source))
        self._groups = [
            _Group(np.array([n for n, _ in sent]), np.array([source for _, source in sent]), np.array(targets))
            for targets, sent in found.items()
        ]
        self._of: list[list[int]] = [[] for _ in index]
        for number, group in enumerate(self._groups):
            for place in {*group.sources.tolist(), *group.targets.tolist()} - {PORT}:
                self._of[place].append(number)
        near = sorted(range(self._structure.cores), key=lambda core: (sum(self._structure.place(core)), core))
        self._candidates = sorted({*near[:NEAREST], *mapping.cores})

    def _group_cost(self, group: _Group, cores: NDArray[np.int64]) -> float:
        """Return the energy of the hops to each target on its own, or of a tree: `mesh.hops_to_all` of all flows."""
        x, y = cores[group.sources, None] % self._columns, cores[group.sources, None] // self._columns
        xs, ys = cores[group.targets] % self._columns, cores[group.targets] // self._columns
        if self._structure.multicast:
            low, high = np.full(self._columns, FAR), np.full(self._columns, -1)
            np.minimum.at(low, xs, ys)
            np.maximum.at(high, xs, ys)
            low, high = low[high >= 0], high[high >= 0]
            east_west = (np.maximum(x, xs.max()) - np.minimum(x, xs.min()))[:, 0]
            north_south = (np.maximum(y, high) - np.minimum(y, low)).sum(axis=1)
        else:
            east_west, north_south = np.abs(x - xs).sum(axis=1), np.abs(y - ys).sum(axis=1)
        return float(group.amounts @ (east_west * self._prices[0] + north_south * self._prices[1]))

    def cost(self, cores: NDArray[np.int64]) -> float:
        """Return the energy of all hops."""
        return sum(self._group_cost(group, cores) for group in self._groups)

    def rows(self, mapping: Mapping) -> NDArray[np.int64]:
        """Return the mapping's own order."""
        return np.array([*mapping.cores, GATE])

    def _weights(self) -> Floats:
        """Return the events between each two of the mapping's cores; the last row and column are the port's."""
        weights = np.zeros((self._count + 1, self._count + 1))
        for group in self._groups:
            np.add.at(weights, (group.sources[:, None], group.targets[None]), group.amounts[:, None])
        summed: Floats = weights + weights.T
        return summed

    def greedy(self) -> NDArray[np.int64]:
        """Return an order in which the busiest go first, each to the free core that is nearest to its partners."""
        weights, (east_west, north_south) = self._weights(), self._prices
        xs, ys = np.array([self._structure.place(core) for core in self._candidates]).T
        taken, cores = np.zeros(len(self._candidates), np.bool_), np.full(self._count + 1, GATE)
        pull = weights[-1, : self._count, None] * (xs * east_west + ys * north_south)[None]
        waiting = set(range(self._count))
        attached = weights[-1, : self._count].copy()
        while waiting:
            place = max(waiting, key=lambda one: (attached[one], weights[one].sum(), -one))
            found = int(np.argmin(np.where(taken, np.inf, pull[place])))
            cores[place], taken[found] = self._candidates[found], True
            way = np.abs(xs - xs[found]) * east_west + np.abs(ys - ys[found]) * north_south
            pull += weights[place, : self._count, None] * way[None]
            attached += weights[place, : self._count]
            waiting.remove(place)
        return cores

    def exchanged(self, cores: NDArray[np.int64], seed: int, tries: int) -> NDArray[np.int64]:
        """Return an order that no exchange of two cores makes better, or the best one after so many tries."""
        places = cores.copy()
        holder = {int(core): place for place, core in enumerate(places[: self._count])}
        costs = np.array([self._group_cost(group, places) for group in self._groups])
        improved, passes = True, 0
        while improved:
            improved, passes = False, passes + 1
            for place, core in self._pairs(seed, passes):
                if tries == 0:
                    return places
                tries -= 1
                old, other = int(places[place]), holder.get(core)
                if core == old:
                    continue
                moves = [(place, core)] + ([] if other is None else [(other, old)])
                touched = sorted({number for moved, _ in moves for number in self._of[moved]})
                for moved, to in moves:
                    places[moved] = to
                after = [self._group_cost(self._groups[number], places) for number in touched]
                if sum(after) < costs[touched].sum() * (1 - GAIN):
                    improved, costs[touched] = True, after
                    del holder[old]
                    holder |= {to: moved for moved, to in moves}
                else:
                    places[place] = old
                    if other is not None:
                        places[other] = core
        return places

    def _pairs(self, seed: int, passes: int) -> Iterator[tuple[int, int]]:
        """Yield each pair of what a core holds and a core, in a random order."""
        candidates = len(self._candidates)
        for pair in randomness.permutation(seed, randomness.EXCHANGES, passes, self._count * candidates):
            yield int(pair) // candidates, self._candidates[int(pair) % candidates]
