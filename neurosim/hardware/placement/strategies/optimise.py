r"""Cores exchanged so that events travel shorter ways: greedy at first, then exchange by exchange.

What is made small is the energy of hops,

.. math::

    E = \sum_f n_f (h^{ew}_f e_{ew} + h^{ns}_f e_{ns})

over all flows f of :math:`n_f` events with :math:`h_f` links on their way. All that a core holds moves together, and
all cores are alike, so every order of the cores is a mapping that fits. The order of rows is returned unless another
one is better.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.placement.flows import GATE, GROWTH, INPUTS, KERNELS, OUTPUTS, RESPONSE, SUMS, Flow, flows
from neurosim.hardware.placement.mapping import Mapping
from neurosim.hardware.placement.mesh import hops_to_all
from neurosim.hardware.placement.strategies.options import Placement

Floats = NDArray[np.float64]
Amounts = Callable[[Mapping, Flow], float]
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
    for name in ("hop_east_west", "hop_north_south"):
        constant = hardware.energy.get(name, hardware.energy.get("hop"))
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
    rows = np.array(mapping.cores)
    best, least = rows, search.cost(rows)
    begun = search.greedy()
    if search.cost(begun) < least:
        best = begun
    best = search.exchanged(best, wanted.seed, wanted.tries)
    if not search.cost(best) < least:
        return mapping
    moved = dict(zip(mapping.cores, (int(core) for core in best), strict=True))
    return mapping._replace(
        parts=tuple(part._replace(core=moved[part.core]) for part in mapping.parts),
        states_outside=tuple(moved[core] for core in mapping.states_outside),
    )


class _Search:
    """Places for what each core holds: an array of cores, in the order of the mapping's."""

    def __init__(self, mapping: Mapping, amounts: Amounts) -> None:
        self._structure = mapping.hardware.structure
        self._east_west, self._north_south = hop_energy(mapping.hardware)
        index = {core: place for place, core in enumerate(mapping.cores)}
        self._count = len(index)
        self._flows: list[tuple[float, int, list[int]]] = []  # how many, from which (-1: the port), to which
        for flow in flows(mapping):
            source = -1 if flow.kind == INPUTS else index[flow.source]
            targets = [-1] if flow.kind == RESPONSE else [index[core] for core in flow.targets]
            self._flows.append((amounts(mapping, flow), source, targets))
        self._of: list[list[int]] = [[] for _ in index]
        for number, (_, source, targets) in enumerate(self._flows):
            for place in {source, *targets} - {-1}:
                self._of[place].append(number)
        near = sorted(range(self._structure.cores), key=lambda core: (sum(self._structure.place(core)), core))
        self._candidates = sorted({*near[:NEAREST], *mapping.cores})

    def _flow_cost(self, number: int, cores: Sequence[int]) -> float:
        amount, source, targets = self._flows[number]
        begin = GATE if source < 0 else cores[source]
        way = hops_to_all(self._structure, begin, [GATE if place < 0 else cores[place] for place in targets])
        return amount * (way.east_west * self._east_west + way.north_south * self._north_south)

    def cost(self, cores: NDArray[np.int64]) -> float:
        """Return the energy of all hops."""
        places = [int(core) for core in cores]
        return float(sum(self._flow_cost(number, places) for number in range(len(self._flows))))

    def _weights(self) -> Floats:
        """Return the events between each two of the mapping's cores; the last row and column are the port's."""
        weights = np.zeros((self._count + 1, self._count + 1))
        for amount, source, targets in self._flows:
            np.add.at(weights, (source, targets), amount)
        summed: Floats = weights + weights.T
        return summed

    def greedy(self) -> NDArray[np.int64]:
        """Return an order in which the busiest go first, each to the free core that is nearest to its partners."""
        weights = self._weights()
        xs, ys = np.array([self._structure.place(core) for core in self._candidates]).T
        taken, cores = np.zeros(len(self._candidates), np.bool_), np.full(self._count, -1)
        pull = weights[-1, : self._count, None] * (xs * self._east_west + ys * self._north_south)[None]
        waiting = set(range(self._count))
        attached = weights[-1, : self._count].copy()
        while waiting:
            place = max(waiting, key=lambda one: (attached[one], weights[one].sum(), -one))
            found = int(np.argmin(np.where(taken, np.inf, pull[place])))
            cores[place], taken[found] = self._candidates[found], True
            way = np.abs(xs - xs[found]) * self._east_west + np.abs(ys - ys[found]) * self._north_south
            pull += weights[place, : self._count, None] * way[None]
            attached += weights[place, : self._count]
            waiting.remove(place)
        return cores

    def exchanged(self, cores: NDArray[np.int64], seed: int, tries: int) -> NDArray[np.int64]:
        """Return an order that no exchange of two cores makes better, or the best one after so many tries."""
        places = [int(core) for core in cores]
        holder = {core: place for place, core in enumerate(places)}
        improved, passes = True, 0
        while improved:
            improved, passes = False, passes + 1
            for place, core in self._pairs(seed, passes):
                if tries == 0:
                    return np.array(places)
                tries -= 1
                old, other = places[place], holder.get(core)
                if core == old:
                    continue
                touched = sorted({*self._of[place], *(self._of[other] if other is not None else [])})
                before = sum(self._flow_cost(number, places) for number in touched)
                places[place] = core
                if other is not None:
                    places[other] = old
                if sum(self._flow_cost(number, places) for number in touched) < before * (1 - 1e-12):
                    improved = True
                    holder[core] = place
                    holder.pop(old, None)
                    if other is not None:
                        holder[old] = other
                else:
                    places[place] = old
                    if other is not None:
                        places[other] = core
        return np.array(places)

    def _pairs(self, seed: int, passes: int) -> Iterator[tuple[int, int]]:
        """Yield each pair of what a core holds and a core, in a random order."""
        candidates = len(self._candidates)
        for pair in randomness.permutation(seed, randomness.EXCHANGES, passes, self._count * candidates):
            yield int(pair) // candidates, self._candidates[int(pair) % candidates]
