"""Statistics of an SE block's gates."""

import dataclasses

import numpy as np

# Where a gate's values lie. ReLU's have no upper end: its last bin counts all that is above.
RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "doubled_sigmoid": (0.0, 2.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, 4.0),
    "sum_of_sigmoids": (0.0, 2.0),  # scSE
}
BINS = 100  # of a histogram, over the whole range
EDGE = 0.05  # share of the range at each of its ends that counts as saturated
CONSTANT = 1e-3  # standard deviation over images below which a gate counts as constant


@dataclasses.dataclass(frozen=True, eq=False)
class Gates:
    """What the gates of one SE block were over a data set of N images and K classes.

    Attributes:
        name: Name of the block.
        stage: `"stage2"`, ..., or `"-"` in networks that are not ours.
        gate: Kind of its gate: `"sigmoid"`, ...
        counts: Images of each class, `(K,)`.
        class_means: Mean gate of each class, `(K, C)`; NaN where a class has no image.
        class_variances: Variance over the images of each class, `(K, C)`.
        mean: Mean over all images, `(C,)`.
        variance: Variance over all images, `(C,)`.
        minimum: Smallest gate, `(C,)`.
        maximum: Largest gate, `(C,)`.
        histogram: Images whose gate is in each of 100 bins over the gate's range, `(C, 100)`.
        gamma: Gamma of the batch normalization right in front of the block, `(C,)`, or `None`.
    """

    name: str
    stage: str
    gate: str
    counts: np.ndarray
    class_means: np.ndarray
    class_variances: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray
    histogram: np.ndarray
    gamma: np.ndarray | None = None

    @property
    def channels(self) -> int:
        """Number of gates, C."""
        return len(self.mean)

    @property
    def std(self) -> np.ndarray:
        """Standard deviation over all images, `(C,)`."""
        return np.sqrt(self.variance)

    @property
    def divergence(self) -> float:
        """How far classes differ: standard deviation of the class means, RMS over the channels.

        A class counts as often as it has images; `divergence**2 + spread**2` is the mean
        variance over images.
        """
        apart = (self.class_means[self._seen] - self.mean) ** 2
        return float(np.sqrt(np.average(apart, axis=0, weights=self._weights).mean()))

    @property
    def spread(self) -> float:
        """How far images of one class differ: standard deviation, RMS over classes and channels."""
        within = self.class_variances[self._seen]
        return float(np.sqrt(np.average(within, axis=0, weights=self._weights).mean()))

    @property
    def saturated(self) -> tuple[float, float]:
        """Shares of all gates in the lowest and in the highest twentieth of their range."""
        bins = round(EDGE * BINS)
        total = self.histogram.sum()
        return (
            float(self.histogram[:, :bins].sum() / total),
            float(self.histogram[:, -bins:].sum() / total),
        )

    def constant(self, threshold: float = CONSTANT) -> np.ndarray:
        """Which gates vary less over images than `threshold`, a standard deviation: `(C,)`."""
        return self.std < threshold

    def quantile(self, q: float) -> np.ndarray:
        """Quantile of every gate over all images, to the width of a bin.

        Args:
            q: The share of images below it, 0..1.

        Returns:
            `(C,)`, interpolated in the histogram and clipped to what occurred.
        """
        low, high = RANGES[self.gate]
        cumulated = np.cumsum(self.histogram, axis=1)
        target = q * cumulated[:, -1]
        bins = np.minimum((cumulated < target[:, None]).sum(axis=1), BINS - 1)
        rows = np.arange(self.channels)
        inside = self.histogram[rows, bins]
        below = cumulated[rows, bins] - inside
        share = np.divide(target - below, inside, out=np.zeros(self.channels), where=inside > 0)
        values = low + (high - low) * (bins + share) / BINS
        return np.clip(values, self.minimum, self.maximum)

    @property
    def _seen(self):
        return self.counts > 0

    @property
    def _weights(self):
        return self.counts[self._seen]
