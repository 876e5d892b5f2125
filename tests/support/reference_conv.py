"""A convolutional layer in slow float64 NumPy, written from the equations of Journé et al. 2023.

At every position p of an image the neurons compete; a layer's step is the mean over positions, summed over a window:

    u_pk = w_k . x_p,   y_p = softmax(u_p / tau), losers negated if signed,
    D_k = mean_p sum (1 - a_pk),   G_k = mean_p sum c_pk x_p,   dw_k = G_k - D_k w_k

The docstring of `ConvWTA` says what the paper leaves open: normalisation on a stream, cap, cutoff, borders, ties.
"""

import numpy as np


def patches(image, kernel, stride, padding):
    """Return (rows, columns, channels, kernel, kernel): what each position sees, borders reflected."""
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)), mode="reflect" if padding else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    return windows[:, ::stride, ::stride].transpose(1, 2, 0, 3, 4)


def softmax(values):
    shares = np.exp(values - values.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def apply(function, power, potentials):
    if function == "identity":
        return potentials
    mean = potentials.mean(axis=-1, keepdims=True) if function == "triangle" else 0.0
    return np.maximum(potentials - mean, 0) ** power


def pool(kind, size, stride, padding, values):
    """Pool (rows, columns, neurons): `max` passes over places beyond the border, `mean` counts them as zeros."""
    if kind is None:
        return values
    fill = -np.inf if kind == "max" else 0.0
    padded = np.pad(values, ((padding, padding), (padding, padding), (0, 0)), constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))[::stride, ::stride]
    return windows.max(axis=(3, 4)) if kind == "max" else windows.mean(axis=(3, 4))


RULES = {
    "softhebb": lambda u, y, rate: (1 - rate * y * u, rate * y),
    "oja": lambda u, y, rate: (1 - rate * y * y, rate * y),
    "instar": lambda u, y, rate: (1 - rate * y, rate * y),
    "hebb": lambda u, y, rate: (np.ones_like(y), rate * y),
}


