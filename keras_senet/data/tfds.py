"""Data sets of TensorFlow Datasets, whose examples are read by number, in any order."""

import difflib
import functools
import logging
import os
import warnings

import numpy as np

from keras_senet.data.dataset import Dataset
from keras_senet.data.decode import read_rgb
from keras_senet.data.photos import treatment
from keras_senet.data.roles import held_out_or_test, roles_of
from keras_senet.data.subset import evenly_spaced
from keras_senet.data.view import SMALL
from keras_senet.extras import needed

PIXELS = ("uint8", "uint16")  # types whose white is known
LOOKED_AT = 16  # examples of a split that say whether it has labels


def load_tfds(name: str, image_size: int, max_bad_images: int | None = None) -> Dataset:
    """A data set of TensorFlow Datasets with an image and its class in each example.

    Of several images or classes those count that `tfds.load(..., as_supervised=True)` gives.

    Its files, TFRecord or ArrayRecord, are read in place; images stay encoded until they are
    cropped. Splits are understood by their names as those of folders: `validation` is held out,
    else `test`; where there are both, `Dataset.test` has the latter. A split whose labels are all
    negative (a test whose answers are not published) is left out with a warning.

    Args:
        name: As in `tfds.load`: `"imagenet2012"`, `"places365_small"`, `"cifar10:3.0.2"`, ...
        image_size: Height and width of the images delivered, in pixels.
        max_bad_images: See `Dataset`.

    Raises:
        ImportError: If TensorFlow Datasets is not installed.
        ValueError: If the data set is unknown or not prepared, or has no such features or splits,
            or pixels in floats.
    """
    tfds = needed("tensorflow_datasets", "tfds", f"The source tfds:{name}")
    builder = _builder(name, tfds)
    if not builder.is_prepared():
        raise ValueError(
            f"{name} is not in {builder.data_dir}. Prepare it once with: tfds build {name}"
        )
    image, label = _features(builder.info, tfds)
    shape = builder.info.features[image].shape
    is_small = None not in shape and max(shape[:2]) <= SMALL
    augmentation, view = treatment(is_small, image_size)
    splits = _splits(builder.info, image, label)
    return Dataset(
        name=f"tfds:{builder.info.full_name}",
        source=f"tfds:{builder.info.full_name}",
        class_names=tuple(builder.info.features[label].names),
        image_size=image_size,
        augmentation=augmentation,
        max_bad_images=max_bad_images,
        view=view,
        training=splits["training"],
        held_out=splits["held_out"],
        test=splits.get("test"),
    )


def _builder(name, tfds):
    """TFDS's builder of a data set; its errors, of up to thousands of names, in one sentence."""
    said = logging.getLogger("absl")
    said.disabled = True  # of what the error says, too
    try:
        return tfds.builder(name)
    except (ValueError, AssertionError) as error:
        if not isinstance(error, tfds.core.registered.DatasetNotFoundError):
            reason = str(error).strip().split("\n")[0].split('}": ')[-1]
            raise ValueError(f"TensorFlow Datasets cannot load {name!r}: {reason:.300}") from None
        known = tfds.list_builders(with_community_datasets=False)
        close = difflib.get_close_matches(name.split("/")[0].split(":")[0], known)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(
            f"TensorFlow Datasets has no data set {name!r}.{hint} `tfds.list_builders()` lists all."
        ) from None
    finally:
        said.disabled = False


def _splits(info, image, label):
    """`RecordSplit`s under `"training"`, `"held_out"` and, if there are both, `"test"`."""
    names = list(info.splits)
    roles = roles_of(names)
    splits = {kind: RecordSplit(info, name, image, label) for kind, name in roles.items()}
    for kind in [kind for kind in splits if kind != "training"]:
        if not splits[kind].is_labelled():
            warnings.warn(
                f"The split {roles[kind]} of {info.full_name} has no labels and is left out.",
                stacklevel=5,
            )
            del splits[kind]
    splits = held_out_or_test(splits)
    if not {"training", "held_out"} <= splits.keys():
        raise ValueError(
            f"Expected splits train and validation or test, with labels, in {info.name}. "
            f"Received: {sorted(names)}"
        )
    return splits


def _features(info, tfds):
    """Names of the image and of its label: those of `as_supervised`, or the only ones."""
    found = []
    for position, kind in enumerate((tfds.features.Image, tfds.features.ClassLabel)):
        names = [
            name
            for name, feature in info.features.items()
            if isinstance(feature, kind) and not isinstance(feature, tfds.features.LabeledImage)
        ]
        stated = (info.supervised_keys or (None, None))[position]
        if stated in names:  # of CIFAR-100 the label, not the coarse label beside it
            names = [stated]
        if len(names) != 1:
            raise ValueError(
                f"Expected one feature of type {kind.__name__} in {info.name}, or that its "
                f"`supervised_keys` name one. Received: {names}"
            )
        found += names
    pixels = info.features[found[0]].np_dtype
    if np.dtype(pixels) not in PIXELS:
        raise ValueError(
            f"Feature {found[0]!r} of {info.name} holds pixels of {np.dtype(pixels)}, and nothing "
            f"says which number is white. Expected {' or '.join(PIXELS)}."
        )
    return found


