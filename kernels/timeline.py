r"""A queueing network, event by event: servers with queues, stages that fire, messages that go from one to the next.

A resource serves one message at a time, in the order in which they came. So each resource has one next event; the
earliest is at the root of a tree of winners, in which a change costs :math:`\log_2` of the resources.
A queue is a list linked through its messages: the first `capacity` of them are inside, the others at its door. All
state lies in arrays, so that the loop goes on where it stopped; nothing is allocated here.

Times are whole picoseconds, so no sum is rounded. docs/timeline.md says what happens in which order.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.compiled import cell, compiled

Whole = NDArray[np.int64]

NEVER = 2**63 - 1
LATEST = 2**62 - 1  # of moments, of holds and of sums of waiting: two of them together are still before NEVER
RESOURCE, HOLD, ENDS, BEFORE, KEPT = 0, 1, 2, 3, 4  # in a row of Network.steps
FIRST, TARGET, OFFSET, COPIED = 0, 1, 2, 3  # in a row of Network.emissions
MOMENT, TURN = 0, 1  # in a row of State.due
SERVING, HEAD, TAIL, DOOR, WAITING, LONGEST, SERVED, BUSY, BLOCKED = 0, 1, 2, 3, 4, 5, 6, 7, 8  # of State.servers
SERVER = 9
NEXT, SAMPLE, STEP, SINCE = 0, 1, 2, 3  # in a row of State.messages
# Places in State.clock.
NOW, TURNS, ARRIVED, READY, LAST_READY, FIRED, SERVICES, FREE, USED, HELD, WANTED, TOO_LONG, AWAKE = range(13)
CLOCK = 13
DONE, PAUSED, FULL, LATE, WAITED = 0, 1, 2, 3, 4  # what `advance` returns
IN, LOST, OUTSIDE = 0, 1, 2  # what comes of a message that joins a queue
NONE = -1


class Network(NamedTuple):
    """What never changes."""

    capacities: Whole  # (resources,) waiting places, -1: any number
    blocks: int  # 1: a message that finds the queue full waits at its door; 0: it is lost
    # (steps, 5) resource, hold in ps, emission whose last step it is or -1, resource before or -1, 1 if it is kept
    steps: Whole
    emissions: Whole  # (emissions, 4) first step or -1, stage it goes to, of so many samples later, 1 if copied
    outgoing: Whole  # (emissions,) stage by stage
    starts: Whole  # (stages + 1,) where a stage's are
    copied: Whole  # (any,) emissions of which a message begins when another one ends a step, step by step
    copied_starts: Whole  # (steps + 1,) where a step's are
    fallen: Whole  # (any,) emissions of which a message never begins if another one is lost on its way to a step
    fallen_starts: Whole  # (steps + 1,) where a step's are
    sleep_after: int  # ps without a message after which the network sleeps, -1: never
    wake: int  # ps that it takes to wake


class Work(NamedTuple):
    """What is to be done."""

    arrivals: Whole  # (samples,) ps, not decreasing
    copies: Whole  # (samples, emissions) messages
    services: Whole  # (samples, emissions) ps, on top of the last step's hold


class State(NamedTuple):
    """Progress and results; `leaves` are a power of two, at least the number of resources."""

    clock: Whole  # (CLOCK,)
    servers: Whole  # (resources, SERVER)
    due: Whole  # (leaves, 2) when each ends its service, and the turn in which that was settled
    tree: Whole  # (2 leaves,) the resource that ends first, of those below
    messages: Whole  # (any, 4)
    missing: Whole  # (samples, stages) deliveries; of stages about to fire, the place of the next of these
    fired: Whole  # (samples, stages) ps
    lost: Whole  # (samples,) messages
    waited: Whole  # (samples,) ps
    sending: Whole  # (emissions,) scratch


@cell
def _settle(r, moment, state):
    """Let r end its service at a moment."""
    due, tree, best, turn = state.due, state.tree, r, state.clock[TURNS]
    state.clock[TURNS] = turn + 1
    due[r, MOMENT], due[r, TURN] = moment, turn
    node = due.shape[0] + r
    while node > 1:
        other = tree[node ^ 1]
        others, theirs = due[other, MOMENT], due[other, TURN]
        earlier = (others < moment) | ((others == moment) & (theirs < turn))
        best, moment, turn = (other, others, theirs) if earlier else (best, moment, turn)
        node >>= 1
        if tree[node] == best and best != r:
            return
        tree[node] = best


@cell
def _serve(r, m, network, work, state):
    """Begin to serve m."""
    now, n, step = state.clock[NOW], state.messages[m, SAMPLE], state.messages[m, STEP]
    hold, emission = network.steps[step, HOLD], network.steps[step, ENDS]
    if emission >= 0:
        hold += work.services[n, emission]
    state.waited[n] += now - state.messages[m, SINCE]
    if state.waited[n] > LATEST:
        state.clock[TOO_LONG] = n
    state.servers[r, SERVING] = m
    state.servers[r, BUSY] += hold
    _settle(r, now + hold, state)


@cell
def _join(m, network, work, state):
    """Let m come to the resource of its step; return what came of it."""
    step = state.messages[m, STEP]
    r = network.steps[step, RESOURCE]
    server, capacity = state.servers[r], network.capacities[r]
    if server[SERVING] < 0:
        _serve(r, m, network, work, state)
        return IN
    fits = capacity < 0 or server[WAITING] < capacity
    if not fits and network.blocks == 0 and network.steps[step, KEPT] == 0:
        return LOST
    state.messages[m, NEXT] = NONE
    if server[HEAD] < 0:
        server[HEAD] = m
    else:
        state.messages[server[TAIL], NEXT] = m
    server[TAIL] = m
    if fits:
        server[WAITING] += 1
        server[LONGEST] = max(server[LONGEST], server[WAITING])
        return IN
    if server[DOOR] < 0:
        server[DOOR] = m
    return OUTSIDE


@cell
def _release(r, network, work, state):
    """Let r serve its next message; a resource whose message waited to enter r's queue then does the same."""
    messages = state.messages
    while r >= 0:
        server = state.servers[r]
        m, entering = server[HEAD], server[DOOR]
        if m < 0:
            server[SERVING] = NONE
            _settle(r, NEVER, state)
            return
        server[HEAD] = messages[m, NEXT]
        held = NONE
        if entering < 0:
            server[WAITING] -= 1
        else:
            server[DOOR] = messages[entering, NEXT]
            held = network.steps[messages[entering, STEP], BEFORE]
            if held >= 0:
                state.servers[held, BLOCKED] += state.clock[NOW] - messages[entering, SINCE]
        _serve(r, m, network, work, state)
        r = held


