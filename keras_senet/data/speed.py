"""How many images a second the training pipeline delivers."""

import time

from keras_senet.data.augmentation import Augmentation
from keras_senet.data.dataset import Dataset

WARM_UP = 8  # batches: tf.data is choosing its parallelism


def throughput(
    dataset: Dataset,
    batch_size: int,
    seconds: float = 10.0,
    *,
    sampling: str = "uniform",
    augmentation: Augmentation | None = None,
) -> float:
    """Runs the training pipeline alone, without a model.

    Args:
        dataset: A `Dataset`.
        batch_size: Images in a batch.
        seconds: How long to measure.
        sampling: As in `Dataset.train`.
        augmentation: As in `Dataset.train`.

    Returns:
        Images a second.

    Example:
        >>> from keras_senet import data
        >>> data.throughput(data.load("digits"), 64, seconds=0.1) > 0
        True
    """
    with dataset.bad_images.unwrapped():
        batches = iter(dataset.train(batch_size, sampling=sampling, augmentation=augmentation))
        for _ in range(WARM_UP):
            next(batches)
        begin, count, spent = time.perf_counter(), 0, 0.0
        while spent < seconds:
            count += len(next(batches)[1])
            spent = time.perf_counter() - begin
    return count / spent
