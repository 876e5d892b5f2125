"""Whether every stage of a network fires: each is sent something within its sample, and none waits for itself."""

from collections.abc import Callable, Sequence

from neurosim.errors import ConfigError

SHOWN = 8  # names of a circle, at most


def check(names: Sequence[str], arrows: Sequence[tuple[int, int]]) -> None:
    """Refuse stages that would never fire.

    Parameters
    ----------
    names : sequence of str
        Of the stages, of which the first one fires by itself.
    arrows : sequence of (int, int)
        Which stage sends to which, within a sample.

    Raises
    ------
    ConfigError
        Names the stage to which nothing is sent, or the stages that wait for each other.
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
    waiting = [len(found) for found in sources]
    ready = [stage for stage, count in enumerate(waiting) if count == 0]
    while ready:
        for target in targets[ready.pop()]:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    stuck = [stage for stage, count in enumerate(waiting) if count > 0]
    if stuck:
        found = circle(stuck[0], lambda stage: next(s for s in sources[stage] if waiting[s] > 0))
        shown = " -> ".join(repr(names[stage]) for stage in reversed(found))
        raise ConfigError("stages", "free of circles within a sample, or they never fire", shown)


def circle(start: int, following: Callable[[int], int]) -> list[int]:
    """Return the circle that a walk runs into, its first place once more at its end; at most some places of it."""
    walk: list[int] = []
    met: dict[int, int] = {}
    place = int(start)
    while place not in met:
        met[place] = len(walk)
        walk.append(place)
        place = int(following(place))
    return (walk[met[place] :] + [place])[: SHOWN + 1]
