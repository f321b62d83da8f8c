"""Mean and variance of a stream of vectors, group by group."""

import numpy as np


class Moments:
    """Counts, means and summed squared deviations, updated batch by batch.

    Batches are merged as in Chan, Golub and LeVeque (1983), which is exact and stable: nothing is
    subtracted from a sum of squares.

    Args:
        groups: Number of groups, K.
        channels: Length of the vectors, C.
        dtype: Of the means and deviations kept, `(K, C)` each.
    """

    def __init__(self, groups, channels, dtype="float64"):
        self.counts = np.zeros(groups, "int64")
        self.means = np.zeros((groups, channels), dtype)
        self.deviations = np.zeros((groups, channels), dtype)

    def update(self, vectors, groups):
        """Adds vectors `(N, C)`, which belong to the groups `(N,)`."""
        for group in np.unique(groups):
            self._merge(group, vectors[groups == group].astype("float64"))

    def _merge(self, group, vectors):
        before, added = self.counts[group], len(vectors)
        mean = vectors.mean(axis=0)
        step = mean - self.means[group]
        total = before + added
        self.counts[group] = total
        self.means[group] += step * (added / total)
        self.deviations[group] += ((vectors - mean) ** 2).sum(axis=0)
        self.deviations[group] += step**2 * (before * added / total)

    def variances(self):
        """Variances of the groups (divided by the count), NaN where a group is empty."""
        with np.errstate(invalid="ignore"):
            return self.deviations / self.counts[:, None].astype(self.deviations.dtype)
