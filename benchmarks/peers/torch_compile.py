"""PyTorch, compiled by `torch.compile` (inductor), on one thread.

In two functions: of one, inductor makes a loop over weights that computes each neuron's numbers anew for each weight,
and takes half as long again.
"""

import os
import shutil

from benchmarks.peers import torch_eager

NAME = "PyTorch torch.compile"
REQUIRES = ("torch",)
SAME_RULE = True


def why_not():
    """Say what is missing, if anything is."""
    compiler = os.environ.get("CXX", "g++")
    return None if shutil.which(compiler) else f"torch.compile needs a C++ compiler, and {compiler} is not on the path"


def decide(w, square, x, constants):
    """Return the sample at norm one, the responses, and by how much neurons decay and grow."""
    x, u, y = torch_eager.respond(w, x, constants.sharpness)
    decay, c = torch_eager.coefficients(square, u, y, constants)
    square.copy_(decay * decay * square + 2 * decay * c * u + c * c)
    return x, y, decay, c


def change(w, decay, c, x):
    """Let all weights decay and grow, in one loop."""
    w.copy_(decay[:, None] * w + c[:, None] * x)


class Compiled(torch_eager.Eager):
    def functions(self):
        decided, changed, answer = (
            self.torch.compile(f, fullgraph=True, dynamic=False) for f in (decide, change, torch_eager.respond)
        )

        def learn(w, square, x, constants):
            x, y, decay, c = decided(w, square, x, constants)
            changed(w, decay, c, x)
            return y

        return learn, answer


make = Compiled
