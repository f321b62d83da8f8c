"""The gates of every SE block over a data set, in one pass."""

import dataclasses
import json
import logging
import os
import typing
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_senet.analysis.costs.model_cost import stage_of
from keras_senet.analysis.gates.collector import Collector
from keras_senet.analysis.gates.statistics import Gates
from keras_senet.analysis.image_batches import Data, batches, check_input, class_names
from keras_senet.analysis.output import aligned, write_csv
from keras_senet.analysis.se_blocks import (
    digest,
    gamma_before,
    inner_blocks,
    se_nodes,
    with_blocks,
)
from keras_senet.data.shards import padded
from keras_senet.files import replacing
from keras_senet.surgery.graph import Graph, functional
from keras_senet.surgery.rewrite import check_call

logger = logging.getLogger("keras_senet")

ARRAYS = tuple(field.name for field in dataclasses.fields(Gates))[3:]


@dataclasses.dataclass(frozen=True, eq=False)
class Excitations:
    """What the gates of a network were over a data set; `print` shows a row for each block.

    Attributes:
        model: Name of the model.
        classes: Names of the classes, in the order of the labels.
        blocks: `Gates` of every SE block, in order of execution; `excitations["name"]` is one.
        digests: A digest of the weights of every SE block by its name, which tells the model from
            others; empty if read from a file of an earlier version.
    """

    model: str
    classes: tuple[str, ...]
    blocks: tuple[Gates, ...]
    digests: dict[str, str] = dataclasses.field(default_factory=dict)

    def __getitem__(self, name: str) -> Gates:
        for block in self.blocks:
            if block.name == name:
                return block
        raise KeyError(
            f"No SE block {name!r}. Blocks: {', '.join(block.name for block in self.blocks)}"
        )

    @property
    def images(self) -> int:
        """Number of images seen."""
        return int(self.blocks[0].counts.sum())

    def save(self, path: str | os.PathLike) -> None:
        """Writes everything to a `.npz` file."""
        arrays = {
            f"{name}:{index}": getattr(block, name)
            for index, block in enumerate(self.blocks)
            for name in ARRAYS
            if getattr(block, name) is not None
        }
        header = {
            "model": self.model,
            "classes": self.classes,
            "blocks": [(block.name, block.stage, block.gate) for block in self.blocks],
            "digests": self.digests,
        }
        with replacing(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, header=json.dumps(header), **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> typing.Self:
        """Reads what `save` wrote.

        Raises:
            ValueError: If the file is another one.
        """
        with np.load(path) as file:
            if "header" not in file:
                raise ValueError(f"Expected a file of Excitations.save at {path}.")
            header = json.loads(str(file["header"]))
            blocks = tuple(
                Gates(*names, **{key: file.get(f"{key}:{index}") for key in ARRAYS})
                for index, names in enumerate(header["blocks"])
            )
        return cls(header["model"], tuple(header["classes"]), blocks, header.get("digests", {}))

    def to_csv(self, path: str | os.PathLike) -> None:
        """Writes one row for each channel of each block."""
        write_csv(
            path,
            [
                {
                    "block": block.name,
                    "channel": channel,
                    "mean": block.mean[channel],
                    "std": block.std[channel],
                    "minimum": block.minimum[channel],
                    "maximum": block.maximum[channel],
                    **{
                        f"mean of {name}": value
                        for name, value in zip(
                            self.classes, block.class_means[:, channel], strict=True
                        )
                    },
                }
                for block in self.blocks
                for channel in range(block.channels)
            ],
        )

    def rows(self) -> list[tuple[str, ...]]:
        """A summary of each block as strings, after a row of headers."""
        header = ("", "gates", "mean", "divergence", "spread", "near low", "near high", "constant")
        return [
            header,
            *(
                (
                    block.name,
                    str(block.channels),
                    f"{block.mean.mean():.3f}",
                    f"{block.divergence:.4f}",
                    f"{block.spread:.4f}",
                    *(f"{share:.1%}" for share in block.saturated),
                    f"{block.constant().mean():.1%}",
                )
                for block in self.blocks
            ),
        ]

    def __str__(self):
        title = f"{self.model}: {self.images} images, {len(self.classes)} classes"
        return f"{title}\n{aligned(self.rows())}"


def excitations(
    model: keras.Model, data: Data, classes: Sequence[str] | None = None, batch_size: int = 32
) -> Excitations:
    """Collects what the gates of all SE blocks are over a data set.

    One pass; what is kept does not grow with the number of images: 8 bytes for each channel and
    class (float32 means and variances), and about 500 for each channel. SE-ResNet-50 with 1000
    classes takes 130 MB.

    Args:
        model: A functional `keras.Model` with `SqueezeExcitation` layers or others of
            `ChannelAttention`, of this package, of `add_se` or loaded from a file, on any backend.
        data: Images to look at: a `keras_senet.data.Dataset` (its held-out images), a pair of
            arrays, images `(N, H, W, C)` and labels `(N,)`, images alone, or an iterable of
            batches of either. One-hot labels will do.
        classes: Name of every class in the order of the labels. Default: those of the data set,
            else the numbers of the model's outputs.
        batch_size: Images at a time.

    Returns:
        `Excitations`. With `squeeze="none"` and in scSE every pixel has its own gates, of which the
        mean over the pixels of an image is taken.

    Raises:
        TypeError: If the model is not functional, or has a `call` of its own.
        ValueError: If it has several inputs or no SE blocks, there are no images, they are
            not in the range that the model takes, a label has no class, or a gate is not finite.

    Reference:
        Hu et al., https://arxiv.org/abs/1709.01507, section 7.2.

    Example:
        >>> images, labels = keras_senet.data.load("digits").held_out_arrays(64)
        >>> found = excitations(keras_senet.SEResNet20(), (images, labels))
        >>> found["stage4_block3_se"].class_means.shape
        (10, 64)
    """
    check_call(model)
    check_input(model)
    model = functional(model)
    nodes = se_nodes(model)
    if left_out := inner_blocks(model):
        logger.warning(
            "The SE blocks of models inside of %r are left out: %s. Pass the inner model to see "
            "them.",
            model.name,
            ", ".join(left_out),
        )
    gate_model = gates_model(model)
    collector, names, largest = None, (), 0
    for images, labels in batches(data, batch_size, model):
        count, largest = len(images), max(largest, len(images))
        # A batch of another size would have the backend compile the network again.
        gates = gate_model.predict_on_batch(padded(images, largest))
        if collector is None:
            names = class_names(model, data, classes, labels)
            kinds = {name: node.operation.gate for name, node in nodes.items()}
            channels = {name: value.shape[1] for name, value in gates.items()}
            collector = Collector(kinds, channels, len(names))
        labels = np.zeros(count, "int64") if labels is None else labels
        collector.update({name: value[:count] for name, value in gates.items()}, labels)
    assert collector is not None, "batches() refuses data without images"
    graph, statistics = Graph(model), collector.statistics()
    blocks = tuple(
        Gates(
            name,
            stage_of(name),
            nodes[name].operation.gate,
            **arrays,
            gamma=gamma_before(graph, nodes[name]),
        )
        for name, arrays in statistics.items()
    )
    digests = {name: digest(node.operation) for name, node in nodes.items()}
    return Excitations(model.name, names, blocks, digests)


def gates_model(model):
    """A model from images to a dictionary of the gates `(N, C)` of all SE blocks, by name.

    It is made of the layers of `model` and shares their weights.
    """
    gates = {}

    def block(layer, x):
        x, gates[layer.name] = _Watched(layer)(x)
        return x

    copy = with_blocks(model, block)
    return keras.Model(copy.inputs, gates, name=f"{model.name}_gates")


class _Watched(keras.layers.Layer):
    """An SE block that returns its gates, `(N, C)`, beside its output."""

    def __init__(self, block):
        super().__init__(name=f"{block.name}_watched", dtype=block.dtype_policy)
        self.block = block

    def call(self, inputs):
        gates = self.block.gates(inputs)
        return inputs * ops.cast(gates, inputs.dtype), ops.mean(gates, axis=(1, 2))
