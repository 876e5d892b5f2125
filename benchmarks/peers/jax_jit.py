"""JAX, compiled by XLA; the weights are donated, so that it may write the new ones into the old ones' place."""

import os

import numpy as np

NAME = "JAX jit"
REQUIRES = ("jax",)
SAME_RULE = True


def functions(constants):
    """Return what learns and what responds, compiled."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")  # one core; before JAX starts
    import jax
    from jax import numpy as jnp

    def respond(w, x):
        x = x / jnp.sqrt(x @ x)
        u = w @ x
        return x, u, jax.nn.softmax(u * constants.sharpness)

    def learn(w, square, x):
        x, u, y = respond(w, x)
        c = constants.rate * jnp.abs(jnp.sqrt(square) - 1) ** constants.power * y
        c = jnp.where(y >= constants.cutoff, jnp.minimum(c, constants.cap / jnp.maximum(jnp.abs(u), 1e-30)), 0)
        decay = 1 - c * u
        square = decay * decay * square + 2 * decay * c * u + c * c
        return decay[:, None] * w + c[:, None] * x, square, y

    return jax.jit(learn, donate_argnums=(0, 1)), jax.jit(lambda w, x: respond(w, x)[2])


class Jit:
    """Weights lie as (neurons, inputs)."""

    def __init__(self, weights, constants):
        self.learn, self.answer = functions(constants)
        import jax

        cpu = jax.devices("cpu")[0]
        self.wait = jax.block_until_ready
        self.w = jax.device_put(np.array(weights), cpu)
        self.square = jax.device_put(np.einsum("ki,ki->k", weights, weights), cpu)

    def step(self, x):
        self.w, self.square, y = self.learn(self.w, self.square, x)
        self.wait((self.w, y))
        return y

    def respond(self, x):
        return self.wait(self.answer(self.w, x))

    def weights(self):
        return np.array(self.w)


make = Jit
