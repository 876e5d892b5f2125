"""The check that every stage of a network fires: each is sent something within its sample, none waits for itself."""

from collections.abc import Callable, Sequence

from neurosim.errors import ConfigError

SHOWN = 8  # most names of a circle in an error


def check(names: Sequence[str], arrows: Sequence[tuple[int, int]]) -> None:
    """Refuse stages that would never fire.

    Parameters
    ----------
    names : sequence of str
        Names of the stages; the first one fires by itself.
    arrows : sequence of (int, int)
        Source and target of what is sent within a sample.

    Raises
    ------
    ConfigError
        If nothing is sent to a stage, or stages wait for each other; the message names them.
    """
    sources: list[list[int]] = [[] for _ in names]
    targets: list[list[int]] = [[] for _ in names]
    for source, target in arrows:
        sources[target].append(source)
        targets[source].append(target)
    for stage, name in enumerate(names):
        if stage > 0 and not sources[stage]:
            raise ConfigError(
                f"stage {name!r}", "sent something by a stage of its sample, or it never fires", "nothing"
            )
    waiting = [len(senders) for senders in sources]
    ready = [stage for stage, count in enumerate(waiting) if count == 0]
    while ready:
        for target in targets[ready.pop()]:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    stuck = [stage for stage, count in enumerate(waiting) if count > 0]
    if stuck:
        stages = circle(stuck[0], lambda stage: next(s for s in sources[stage] if waiting[s] > 0))
        shown = " -> ".join(repr(names[stage]) for stage in reversed(stages))
        raise ConfigError("stages", "free of circles within a sample, or they never fire", shown)


def circle(start: int, following: Callable[[int], int]) -> list[int]:
    """Return the circle that a walk from `start` runs into, its first node again at its end; cut after `SHOWN` steps.

    Parameters
    ----------
    start : int
    following : callable
        Returns the node after a node.
    """
    walk: list[int] = []
    visited: dict[int, int] = {}
    node = int(start)
    while node not in visited:
        visited[node] = len(walk)
        walk.append(node)
        node = int(following(node))
    return (walk[visited[node] :] + [node])[: SHOWN + 1]
