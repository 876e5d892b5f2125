"""Published networks in slow float64 NumPy, written from their equations: whole batches, as their code takes them.

Journé et al. 2023: images through batch normalisation, convolution, competition and Triangle, layer after layer, each
of which learns after its part of the forward pass. Gupta et al. 2021 and Liuson: HebbNet.
"""

import numpy as np
from reference_conv import patches, pool, softmax

EPSILON, MOMENTUM = 1e-5, 0.1  # of batch normalisation


def triangle(u, power=1.0):
    """Return what exceeds the mean over the neurons at a position, to a power."""
    return np.maximum(u - u.mean(axis=-1, keepdims=True), 0) ** power


class PublishedLayer:
    """Batch normalisation, reflecting pad, convolution, competition, Triangle and pool; in `train`, it learns."""

    def __init__(self, W, *, padding, sharpness, rate, power, pooling, pre_triangle=False, exponent=0.5):
        self.W, self.mean, self.variance = np.array(W, np.float64), np.zeros(W.shape[1]), np.ones(W.shape[1])
        self.padding, self.sharpness, self.rate, self.power = padding, sharpness, rate, power
        self.pooling, self.pre_triangle, self.exponent = pooling, pre_triangle, exponent

    def forward(self, images, train):
        """Return what a batch (images, channels, rows, columns) becomes, by the weights before it learned."""
        if train:
            mean, variance = images.mean(axis=(0, 2, 3)), images.var(axis=(0, 2, 3))
            unbiased = images.var(axis=(0, 2, 3), ddof=1)
            self.mean = (1 - MOMENTUM) * self.mean + MOMENTUM * mean
            self.variance = (1 - MOMENTUM) * self.variance + MOMENTUM * unbiased
        else:
            mean, variance = self.mean, self.variance
        normal = (images - mean[:, None, None]) / np.sqrt(variance + EPSILON)[:, None, None]
        X = np.stack([patches(image, self.W.shape[2], 1, self.padding) for image in normal])
        u = np.einsum("nijcde,kcde->nijk", X, self.W)
        if self.pre_triangle:
            u = triangle(u)
        sent = np.stack([pool(*self.pooling, triangle(one, self.power)) for one in u]).transpose(0, 3, 1, 2)
        if train:
            self.learn(X, u)
        return sent

    def learn(self, X, u):
        y = softmax(self.sharpness * u)
        won = np.arange(u.shape[-1]) == u.argmax(axis=-1)[..., None]
        y = np.where(won, y, -y)
        step = np.einsum("nijk,nijcde->kcde", y, X) - (y * u).sum(axis=(0, 1, 2))[:, None, None, None] * self.W
        norms = np.sqrt((self.W**2).sum(axis=(1, 2, 3)))
        rates = self.rate * (np.abs(norms - 1) + 1e-10) ** self.exponent
        self.W = self.W + rates[:, None, None, None] * step / np.abs(step).max()


def published_pass(layers, batches, training):
    """Take batches through layers, those of `training` learning and the others frozen."""
    for images in batches:
        for index, layer in enumerate(layers):
            images = layer.forward(images, index in training)


class PublishedHebbNet:
    """HebbNet on batches: means that start at the first batch's, learners by a quantile of the sizes of their steps."""

    def __init__(self, W, rate=0.05, share=0.2, averaging=0.95):
        self.W = W / np.linalg.norm(W, axis=1, keepdims=True)
        self.rate, self.share, self.averaging, self.T = rate, share, averaging, None

    def learn(self, X):
        y = np.maximum(X @ self.W.T, 0)
        mean = y.mean(axis=0)
        self.T = mean if self.T is None else (1 - self.averaging) * self.T + self.averaging * mean
        step = (y - self.T).T @ X
        sizes = np.linalg.norm(step, axis=1)
        learns = sizes >= np.quantile(sizes, 1 - self.share)
        sign = np.where(np.arange(len(sizes)) == sizes.argmax(), 1.0, -1.0)
        self.W = self.W + self.rate * (sign * learns)[:, None] * step
        self.W = self.W / np.linalg.norm(self.W, axis=1, keepdims=True)
        return int(learns.sum())