class ConvLayer:
    def __init__(self, W, *, stride=1, padding=0, kind="soft", sharpness=1.0, signed=False, rule="softhebb", rate=0.1,
                 power=0.5, floor=0.0, adaptive=True, normalise="running", horizon=500.0, warm_up=0, step="capped",
                 cap=0.1, cutoff=0.0, window=1, activation=("identity", 1.0), transmit=("triangle", 1.0),
                 pooling=(None, 1, 1, 0), winners=1, rank=2, opposition=0.4, bias=None, renormalise=False,
                 momentum=0.0, answers="at once", pre_triangle=False):  # fmt: skip
        self.W, self.wins, self.measured, self.samples = W.astype(float), np.zeros(len(W), int), 0, 0
        self.mean, self.variance = np.zeros(W.shape[1]), np.ones(W.shape[1])
        self.steps, self.pending, self.followed, self.updates = np.zeros(len(W)), [], [], 0
        shares = bias and bias[0] in ("conscience", "prior")
        self.activity = np.full(len(W), 1 / len(W) if shares else 0.0)
        vars(self).update({k: v for k, v in locals().items() if k not in {"self", "W"}})

    def follow(self, image):
        """Move the running statistics: those of all pixels so far, until `horizon` images; then exponentially."""
        self.measured += 1
        weight = max(1 / self.measured, 1 / self.horizon)
        mean, variance = image.mean(axis=(1, 2)), image.var(axis=(1, 2))
        self.variance = (
            (1 - weight) * self.variance + weight * variance + weight * (1 - weight) * (mean - self.mean) ** 2
        )
        self.mean = self.mean + weight * (mean - self.mean)

    def normalised(self, image, kind):
        if kind == "none":
            return image
        if kind == "running":
            mean, variance = self.mean[:, None, None], self.variance[:, None, None]
        else:
            axes = (0, 1, 2) if kind == "layer" else (1, 2)
            mean, variance = image.mean(axis=axes, keepdims=True), image.var(axis=axes, keepdims=True)
        return (image - mean) / np.sqrt(variance + 1e-5)

    def biases(self, learning):
        """Return what is added to the drives: a conscience and mean activity while learning alone."""
        kind, options = self.bias or ("none", {})
        if kind == "prior":
            return np.log(self.activity) / self.sharpness
        if kind == "threshold" or (kind == "mean" and learning):
            return -self.activity
        if kind == "conscience" and learning:
            return options["strength"] * (1 / len(self.W) - self.activity)
        return np.zeros(len(self.W))

    def respond_by_ranks(self, drive):
        """Return the responses of a position, by the order of the drives, ties by the lowest index."""
        order, y = np.argsort(-drive, kind="stable"), np.zeros(len(drive))
        y[order[: self.winners if self.kind == "k" else 1]] = 1.0
        if self.kind == "ranked":
            y[order[self.rank - 1]] = -self.opposition
        return y

    def seen(self, x, learning=False):
        """Return what every position sees, potentials and responses, (rows, columns, ...), and the winners."""
        X = patches(x, self.W.shape[2], self.stride, self.padding)
        u = np.einsum("ijcde,kcde->ijk", X, self.W)
        if self.pre_triangle:
            u = apply("triangle", 1.0, u)
        drive = apply(*self.activation, u) + self.biases(learning)
        winners = drive.argmax(axis=-1)
        won = np.arange(len(self.W)) == winners[..., None]
        if self.kind == "soft":
            y = softmax(self.sharpness * drive)
        else:
            y = np.apply_along_axis(self.respond_by_ranks, -1, drive)
        return X, u, np.where(won | (not self.signed), y, -y), winners

    def follow_bias(self, u, y, counts):
        """Keep what the bias averages: of an image the mean over its positions."""
        positions = u.shape[0] * u.shape[1]
        means = {"prior": y.mean(axis=(0, 1)), "mean": apply(*self.activation, u).mean(axis=(0, 1))}
        self.followed.append(means.get(self.bias[0], counts / positions))

    def move_bias(self):
        """Move what the bias follows by a window's means; a threshold leaks for each image, and rises by each win."""
        (kind, options), now = self.bias, np.mean(self.followed, axis=0)
        if kind == "threshold":
            kept = (1 - options["leak"]) ** len(self.followed)
            self.activity = kept * self.activity + options["step"] * np.sum(self.followed, axis=0)
        else:
            self.activity += (1.0 if kind == "mean" and not self.updates else options["rate"]) * (now - self.activity)
        self.followed = []

    def respond(self, image, learning=False):
        x = self.normalised(image, "running" if self.normalise == "window" else self.normalise)
        _, u, y, winners = self.seen(x, learning)
        function, power = self.transmit
        sent = pool(*self.pooling, apply(function, power, u)).transpose(2, 0, 1)
        counts = np.bincount(winners.ravel(), minlength=len(self.W))
        return u, y, counts, sent.ravel()

    def learn(self, image, modulator=1.0):
        if self.normalise == "running" or (self.normalise == "window" and not self.momentum):
            self.follow(image)
        result = self.respond(image, learning=True)
        self.samples += 1
        if self.samples <= self.warm_up:
            return result
        self.wins += result[2]
        if self.bias:
            self.follow_bias(result[0], result[1], result[2])
        kept = image if self.normalise == "window" else self.normalised(image, self.normalise)
        self.pending.append((kept, modulator))
        if len(self.pending) == self.window:
            self.update()
            self.pending = []
        return result

    def update(self):
        images = np.array([image for image, _ in self.pending])
        if self.normalise == "window":
            mean, variance = images.mean(axis=(0, 2, 3)), images.var(axis=(0, 2, 3))
            if self.momentum:
                unbiased = images.var(axis=(0, 2, 3), ddof=1)
                self.mean = self.mean + self.momentum * (mean - self.mean)
                self.variance = self.variance + self.momentum * (unbiased - self.variance)
            images = (images - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
        norms = np.sqrt((self.W**2).sum(axis=(1, 2, 3)))
        rates = np.maximum(self.rate * np.abs(norms - 1) ** self.power, self.floor) if self.adaptive else self.rate
        change, growth, self.sent = np.zeros(len(self.W)), np.zeros_like(self.W), []
        for x, (_, modulator) in zip(images, self.pending, strict=True):
            X, u, y, _ = self.seen(x, learning=True)
            self.sent.append(pool(*self.pooling, apply(*self.transmit, u)).transpose(2, 0, 1).ravel())
            decay, c = RULES[self.rule](u, y, 1.0 if self.step == "largest" else rates)
            learns, positions = np.abs(y) >= self.cutoff, u.shape[0] * u.shape[1]
            change += modulator * (np.where(learns, decay - 1, 0)).sum(axis=(0, 1)) / positions
            growth += modulator * np.einsum("ijk,ijcde->kcde", np.where(learns, c, 0), X) / positions
        step = growth + change[:, None, None, None] * self.W
        if self.step == "largest":
            scale = rates / np.abs(step).max()
        else:
            scale = np.minimum(1, self.cap / np.maximum(np.abs(change), 1e-300))
        step *= np.broadcast_to(scale, change.shape)[:, None, None, None]
        self.steps += np.sqrt((step**2).sum(axis=(1, 2, 3)))
        self.W = self.W + step
        if self.bias:
            self.move_bias()
        self.updates += 1
        if self.renormalise:
            lengths = np.sqrt((self.W**2).sum(axis=(1, 2, 3)))
            self.W[lengths > 0] /= lengths[lengths > 0, None, None, None]
