"""River's on-line k-means: Python dictionaries, a sample and each centre one."""

import numpy as np

NAME = "River KMeans"
REQUIRES = ("river",)
SAME_RULE = False
AT_MOST = 3  # it compares with every centre in Python


class KMeans:
    def __init__(self, weights, constants):
        from river import cluster

        self.model = cluster.KMeans(n_clusters=len(weights), halflife=0.1, seed=0)
        for k, row in enumerate(weights.tolist()):
            self.model.centers[k].update(enumerate(row))

    def step(self, x):
        return self.model.learn_predict_one(dict(enumerate(x.tolist())))

    def respond(self, x):
        return self.model.predict_one(dict(enumerate(x.tolist())))

    def weights(self):
        return np.array([[row[i] for i in range(len(row))] for row in self.model.centers.values()], np.float32)


make = KMeans
