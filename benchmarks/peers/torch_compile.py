"""PyTorch, compiled by `torch.compile` (inductor), which fuses decay and growth into one loop; on one thread."""

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


class Compiled(torch_eager.Eager):
    def functions(self):
        return tuple(self.torch.compile(f, fullgraph=True, dynamic=False) for f in (learn, torch_eager.respond))


def learn(w, square, x, constants):
    """Respond and learn; what `torch_eager.learn` does, its last line in a form that the compiler fuses."""
    x, u, y = torch_eager.respond(w, x, constants.sharpness)
    decay, c = torch_eager.coefficients(square, u, y, constants)
    square.copy_(decay * decay * square + 2 * decay * c * u + c * c)
    w.copy_(decay[:, None] * w + c[:, None] * x)
    return y


make = Compiled
