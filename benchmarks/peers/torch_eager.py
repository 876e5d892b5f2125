"""PyTorch, operation by operation, in place, without gradients, on one thread."""

NAME = "PyTorch eager"
REQUIRES = ("torch",)
SAME_RULE = True


def respond(w, x, sharpness):
    """Return the sample at norm one, the potentials and the responses."""
    import torch

    x = x / torch.linalg.vector_norm(x)
    u = torch.mv(w, x)
    return x, u, torch.softmax(u * sharpness, 0)


def coefficients(square, u, y, constants):
    """Return by how much neurons decay and grow; `square` is not yet changed."""
    import torch

    c = constants.rate * (square.sqrt() - 1).abs() ** constants.power * y
    c = torch.where(y >= constants.cutoff, torch.minimum(c, constants.cap / u.abs().clamp(min=1e-30)), 0.0)
    return 1 - c * u, c


def learn(w, square, x, constants):
    """Respond and learn."""
    x, u, y = respond(w, x, constants.sharpness)
    decay, c = coefficients(square, u, y, constants)
    square.copy_(decay * decay * square + 2 * decay * c * u + c * c)
    w.mul_(decay[:, None]).addr_(c, x)
    return y


class Eager:
    """Weights lie as (neurons, inputs)."""

    def __init__(self, weights, constants):
        import torch

        torch.set_num_threads(1)
        self.torch, self.constants = torch, constants
        self.w = torch.tensor(weights)
        self.square = (self.w * self.w).sum(1)
        self.learn, self.answer = self.functions()

    def functions(self):
        """Return what learns and what responds."""
        return learn, respond

    def step(self, x):
        with self.torch.inference_mode():
            return self.learn(self.w, self.square, self.torch.from_numpy(x), self.constants)

    def respond(self, x):
        with self.torch.inference_mode():
            return self.answer(self.w, self.torch.from_numpy(x), self.constants.sharpness)[2]

    def weights(self):
        return self.w.numpy().copy()


make = Eager
