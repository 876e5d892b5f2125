"""scikit-learn's on-line k-means, a sample a call: the nearest centre moves toward it."""

import numpy as np

NAME = "scikit-learn MiniBatchKMeans"
REQUIRES = ("sklearn",)
SAME_RULE = False
AT_MOST = 100


class KMeans:
    def __init__(self, weights, constants):
        from sklearn.cluster import MiniBatchKMeans

        self.model = MiniBatchKMeans(len(weights), init=weights, n_init=1, batch_size=1, random_state=0)
        self.model.partial_fit(weights)  # it knows no state before its first call

    def step(self, x):
        return self.model.partial_fit(x[None]).labels_

    def respond(self, x):
        return self.model.predict(x[None])

    def weights(self):
        return np.array(self.model.cluster_centers_, np.float32)


make = KMeans