class RecordSplit:
    """A `Split` whose items are examples in record files.

    Args:
        info: The builder's `DatasetInfo`.
        split: Name of the split.
        image: Name of the image feature.
        label: Name of the label feature.
    """

    holds_pixels = False
    multi_label = False

    def __init__(self, info, split, image, label, indices=None):
        self.info, self.split, self.image, self.label = info, split, image, label
        paths = [str(path) for path in info.splits[split].filepaths]
        formats = {"tfrecord": TFRecords, "array_record": ArrayRecords}
        file_format = info.file_format.value
        if file_format not in formats:
            raise ValueError(
                f"Expected files of format {' or '.join(formats)}. Received: {file_format}"
            )
        self.records = formats[file_format](paths)
        self.indices = np.arange(len(self.records)) if indices is None else indices

    def __len__(self):
        return len(self.indices)

    @functools.cached_property
    def labels(self):
        """`(N,)` class indices, int32: reads the whole split once, when they are first needed."""
        import tensorflow as tf

        read = self.reader()
        numbers = tf.data.Dataset.range(len(self))
        labels = numbers.map(lambda number: read(number)[1], num_parallel_calls=tf.data.AUTOTUNE)
        return np.concatenate(list(labels.batch(1024).as_numpy_iterator())).astype("int32")

    def is_labelled(self):
        """Whether a class is known, judged by a few examples."""
        chosen = evenly_spaced(len(self), LOOKED_AT)
        records = (self.records[index] for index in self.indices[chosen])
        return not len(self) or any(self._parse(record)[1].numpy() >= 0 for record in records)

    def subset(self, indices):
        """The split of these items alone, in this order."""
        return RecordSplit(self.info, self.split, self.image, self.label, self.indices[indices])

    def name(self, index):
        """The name of an item in messages."""
        return f"{self.info.full_name}/{self.split}[{self.indices[index]}]"

    def encoded(self, index):
        """The record of one item; OSError if unreadable."""
        return self.records[self.indices[index]]

    def read(self, index):
        """Pixels `(H, W, 3)` uint8 and label of one item; ValueError if unreadable."""
        data, label = self._parse(self.records[self.indices[index]])
        return read_rgb(data.numpy()), label.numpy()

    def reader(self):
        """A function for tf.data: scalar index -> the bytes of the image, and label."""
        import tensorflow as tf

        def read(index):
            record = tf.numpy_function(
                lambda number: self.records[self.indices[number]], [index], tf.string
            )
            return self._parse(tf.ensure_shape(record, ()))

        return read

    def _parse(self, record):
        import tensorflow as tf
        import tensorflow_datasets as tfds

        decoders = {self.image: tfds.decode.SkipDecoding()}
        example = self.info.features.deserialize_example(record, decoders=decoders)
        return example[self.image], tf.cast(example[self.label], tf.int32)


class ArrayRecords:
    """The records of ArrayRecord files, by number."""

    def __init__(self, paths):
        from array_record.python.array_record_data_source import ArrayRecordDataSource

        self._source = ArrayRecordDataSource(paths)

    def __len__(self):
        return len(self._source)

    def __getitem__(self, index):
        return self._source[int(index)]


class TFRecords:
    """The records of TFRecord files, by number: an index of where each begins.

    A record is its length (8 bytes, little-endian), 4 bytes of checksum, its data and 4 bytes of
    checksum. The index takes 16 bytes a record: 20 MB for ImageNet.
    """

    HEADER, FOOTER = 12, 4

    def __init__(self, paths):
        self._paths = list(paths)
        self._files = [os.open(path, os.O_RDONLY) for path in paths]
        starts = [self._starts(file, path) for file, path in zip(self._files, paths, strict=True)]
        self._starts_of_all = np.concatenate(starts)
        self._file_of_all = np.repeat(np.arange(len(paths)), [len(start) for start in starts])

    def __len__(self):
        return len(self._starts_of_all)

    def __getitem__(self, index):
        number, start = self._file_of_all[index], int(self._starts_of_all[index])
        file = self._files[number]
        try:
            length = int.from_bytes(os.pread(file, 8, start), "little")
            # Positional reads: threads share the file without a lock.
            return os.pread(file, length, start + self.HEADER)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._paths[number]) from error

    def _starts(self, file, path):
        starts, at, end = [], 0, os.fstat(file).st_size
        while at < end:
            starts.append(at)
            at += self.HEADER + int.from_bytes(os.pread(file, 8, at), "little") + self.FOOTER
        if at != end:
            raise ValueError(
                f"{path} is truncated: {end} bytes, of which the last record lacks some."
            )
        return np.array(starts, "int64")

    def __del__(self):
        for file in getattr(self, "_files", ()):
            os.close(file)
