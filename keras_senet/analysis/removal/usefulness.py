"""What each SE block contributes to loss and accuracy, and what it costs."""

import dataclasses
import os

import keras

from keras_senet.analysis.gates.excitation import Excitations
from keras_senet.analysis.gates.excitation import excitations as collect
from keras_senet.analysis.image_batches import Data, check_judgeable, first_image
from keras_senet.analysis.output import aligned, write_csv
from keras_senet.analysis.removal.freezable import Freezable
from keras_senet.analysis.removal.frozen_gates import calls_without
from keras_senet.analysis.removal.measurements import check_backend, cost_of
from keras_senet.surgery.graph import functional
from keras_senet.surgery.rewrite import check_call


@dataclasses.dataclass(frozen=True)
class BlockUse:
    """What one SE block contributes and costs.

    Attributes:
        block: Name of the block.
        divergence: How far the gates of classes differ, see `Gates.divergence`.
        spread: How far those of images of one class differ, see `Gates.spread`.
        loss_change: Cross-entropy in nats with its gates frozen at their means, minus that of the
            network as it is.
        accuracy_change: The same difference of the accuracy, in percentage points.
        parameters: Its parameters.
        macs: Its multiply-adds for one image.
        latency_ms: Milliseconds that the TFLite file without it saves for one image; `None` if not
            measured.
    """

    block: str
    divergence: float
    spread: float
    loss_change: float
    accuracy_change: float
    parameters: int
    macs: int
    latency_ms: float | None = None


@dataclasses.dataclass(frozen=True)
class Usefulness:
    """SE blocks ranked by loss for each parameter, the least useful first; `print` shows them."""

    blocks: tuple[BlockUse, ...]

    def to_csv(self, path: str | os.PathLike) -> None:
        """Writes one row for each block."""
        write_csv(path, [dataclasses.asdict(block) for block in self.blocks])

    def __str__(self):
        rows = [("", "divergence", "spread", "loss", "points", "parameters", "MACs", "ms")]
        for use in self.blocks:
            rows.append(
                (
                    use.block,
                    f"{use.divergence:.4f}",
                    f"{use.spread:.4f}",
                    f"{use.loss_change:+.4f}",
                    f"{use.accuracy_change:+.2f}",
                    f"{use.parameters:,}",
                    f"{use.macs:,}",
                    "-" if use.latency_ms is None else f"{use.latency_ms:+.3f}",
                )
            )
        return aligned(rows)


def usefulness(
    model: keras.Model,
    data: Data,
    excitations: Excitations | None = None,
    *,
    measure_latency: bool = False,
    batch_size: int = 16,
) -> Usefulness:
    """Ranks the SE blocks of a classifier.

    The gates of each block in turn are frozen at their means over the images, and the losses
    compared. The data pass once: the input of each block is kept for the batch, and only the rest
    of the network runs again. For K blocks evenly spaced that costs 1 + K / 2 passes of the network
    instead of 1 + K, and the memory of a batch's activations around the blocks (45 MB for each
    image in SE-ResNet-50).

    Args:
        model: A functional `keras.Model` with SE blocks, images to probabilities or logits.
        data: Images and labels, see `excitations`.
        excitations: The model's `Excitations`; collected from the same data if `None`.
        measure_latency: Whether to export the model without each block to TFLite and time it:
            seconds for each block, on the TensorFlow backend only.
        batch_size: Images at a time.

    Returns:
        `Usefulness`.

    Raises:
        TypeError: If the model is not functional, or has a `call` of its own.
        ValueError: If the model is not from images to scores, or latencies are asked for on
            another backend than TensorFlow.

    Example:
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> images, labels = keras_senet.data.load("digits").held_out_arrays(64)
        >>> print(usefulness(model, (images, labels)))
                          divergence  spread  ...
    """
    check_call(model)
    model = functional(model)
    check_judgeable(model, data)
    if measure_latency:
        check_backend("measure_latency=False")
    excitations = excitations or collect(model, data, batch_size=batch_size)
    scores = scores_alone(Freezable(model, excitations), data, batch_size)
    saved = _saved_latencies(model, data, excitations) if measure_latency else {}
    return ranked(scores, excitations, cost_of(model, first_image(data, model)), saved)


def ranked(scores, excitations, counted, saved):
    """The `Usefulness` of SE blocks.

    Args:
        scores: What `scores_alone` returned.
        excitations: The `Excitations` of the model.
        counted: The `Cost` of the model.
        saved: Milliseconds that each block takes, by name; those left out were not measured.
    """
    layers = {layer.name: layer for layer in counted.layers}
    loss, accuracy = scores[()]
    uses = [
        BlockUse(
            block=block.name,
            divergence=block.divergence,
            spread=block.spread,
            loss_change=scores[block.name,][0] - loss,
            accuracy_change=100 * (scores[block.name,][1] - accuracy),
            parameters=layers[block.name].parameters,
            macs=layers[block.name].macs,
            latency_ms=saved.get(block.name),
        )
        for block in excitations.blocks
    ]
    return Usefulness(tuple(sorted(uses, key=lambda use: use.loss_change / use.parameters)))


def scores_alone(freezable, data, batch_size):
    """Loss and accuracy with the gates of each block frozen at their means, and with none.

    Returns:
        A dictionary from the names of the frozen blocks, `()` and `(name,)`, to `(loss, accuracy)`.
    """
    # The last block first, so that what is in front of a block was computed with no frozen one.
    return freezable.scores(
        [(), *((name,) for name in reversed(freezable.blocks))], data, batch_size
    )


def _saved_latencies(model, data, excitations):
    # Here, since it needs TensorFlow, which the other backends do without.
    from keras_senet.analysis.removal.latency import Latency

    latency = Latency(model, first_image(data, model).shape[1])
    names = [block.name for block in excitations.blocks]
    times = latency(calls_without(model, [name], excitations) for name in names)
    return {name: latency.of_first - time for name, time in zip(names, times, strict=True)}