@cell
def _deliver(n, stage, state):
    """Count one delivery; with the last one, the stage is about to fire."""
    if n >= state.missing.shape[0]:
        return
    state.missing[n, stage] -= 1
    if state.missing[n, stage] > 0:
        return
    stages, last = state.missing.shape[1], state.clock[LAST_READY]
    place = n * stages + stage
    state.missing[n, stage] = NONE
    if state.clock[READY] < 0:
        state.clock[READY] = place
    else:
        state.missing[last // stages, last % stages] = place
    state.clock[LAST_READY] = place


@cell
def _end(m, network, state):
    """Deliver m, served or lost."""
    n, step = state.messages[m, SAMPLE], state.messages[m, STEP]
    while network.steps[step, ENDS] < 0:
        step += 1
    emission = network.emissions[network.steps[step, ENDS]]
    state.messages[m, NEXT] = state.clock[FREE]
    state.clock[FREE] = m
    state.clock[HELD] -= 1
    _deliver(n + emission[OFFSET], emission[TARGET], state)


@cell
def _send(n, e, network, work, state):
    """Send one message of emission e."""
    emission = network.emissions[e]
    if emission[FIRST] < 0:
        _deliver(n + emission[OFFSET], emission[TARGET], state)
        return
    state.clock[HELD] += 1
    _begin(n, e, network, work, state)


@cell
def _begin(n, e, network, work, state):
    """Let one message of emission e, for which there is memory, set out."""
    clock, emission = state.clock, network.emissions[e]
    m = clock[FREE]
    if m >= 0:
        clock[FREE] = state.messages[m, NEXT]
    else:
        m = clock[USED]
        clock[USED] += 1
    message = state.messages[m]
    message[SAMPLE], message[STEP], message[SINCE] = n, emission[FIRST], clock[NOW]
    if _join(m, network, work, state) == LOST:
        _lose(m, network, state)


@cell
def _lose(m, network, state):
    """Deliver m, which found no place, and all messages that would have been copied from it later on."""
    n, step = state.messages[m, SAMPLE], state.messages[m, STEP]
    state.lost[n] += 1
    _end(m, network, state)
    for j in range(network.fallen_starts[step], network.fallen_starts[step + 1]):
        emission = network.emissions[network.fallen[j]]
        state.lost[n] += 1
        state.clock[HELD] -= 1
        _deliver(n + emission[OFFSET], emission[TARGET], state)


@cell
def _fire(network, work, state):
    """Let the stage that got ready first fire; return False, and do nothing, if there is no memory for its messages."""
    clock, stages, sending = state.clock, state.missing.shape[1], state.sending
    n, stage = clock[READY] // stages, clock[READY] % stages
    begin, end, count, wanted = network.starts[stage], network.starts[stage + 1], 0, clock[HELD]
    copied = 0
    for j in range(begin, end):
        e = network.outgoing[j]
        if network.emissions[e, COPIED] > 0:
            copied += work.copies[n, e]
        elif work.copies[n, e] > 0:
            sending[count] = e
            count += 1
            if network.emissions[e, FIRST] >= 0:
                wanted += work.copies[n, e]
    if wanted + copied > state.messages.shape[0]:
        clock[WANTED] = wanted + copied
        return False
    clock[HELD] += copied  # memory for them is kept from now on
    clock[READY] = state.missing[n, stage]
    clock[FIRED] += 1
    state.missing[n, stage], state.fired[n, stage] = 0, clock[NOW]
    sent = 0
    while count > 0:
        sent, kept = sent + 1, 0
        for j in range(count):
            e = sending[j]
            _send(n, e, network, work, state)
            if sent < work.copies[n, e]:
                sending[kept] = e
                kept += 1
        count = kept
    for j in range(begin, end):
        emission = network.emissions[network.outgoing[j]]
        _deliver(n + emission[OFFSET], emission[TARGET], state)
    return True


@cell
def _complete(r, network, work, state):
    """End the service of r: its message goes on, the next one is served, and what ended is delivered."""
    m, came = state.servers[r, SERVING], IN
    state.servers[r, SERVED] += 1
    state.clock[SERVICES] += 1
    n, step = state.messages[m, SAMPLE], state.messages[m, STEP]
    for j in range(network.copied_starts[step], network.copied_starts[step + 1]):
        _begin(n, network.copied[j], network, work, state)
    ended = network.steps[step, ENDS] >= 0
    if not ended:
        state.messages[m, STEP] += 1
        state.messages[m, SINCE] = state.clock[NOW]
        came = _join(m, network, work, state)
        if came == OUTSIDE:
            _settle(r, NEVER, state)
            return
    _release(r, network, work, state)
    if came == LOST:
        _lose(m, network, state)
    elif ended:
        _end(m, network, state)


@compiled(nogil=True, _nrt=False)
def advance(network, work, state, events):
    """Go on by at most so many events: arrivals and ends of services.

    Parameters
    ----------
    network : Network
    work : Work
    state : State
        Overwritten.
    events : int
        Positive.

    Returns
    -------
    int
        DONE: no event is left, and what still waits will wait for ever. PAUSED: call again. FULL: more messages than
        `state.messages` has rows for are held, `clock[WANTED]`; call again with more, the first ones as they are.
        LATE: a moment is after LATEST. WAITED: the messages of sample `clock[TOO_LONG]` waited longer than that.
    """
    clock, arrivals = state.clock, work.arrivals
    for _ in range(events):
        while clock[READY] >= 0:
            if not _fire(network, work, state):
                return FULL
        r, n = state.tree[1], clock[ARRIVED]
        moment = state.due[r, MOMENT]
        came = max(arrivals[n], clock[AWAKE]) if n < arrivals.size else NEVER
        if came <= moment and n < arrivals.size:
            if n > 0 and clock[HELD] == 0 and 0 <= network.sleep_after < came - clock[NOW]:
                came += network.wake
                clock[AWAKE] = came
            clock[ARRIVED], clock[NOW] = n + 1, came
            _deliver(n, 0, state)
        elif moment == NEVER:
            return DONE
        elif moment > LATEST:
            return LATE
        else:
            clock[NOW] = moment
            _complete(r, network, work, state)
        if clock[TOO_LONG] >= 0:
            return WAITED
    return PAUSED
