"""An artefact run beside the Keras model it came from."""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import pathlib
import statistics
import time

import numpy as np
import tensorflow as tf

from keras_senet.export.artefacts import size_in_bytes, written_whole
from keras_senet.export.footprint import footprint
from keras_senet.export.litert import LiteRT, program
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
        sha256: Of the file's bytes; `None` of a folder.
        versions: Of Keras, TensorFlow, LiteRT and this package.
        input: What the artefact takes: `shape`, `dtype` and `range` of the pixels.
        operators: Kinds of operators of a file and how many of each; `None` of a folder.
        partitions: Pieces of it that XNNPACK runs, 1 at best.
        undelegated: Kinds of operators outside of them.
        heap_bytes: Memory that a loaded file holds, its arena and XNNPACK's: see
            `footprint.Footprint`. `None` of a folder, and where the C library cannot tell.
        top5_agreement: Mean share of the model's five classes that the artefact names too.
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
    top5_agreement: float | None = None
    sha256: str | None = None
    versions: dict | None = None
    input: dict | None = None
    operators: dict | None = None
    partitions: int | None = None
    undelegated: tuple[str, ...] | None = None
    heap_bytes: int | None = None

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
        if self.partitions is not None:
            outside = ", ".join(self.undelegated or ()) or "nothing"
            parts.append(f"{self.partitions} XNNPACK partitions, {outside} outside")
        if self.heap_bytes is not None:
            parts.append(f"{self.heap_bytes / 1e6:.1f} MB of memory")
        if self.accuracy is not None:
            parts.append(f"accuracy {self.accuracy:.2%} (model {self.model_accuracy:.2%})")
        return ", ".join(parts)

    def failures(self, *, min_agreement=None, max_difference=None, one_partition=False):
        """What misses the thresholds, a list of sentences; empty if all is well.

        Args:
            min_agreement: Smallest `top1_agreement` allowed, 0..1, or `None`.
            max_difference: Largest `largest_difference` allowed, or `None`.
            one_partition: Whether XNNPACK must run the whole file.
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
        if one_partition and self.kind == "tflite" and (self.partitions != 1 or self.undelegated):
            found.append(
                f"XNNPACK runs it in {self.partitions} pieces and leaves "
                f"{', '.join(self.undelegated or ()) or 'nothing'} outside"
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
    runner = _runner(path)
    is_file = isinstance(runner, LiteRT)
    images = checked_images(images, runner.shape, "images").astype("float32")
    if labels is not None and np.shape(labels) != (len(images),):
        raise ValueError(
            f"Argument `labels` must have one class for each of {len(images)} images. Received: "
            f"shape {np.shape(labels)}"
        )
    expected = model.predict(images, batch_size=32, verbose=0).astype("float32")
    received = runner(images)
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
        kind="tflite" if is_file else "saved_model",
        bytes=size_in_bytes(path),
        images=len(images),
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        top1_agreement=float(np.mean(classes == model_classes)) if is_classifier else None,
        accuracy=float(np.mean(classes == labels)) if has_accuracy else None,
        model_accuracy=float(np.mean(model_classes == labels)) if has_accuracy else None,
        latency_ms=_latency(runner, images[:1]),
        top5_agreement=_top5(received, expected) if is_classifier else None,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest() if is_file else None,
        versions=_versions(),
        input={"shape": [1, *runner.shape], "dtype": runner.dtype, "range": [0, 255]},
        heap_bytes=footprint(path).heap_bytes if is_file else None,
        **(dataclasses.asdict(program(runner)) if is_file else {}),
    )


def _runner(path):
    """The artefact as a function from images to outputs, with the shape of an image."""
    if not path.exists():
        raise FileNotFoundError(f"Expected a .tflite file or a SavedModel folder at {path}.")
    try:
        return _SavedModel(path) if path.is_dir() else LiteRT(path)
    except (OSError, AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"Expected a .tflite file or a SavedModel with the endpoint `serve`. Received: {path}, "
            f"which does not load: {error}"
        ) from error


class _SavedModel:
    def __init__(self, path):
        # The endpoint does not own its weights.
        self.served = tf.saved_model.load(str(path))
        self.endpoint = self.served.signatures["serve"]
        (self.image,) = self.endpoint.structured_input_signature[1].values()
        self.shape = tuple(self.image.shape[1:])
        self.dtype = self.image.dtype.name

    def __call__(self, images):
        outputs = []
        for image in images:
            (output,) = self.endpoint(
                **{self.image.name: tf.constant(image[None], self.image.dtype)}
            ).values()
            outputs.append(output.numpy())
        return np.concatenate(outputs)


def _top5(received, expected):
    best = [np.argsort(-outputs, -1)[:, :5] for outputs in (received, expected)]
    shares = [len(set(a) & set(b)) / len(b) for a, b in zip(*best, strict=True)]
    return float(np.mean(shares))


def _versions():
    packages = ("keras", "tensorflow", "ai-edge-litert", "ai-edge-quantizer", "keras-senet")
    found = {}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _latency(run, image):
    times = []
    for _ in range(WARMUP_RUNS + TIMED_RUNS):
        start = time.perf_counter()
        run(image)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times[WARMUP_RUNS:])
