"""A data set: its splits, and the batches drawn from them."""

import dataclasses
import functools
import typing

import keras
import numpy as np

from keras_senet.data import long_tail, model_view, summary
from keras_senet.data.augmentation import SHIFT, Augmentation
from keras_senet.data.bad_images import BadImages
from keras_senet.data.checks import (
    as_class_names,
    as_count,
    as_image_size,
    check_labels,
    check_splits,
)
from keras_senet.data.shards import shard_positions, shard_size
from keras_senet.data.split import Examples
from keras_senet.data.subset import evenly_spaced
from keras_senet.data.view import View
from keras_senet.weights.fields import replaced

if typing.TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images to train on and images held out.

    Attributes:
        name: Name of the source in messages and summaries.
        class_names: Name of every class, in the order of the labels; of multi-label data, of every
            label.
        image_size: Height and width S of the images to train on, in pixels.
        training: The images to learn from.
        held_out: The images to evaluate on.
        augmentation: The augmentation of `train` by default.
        max_bad_images: How many unreadable images are tolerated in all; `None`: in each split a
            tenth of its images, at least one.
        test: The images to evaluate on once, at the end of training; `None`: there are none.
        view: The evaluation transform, where the data determine it (small images are seen whole);
            `None`: that of the model, see `seen_by`.
        source: What `load` finds the data by, from any working folder; `None`: it cannot.
        division: What `load` divides them by anew, such as `"fold 2/5"`; `None`: not at all.
        long_tail: The ratio of `long_tailed`, by which classes have shrunk; `None`: they have not.

    Raises:
        ValueError: If a field has a wrong type, a split has no images, or pixels and labels do not
            fit size and classes.
    """

    name: str
    class_names: tuple[str, ...]
    image_size: int
    training: Examples
    held_out: Examples
    augmentation: Augmentation = SHIFT
    max_bad_images: int | None = None
    test: Examples | None = None
    view: View | None = None
    source: str | None = None
    division: str | None = None
    long_tail: float | None = None

    def __post_init__(self):
        least = 1 if getattr(self.training, "multi_label", False) else 2
        object.__setattr__(self, "class_names", as_class_names(self.class_names, least))
        object.__setattr__(self, "image_size", as_image_size(self.image_size))
        if self.max_bad_images is not None:
            as_count(self.max_bad_images, "max_bad_images", least=0)
        if not isinstance(self.augmentation, Augmentation):
            raise ValueError(
                "Field `augmentation` must be an Augmentation, such as data.PHOTO or data.NONE. "
                f"Received: {type(self.augmentation).__name__}"
            )
        if self.view is not None and not isinstance(self.view, View):
            raise ValueError(
                f"Field `view` must be a View, such as data.View({self.image_size}), or None. "
                f"Received: {str(self.view)[:60]!r} of type {type(self.view).__name__}"
            )
        check_splits(self)

    def __str__(self):
        """The classes and their numbers of images, as far as known without reading files."""
        return summary.of(self)

    @property
    def multi_label(self) -> bool:
        """Whether an image has any number of the K labels, not one of K classes.

        Labels are `(N, K)` of 0 and 1 then, else `(N,)` numbers of classes.
        """
        return self.training.multi_label

    @property
    def splits(self) -> dict[str, Examples]:
        """The splits that the data set has, under their names in messages."""
        splits = {"training": self.training, "held-out": self.held_out}
        return splits if self.test is None else {**splits, "test": self.test}

    def check_labels(self) -> None:
        """Raises a ValueError if a label has no class; reads all of them."""
        for what, split in self.splits.items():
            check_labels(split, what, self.name, len(self.class_names))

    def replace(self, **changes) -> typing.Self:
        """A copy with these fields changed, which counts its own bad images."""
        if "image_size" in changes and "view" not in changes and self.view is not None:
            changes["view"] = self.view.replace(size=changes["image_size"])
        return replaced(self, changes)

    @property
    def seen(self) -> View:
        """The `View` in effect: the field `view`, else the usual one for `image_size`."""
        return View.usual(self.image_size) if self.view is None else self.view

    def seen_by(self, model: keras.Model, size: int | None = None) -> typing.Self:
        """A copy whose evaluation images have the view of a model.

        `validation`, `held_out_arrays` and `calibration_images` of the copy use the size, crop and
        interpolation that the model's weights were published for, or trained with here. A model
        without a preprocessing layer of this package does not record them: it gets the data set's
        crop and interpolation in its own size, with a warning where files are cropped.

        Args:
            model: A `keras.Model` of one input `(N, H, W, 3)`.
            size: Height and width in pixels for a model that leaves them open; `None`: those that
                its weights were evaluated with, else `image_size`.

        Returns:
            A `Dataset` that shares `bad_images` with this one.

        Raises:
            ValueError: If the model takes no such images, or the data set holds pixels of another
                size.

        Example:
            >>> digits = keras_senet.data.load("digits")
            >>> model = keras_senet.SEResNet20()
            >>> digits.seen_by(model).calibration_images(200).shape
            (200, 32, 32, 3)
        """
        view = model_view.of(self, model, size)
        copy = dataclasses.replace(self, view=view)
        copy.__dict__["bad_images"] = self.bad_images
        return copy

    @functools.cached_property
    def bad_images(self) -> BadImages:
        """The unreadable images met so far: a mapping from path to reason."""
        return BadImages(self.max_bad_images, self.splits)

    def train(
        self,
        batch_size: int,
        seed: int = 0,
        *,
        step: int = 0,
        shard: tuple[int, int] = (0, 1),
        sampling: str = "uniform",
        augmentation: Augmentation | None = None,
        repeats: int = 1,
    ) -> "tf.data.Dataset":
        """Endless augmented batches, beginning at any step.

        Order and augmentation are a pure function of the seed and of the position in the stream:
        the stream from step n equals the stream from step 0 without its first n batches, and the
        shards' slices together are the batch of a single worker. An unreadable image is replaced
        by the next readable one in this order, with the augmentation of the replaced position.

        Args:
            batch_size: Images in a batch of all shards together, B.
            seed: Any integer.
            step: The first batch delivered.
            shard: `(index, count)`: this worker's number, and how many there are; it delivers
                `B / count` images of each batch and reads no others.
            sampling: `"uniform"`: every image once in each pass over the split;
                `"class_balanced"`: every class equally often.
            augmentation: An `Augmentation`; `None`: the data set's own.
            repeats: How often an image that is drawn comes, each time augmented anew, within a few
                images (repeated augmentation, Hoffer et al., https://arxiv.org/abs/1901.09335);
                a pass over the split then takes as many times longer.

        Returns:
            A `tf.data.Dataset` of images `(B, S, S, 3)` uint8 and labels: `(B,)` int32,
            `(B, K)` int32 of multi-label data, or shares `(B, K)` float32 if the augmentation mixes
            images.

        Raises:
            ValueError: If an argument is invalid, or no image can be read.

        Example:
            >>> from keras_senet import data
            >>> images, labels = next(iter(data.load("digits").train(64)))
            >>> images.shape
            TensorShape([64, 32, 32, 3])
        """
        self.bad_images.probe(self.training)
        chosen = self.augmentation if augmentation is None else augmentation
        as_count(repeats, "repeats")
        return self._pipeline.training(
            self, batch_size, seed, step, shard, sampling, chosen, repeats
        )

    def validation(self, batch_size: int, shard: tuple[int, int] = (0, 1)) -> "tf.data.Dataset":
        """Batches of the held-out images, in order, each image once.

        Args:
            batch_size: Images in a batch of all shards together, B; the last has what is left.
            shard: As in `train`.

        Returns:
            A `tf.data.Dataset` of images `(B, H, W, 3)` uint8, H and W of the view, and labels
            `(B,)` int32, of multi-label data `(B, K)`. An unreadable image is left out, see
            `unreadable`.

        Raises:
            ValueError: If an argument is invalid, or no image can be read.
        """
        self.bad_images.probe(self.held_out)
        positions = shard_positions(len(self.held_out), batch_size, shard)
        local = shard_size(batch_size, shard)
        return self._pipeline.plain(self, self.held_out, positions, local)

    def held_out_arrays(self, limit: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Held-out images `(N, H, W, 3)` uint8 and labels, or `limit` of them, evenly spaced.

        The first ones of a folder would be those of its first class. As `validation` has them:
        labels `(N,)`, of multi-label data `(N, K)`; unreadable ones are left out.
        """
        if limit is not None:
            as_count(limit, "limit")
        return self._arrays(self.held_out, evenly_spaced(len(self.held_out), limit))

    def calibration_images(self, count: int) -> np.ndarray:
        """`count` training images `(count, H, W, 3)` uint8, evenly spaced over the split.

        In the view of evaluation, not augmented; unreadable ones are left out.
        """
        as_count(count, "count")
        return self._arrays(self.training, evenly_spaced(len(self.training), count))[0]

    def unreadable(self, split: Examples) -> dict[str, str]:
        """The unreadable images of a split that were met so far: path to reason."""
        if not self.bad_images:
            return {}
        names = map(split.name, range(len(split)))
        return {name: self.bad_images[name] for name in names if name in self.bad_images}

    def long_tailed(self, ratio: float) -> typing.Self:
        """A copy whose training classes shrink geometrically, the last one to 1 of `ratio`.

        Of class c out of K the first `n * ratio ** (-c / (K - 1))` images are kept, n being the
        size of the smallest class, at least one; a class with too few for the ratio is warned of.
        Images are held out anew before, not after, which would mix the tail with the held-out ones.

        Raises:
            ValueError: If the ratio is below 1, images have any number of labels, or the data set
                is long-tailed already.

        Reference:
            Y. Cui et al., Class-Balanced Loss Based on Effective Number of Samples, 2019, 5.1.
        """
        return self.replace(
            name=f"{self.name} (long-tailed 1:{ratio})",
            source=None,
            training=self.training.subset(long_tail.kept(self, ratio)),
            long_tail=ratio,
        )

    def _arrays(self, split, positions):
        with self.bad_images.unwrapped():
            self.bad_images.probe(split)
            batches = list(self._pipeline.plain(self, split, positions, 64).as_numpy_iterator())
        if not batches:
            raise ValueError(f"{self.name}: none of {len(positions)} images can be read.")
        images, labels = map(np.concatenate, zip(*batches, strict=True))
        return images, labels

    @property
    def _pipeline(self):
        """The pipeline, which imports TensorFlow, imported when first needed."""
        from keras_senet.data import pipeline

        return pipeline
