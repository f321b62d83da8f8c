"""A data set: two splits, and the batches drawn from them."""

import dataclasses
import functools
import logging

import numpy as np

from keras_senet.data.augmentation import SHIFT, Augmentation
from keras_senet.data.bad_images import BadImages
from keras_senet.data.split import Examples
from keras_senet.data.view import View

logger = logging.getLogger("keras_senet")


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images to train on and images held out.

    Attributes:
        name: What the source is called.
        class_names: Name of every class, in the order of the labels.
        image_size: Height and width S of the images to train on, in pixels.
        training: The images to learn from.
        held_out: The images to judge by.
        augmentation: What `train` does to an image unless it is told otherwise.
        max_bad_images: How many unreadable images are put up with; `None`: as many as a tenth of
            the training images.
        view: What evaluation sees of an image, where the data decide it (small images are seen
            whole); `None`: what the model's weights say, see `seen_by`.
    """

    name: str
    class_names: tuple[str, ...]
    image_size: int
    training: Examples
    held_out: Examples
    augmentation: Augmentation = SHIFT
    max_bad_images: int | None = None
    view: View | None = None

    def __post_init__(self):
        for what, split in (("training", self.training), ("held-out", self.held_out)):
            if not len(split):
                raise ValueError(f"{self.name} has no {what} images.")

    def replace(self, **changes):
        """A copy with these fields changed, and with bad images of its own."""
        if "image_size" in changes and "view" not in changes and self.view is not None:
            changes["view"] = self.view.replace(size=changes["image_size"])
        return dataclasses.replace(self, **changes)

    @property
    def seen(self):
        """The `View` in effect: the field `view`, else the usual one for `image_size`."""
        return View.usual(self.image_size) if self.view is None else self.view

    def seen_by(self, model):
        """The data set as a model is judged with it: its held-out images in the model's view.

        `validation`, `held_out_arrays` and `calibration_images` of the copy show what the weights
        were published for, or trained with here: size, crop and interpolation. A model that does
        not say (without a preprocessing layer of this package) gets the data set's view in the
        size that it takes, with a warning where that decides anything.

        Args:
            model: A `keras.Model` of one input `(N, H, W, 3)`.

        Returns:
            A copy, which shares the bad images.

        Raises:
            ValueError: If the model takes no such images, or the data set holds pixels of another
                size.

        Example:
            >>> images = dataset.seen_by(model).calibration_images(200)
        """
        shapes = [tuple(x.shape) for x in model.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (3, None):
            raise ValueError(
                f"{self.name} delivers RGB images (N, H, W, 3). {model.name!r} takes {shapes}."
            )
        view = View.of(model)
        if view is None:
            view = self._assumed_for(model)
        if self.held_out.holds_pixels and view.sides != View(self.image_size).sides:
            raise ValueError(
                f"{self.name} holds images of {self.image_size} pixels, {model.name!r} takes "
                f"{view.size}. Load it with image_size={view.size}."
            )
        copy = dataclasses.replace(self, view=view)
        copy.__dict__["bad_images"] = self.bad_images
        return copy

    def _assumed_for(self, model):
        height, width = model.inputs[0].shape[1:3]
        rows, columns = self.seen.sides
        view = self.seen.replace(size=(height or rows, width or columns))
        if not self.held_out.holds_pixels:
            logger.warning(
                "%r does not say which part of an image its weights were judged with. Taken: "
                "crop %g, %s.",
                model.name,
                view.crop,
                view.interpolation,
            )
        return view

    @functools.cached_property
    def bad_images(self):
        """The unreadable images met so far: a mapping from path to reason."""
        limit = self.max_bad_images
        return BadImages(len(self.training) // 10 if limit is None else limit)

    def train(
        self, batch_size, seed=0, *, step=0, shard=(0, 1), sampling="uniform", augmentation=None
    ):
        """Endless augmented batches, beginning at any step.

        Order and augmentation are a pure function of the seed and of the position in the stream:
        the stream from step n equals the stream from step 0 without its first n batches, and the
        shards' slices together are the batch of a single worker. An unreadable image is replaced
        by the next readable one of the order, under the augmentation of its position.

        Args:
            batch_size: Images in a batch of all shards together, B.
            seed: Any integer.
            step: The first batch delivered.
            shard: `(index, count)`: this worker's number, and how many there are; it delivers
                `B / count` images of each batch and reads no others.
            sampling: `"uniform"`: every image once in each pass over the split;
                `"class_balanced"`: every class equally often.
            augmentation: An `Augmentation`; `None`: the data set's own.

        Returns:
            A `tf.data.Dataset` of images `(B, S, S, 3)` uint8 and labels: `(B,)` int32, or shares
            of the classes `(B, K)` float32 if the augmentation mixes images.

        Raises:
            ValueError: If an argument is invalid.

        Example:
            >>> from keras_senet import data
            >>> images, labels = next(iter(data.load("digits").train(64)))
            >>> images.shape
            TensorShape([64, 32, 32, 3])
        """
        chosen = self.augmentation if augmentation is None else augmentation
        return self._pipeline.training(self, batch_size, seed, step, shard, sampling, chosen)

    def validation(self, batch_size, shard=(0, 1)):
        """Batches of the held-out images, in order, each image once.

        Args:
            batch_size: Images in a batch of all shards together, B; the last has what is left.
            shard: As in `train`.

        Returns:
            A `tf.data.Dataset` of images `(B, H, W, 3)` uint8, H and W of the view, and labels
            `(B,)` int32. An unreadable image is left out, see `unreadable`.
        """
        positions = self._pipeline.held_out_positions(len(self.held_out), batch_size, shard)
        local = batch_size // shard[1]
        return self._pipeline.plain(self, self.held_out, positions, local)

    def held_out_arrays(self, limit=None):
        """Held-out images `(N, H, W, 3)` uint8 and labels `(N,)`, the first `limit` of them.

        As `validation` has them; unreadable ones are left out.
        """
        count = len(self.held_out) if limit is None else min(limit, len(self.held_out))
        return self._arrays(self.held_out, range(count))

    def calibration_images(self, count):
        """`count` training images `(count, H, W, 3)` uint8, evenly spaced over the split.

        As evaluation sees them, not augmented; unreadable ones are left out.
        """
        chosen = np.linspace(0, len(self.training) - 1, min(count, len(self.training))).astype(int)
        return self._arrays(self.training, chosen)[0]

    def unreadable(self, split):
        """Those of the unreadable images met so far that are a split's: path to reason."""
        if not self.bad_images:
            return {}
        names = map(split.name, range(len(split)))
        return {name: self.bad_images[name] for name in names if name in self.bad_images}

    def long_tailed(self, ratio):
        """A copy whose training classes shrink geometrically, the last one to 1 of `ratio`.

        Of class c out of K the first `n * ratio ** (-c / (K - 1))` images are kept, n being the
        size of the smallest class, at least one.

        Reference:
            Y. Cui et al., Class-Balanced Loss Based on Effective Number of Samples, 2019, 5.1.
        """
        labels, classes = self.training.labels, len(self.class_names)
        least = np.bincount(labels, minlength=classes).min()
        kept = []
        for label in range(classes):
            count = max(1, round(least * ratio ** (-label / (classes - 1))))
            kept.append(np.flatnonzero(labels == label)[:count])
        return self.replace(
            name=f"{self.name} (long-tailed 1:{ratio})",
            training=self.training.subset(np.concatenate(kept)),
        )

    def _arrays(self, split, positions):
        batches = list(self._pipeline.plain(self, split, positions, 64).as_numpy_iterator())
        if not batches:
            raise ValueError(f"{self.name}: none of {len(positions)} images can be read.")
        return tuple(np.concatenate(column) for column in zip(*batches, strict=True))

    @property
    def _pipeline(self):
        """TensorFlow's half of the package, imported when it is needed."""
        from keras_senet.data import pipeline

        return pipeline
