"""Statistics of many blocks' gates, batch by batch, in bounded memory."""

import numpy as np

from keras_senet.analysis.gates.statistics import BINS, RANGES


class Moments:
    """Counts, means and summed squared deviations, updated batch by batch.

    Batches are merged as in Chan, Golub and LeVeque (1983), which is exact and stable: nothing is
    subtracted from a sum of squares.

    Args:
        groups: Number of groups, K.
        channels: Length of the vectors, C.
        dtype: Type of the means and deviations kept, `(K, C)` each.
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


class Collector:
    """Takes batches of gates and keeps moments by class, moments and histograms over all images.

    The gates of all blocks lie side by side in one vector, so that a batch costs a few numpy
    operations however many blocks there are.

    Args:
        kinds: Kind of gate of each block, by name: a key of `RANGES`.
        channels: Number of gates of each block, by name.
        classes: Number of classes, K.
    """

    def __init__(self, kinds, channels, classes):
        self.names = tuple(kinds)
        sizes = [channels[name] for name in self.names]
        self.ends = np.cumsum(sizes)
        total = int(self.ends[-1])
        ranges = np.repeat([RANGES[kinds[name]] for name in self.names], sizes, axis=0)
        self.low, self.width = ranges[:, 0], ranges[:, 1] - ranges[:, 0]
        # float32: the (K, C) numbers of all blocks are most of the memory.
        self.by_class = Moments(classes, total, "float32")
        self.overall = Moments(1, total)
        self.minimum = np.full(total, np.inf, "float32")
        self.maximum = np.full(total, -np.inf, "float32")
        self.histogram = np.zeros((total, BINS), "int32")

    def update(self, gates, labels):
        """Adds the gates `(N, C)` of every block, by name, of images of the classes `(N,)`.

        Raises:
            ValueError: If a gate is not finite, or a label has no class.
        """
        gates = np.concatenate([gates[name] for name in self.names], axis=1).astype("float32")
        classes = len(self.by_class.counts)
        broken = ~np.isfinite(gates).all(axis=0)
        if broken.any():
            name = self.names[np.searchsorted(self.ends, broken.argmax(), "right")]
            raise ValueError(f"Gates of {name!r} are not finite. Check the model's weights.")
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(
                f"Expected labels in 0..{classes - 1}, one for each of the {classes} classes. "
                f"Received: {labels.min()}..{labels.max()}"
            )
        self.by_class.update(gates, labels)
        self.overall.update(gates, np.zeros(len(gates), "int64"))
        np.minimum(self.minimum, gates.min(axis=0), out=self.minimum)
        np.maximum(self.maximum, gates.max(axis=0), out=self.maximum)
        bins = ((gates - self.low) * (BINS / self.width)).astype("int64").clip(0, BINS - 1)
        bins += np.arange(gates.shape[1]) * BINS
        self.histogram.reshape(-1)[:] += np.bincount(
            bins.reshape(-1), minlength=self.histogram.size
        ).astype("int32")

    def statistics(self):
        """Arrays of each block, by name, under the names of the fields of `Gates`."""
        variances = self.by_class.variances()
        means = np.where(self.by_class.counts[:, None] > 0, self.by_class.means, np.float32("nan"))
        starts = np.concatenate([[0], self.ends[:-1]])
        return {
            name: {
                "counts": self.by_class.counts,
                "class_means": means[:, start:end],
                "class_variances": variances[:, start:end],
                "mean": self.overall.means[0, start:end],
                "variance": self.overall.variances()[0, start:end],
                "minimum": self.minimum[start:end],
                "maximum": self.maximum[start:end],
                "histogram": self.histogram[start:end],
            }
            for name, start, end in zip(self.names, starts, self.ends, strict=True)
        }
