"""An artefact run beside the Keras model it came from."""

import dataclasses
import json
import pathlib
import statistics
import time

import numpy as np
import tensorflow as tf

from keras_senet.export.artefacts import size_in_bytes, written_whole
from keras_senet.export.models import checked_images, exportable

WARMUP_RUNS = 5
TIMED_RUNS = 50


@dataclasses.dataclass(frozen=True)
class Report:
    """How an artefact compares to its model.

    Attributes:
        path: Where the artefact is.
        kind: `"tflite"` or `"saved_model"`.
        bytes: Its size.
        images: Number of images compared.
        largest_difference: Largest absolute difference of an output.
        mean_difference: Mean absolute difference of the outputs.
        top1_agreement: Share of images of which both name the same class; `None` unless the
            output is `(N, classes)`.
        accuracy: The artefact's share of right classes; `None` without labels.
        model_accuracy: The Keras model's.
        latency_ms: Median time of one image, in milliseconds, on this machine.
    """

    path: str
    kind: str
    bytes: int
    images: int
    largest_difference: float
    mean_difference: float
    top1_agreement: float | None
    accuracy: float | None
    model_accuracy: float | None
    latency_ms: float

    def to_json(self, path, *, overwrite=False):
        """Writes the report to a file that appears whole; raises like `to_tflite`."""
        with written_whole(path, overwrite) as partial:
            partial.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")
        return pathlib.Path(path)

    def __str__(self):
        parts = [
            f"{self.path}: {self.bytes / 1e6:.2f} MB, {self.latency_ms:.2f} ms an image",
            f"largest difference {self.largest_difference:.2g} over {self.images} images",
        ]
        if self.top1_agreement is not None:
            parts.append(f"top-1 agreement {self.top1_agreement:.2%}")
        if self.accuracy is not None:
            parts.append(f"accuracy {self.accuracy:.2%} (model {self.model_accuracy:.2%})")
        return ", ".join(parts)

    def failures(self, *, min_agreement=None, max_difference=None):
        """What misses the thresholds, a list of sentences; empty if all is well.

        Args:
            min_agreement: Smallest `top1_agreement` allowed, 0..1, or `None`.
            max_difference: Largest `largest_difference` allowed, or `None`.
        """
        found = []
        if min_agreement is not None and self.top1_agreement is None:
            found.append("top-1 agreement is unknown: the output is not (N, classes)")
        elif min_agreement is not None and self.top1_agreement < min_agreement:
            found.append(f"top-1 agreement {self.top1_agreement:.4f} is below {min_agreement}")
        if max_difference is not None and self.largest_difference > max_difference:
            found.append(
                f"largest difference {self.largest_difference:.3g} is above {max_difference}"
            )
        return found


def verify(model, path, images, labels=None):
    """Runs an artefact and the model on the same images.

    Args:
        model: The Keras model; mixed precision is rebuilt in float32, as for export.
        path: What `to_tflite` (a file) or `to_saved_model` (a folder) wrote.
        images: `(N, H, W, C)`, as the model takes them.
        labels: `(N,)` class indices, for accuracies.

    Returns:
        A `Report`.

    Raises:
        FileNotFoundError: If nothing is there.
        ValueError: If the file is no artefact, images or labels have the wrong shape, or an output
            is not finite.

    Example:
        >>> verify(model, "model.tflite", images, labels).top1_agreement
        1.0
    """
    model = exportable(model)
    path = pathlib.Path(path)
    kind, shape, run = _runner(path)
    images = checked_images(images, shape, "images").astype("float32")
    if labels is not None and np.shape(labels) != (len(images),):
        raise ValueError(
            f"Argument `labels` must have one class for each of {len(images)} images. Received: "
            f"shape {np.shape(labels)}"
        )
    expected = model.predict(images, batch_size=32, verbose=0).astype("float32")
    received = np.concatenate([run(image[None]) for image in images])
    for name, output in (("model", expected), ("artefact", received)):
        if not np.isfinite(output).all():
            raise ValueError(f"The {name} returned values that are not finite. Check its weights.")
    if expected.shape != received.shape:
        raise ValueError(
            f"The model returned {expected.shape}, {path} {received.shape}: the artefact is of "
            "another model. Export it again."
        )
    difference = np.abs(expected - received)
    is_classifier = expected.ndim == 2
    classes, model_classes = received.argmax(-1), expected.argmax(-1)
    has_accuracy = is_classifier and labels is not None
    return Report(
        path=str(path),
        kind=kind,
        bytes=size_in_bytes(path),
        images=len(images),
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        top1_agreement=float(np.mean(classes == model_classes)) if is_classifier else None,
        accuracy=float(np.mean(classes == labels)) if has_accuracy else None,
        model_accuracy=float(np.mean(model_classes == labels)) if has_accuracy else None,
        latency_ms=_latency(run, images[:1]),
    )


def _runner(path):
    """Kind of the artefact, its image shape, and a function from `(1, H, W, C)` to its output."""
    if not path.exists():
        raise FileNotFoundError(f"Expected a .tflite file or a SavedModel folder at {path}.")
    try:
        return _saved_model(path) if path.is_dir() else _tflite(path)
    except (OSError, AttributeError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"Expected a .tflite file or a SavedModel with the endpoint `serve`. Received: {path}, "
            f"which does not load: {error}"
        ) from error


def _tflite(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    if image["dtype"] != np.float32:
        raise ValueError(f"its input is {image['dtype'].__name__}, not float32")

    def run(batch):
        interpreter.set_tensor(image["index"], batch)
        interpreter.invoke()
        return interpreter.get_tensor(output["index"])

    return "tflite", tuple(map(int, image["shape"][1:])), run


def _saved_model(path):
    served = tf.saved_model.load(str(path))
    (image,) = served.signatures["serve"].structured_input_signature[1].values()

    def run(batch):
        # Through `served`, which owns the weights; an endpoint alone does not keep them alive.
        (output,) = served.signatures["serve"](**{image.name: tf.constant(batch)}).values()
        return output.numpy()

    return "saved_model", tuple(image.shape[1:]), run


def _latency(run, image):
    times = []
    for _ in range(WARMUP_RUNS + TIMED_RUNS):
        start = time.perf_counter()
        run(image)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times[WARMUP_RUNS:])
