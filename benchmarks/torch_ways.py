"""Ways to run a step of a PyTorch learner again and again: operation by operation, as a CUDA graph, compiled, or both.

A learner (`benchmarks.torch_softhebb`) is a module with `step()`, with `place`, which says what sample is next, and
with `PARTS`, the methods that a step is made of. A way is made of a learner of its own, and may learn while it is made:
what it learned is put back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

UNROLLED = 20  # steps in one graph: nobody who must answer each sample can wait for so many, but it is the fastest
WARM = 3  # steps before a graph is captured

# Its compiler's mode, or None; and steps a graph, or 0 for none of our own. "max-autotune" makes graphs itself.
WAYS: dict[str, tuple[str | None, int]] = {
    "eager": (None, 0),
    "graph": (None, 1),
    "compile": ("max-autotune", 0),
    "compile, graph": ("max-autotune-no-cudagraphs", 1),
    "compile, graph of 20": ("max-autotune-no-cudagraphs", UNROLLED),
}
QUICK = {"max-autotune": "reduce-overhead", "max-autotune-no-cudagraphs": "default"}  # modes that try no products out


def names(device: str) -> list[str]:
    """Return the ways that a device has."""
    return [name for name, (_, graph) in WAYS.items() if device == "cuda" or not graph]


@contextmanager
def precision(tensor_float: bool) -> Iterator[None]:
    """Let products be of TensorFloat-32 (10 bits behind the point) or not, whatever the defaults are."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = tensor_float
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before


def compiled(learner: torch.nn.Module, parts: tuple[str, ...], mode: str) -> None:
    """Put what the compiler makes of some of a learner's methods in their place."""
    for part in parts:
        setattr(learner, part, torch.compile(getattr(learner, part), fullgraph=True, dynamic=False, mode=mode))


def warm(learner: torch.nn.Module) -> None:
    """Do a few steps, all with the first samples: there may be no others."""
    first = learner.place.clone()
    for _ in range(WARM):
        learner.place.copy_(first)
        learner.step()


def captured(learner: torch.nn.Module, steps: int) -> Callable[[], None]:
    """Return a function that replays some steps of a learner on the GPU."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        warm(learner)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(steps):
            learner.step()
    return graph.replay


@torch.no_grad()
def made(
    name: str, learner: torch.nn.Module, *, quick: bool = False, tensor_float: bool = False
) -> Callable[[int], None]:
    """Return a function that does so many steps of a learner from its first sample on, and waits for none.

    The steps must be a multiple of those in a graph, and have samples.

    Parameters
    ----------
    name : str
        Of `WAYS`.
    learner : Dense or Deep
        On its device.
    quick : bool
        Let the compiler try out no products: it then takes seconds, not minutes.
    tensor_float : bool
        As for `precision`.
    """
    mode, graph = WAYS[name]
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    with precision(tensor_float):
        if mode is not None:
            compiled(learner, learner.PARTS if graph else ("step",), QUICK[mode] if quick else mode)
        if graph:
            once = captured(learner, graph)
        else:
            once = learner.step
            warm(learner)

    @torch.no_grad()
    def run(count: int) -> None:
        learner.place.copy_(before["place"])
        with precision(tensor_float):
            for _ in range(count // max(1, graph)):
                once()

    learner.load_state_dict(before)  # in place: a graph knows where its tensors lie
    return run
