"""What a verification found."""

import dataclasses
import json
import os
import pathlib

from keras_senet.files import replacing
from keras_senet.surgery.image_range import described

LARGEST_HALF = 65504.0  # of IEEE 754 binary16


@dataclasses.dataclass(frozen=True)
class OutputReport:
    """How one output of an artefact compares to the model's.

    Attributes:
        largest_difference: Largest absolute difference of a value.
        mean_difference: Mean absolute difference of the values.
        agreement: Share of what `compared` says for which artefact and model name the same class,
            or all the same labels; `None` where the output names none. Of a map `(N, H, W, K)` each
            pixel counts, if its activation is a softmax or sigmoid or the caller says that it holds
            `logits`.
        compared: `"images"`, `"pixels"` of a map, or `"positions"` of `(N, M, K)`, such as boxes.
        end: Shape, type and range of what the artefact returns, and its meaning: see
            `Report.output`.
    """

    largest_difference: float
    mean_difference: float
    agreement: float | None
    compared: str
    end: dict


@dataclasses.dataclass(frozen=True)
class Report:
    """How an artefact compares to its model.

    Attributes:
        path: Where the artefact is.
        kind: `"tflite"`, `"saved_model"` or `"onnx"`.
        bytes: Its size in bytes.
        images: Number of images compared.
        largest_difference: Largest absolute difference of an output, of any of several.
        mean_difference: Mean absolute difference of all values.
        sha256: Digest of the file's bytes; `None` for a folder.
        versions: Versions of Keras, TensorFlow, LiteRT and this package, by name.
        input: What the artefact takes: `shape`, `dtype` and `range` of the image; for integers also
            `scale` and `zero_point`, a number being `scale * (integer - zero_point)`. The range is
            `None` where it is unknown: for a model without preprocessing.
        output: The same for what it returns, and its `meaning`: `"probability"` of a softmax or
            sigmoid, `"features"` of a pooled map, else `"output"`. `None` of several outputs.
        outputs: An `OutputReport` for each output by name, in the order of the model's: keys of a
            dictionary, `output_0` in a list, `output` of one alone.
        operators: Kinds of operators of a file and how many of each; `None` for a folder.
        partitions: Pieces of the file that XNNPACK runs, 1 at best.
        undelegated: Kinds of operators outside of these pieces.
        heap_bytes: Memory that a loaded file holds, its arena and XNNPACK's: see
            `footprint.Footprint`. `None` for a folder, and where the C library cannot tell.
        top5_agreement: Mean share of the model's five classes that the artefact names too; `None`
            where an image has any number of labels.
        top1_agreement: Share of images for which both name the same class, of a model of any number
            of labels an image, all the same labels; `None` unless the output is `(N, classes)`, or
            `(N, 1)` with a sigmoid.
        accuracy: Share of images whose class, or all of whose labels, the artefact names; `None`
            without labels.
        model_accuracy: The same for the Keras model.
        latency_ms: Median time of one image, in milliseconds, on this machine.
        largest_intermediate: Largest absolute value that the network computes on its way, in
            float32, for four of the images. Half precision, in which the GPUs of phones compute,
            ends at 65504.
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
    output: dict | None = None
    operators: dict | None = None
    partitions: int | None = None
    undelegated: tuple[str, ...] | None = None
    heap_bytes: int | None = None
    outputs: dict[str, OutputReport] | None = None
    largest_intermediate: float | None = None

    def to_json(self, path: str | os.PathLike, *, overwrite: bool = False) -> pathlib.Path:
        """Writes the report to a file that appears whole; raises like `to_tflite`."""
        with replacing(path, overwrite) as partial:
            partial.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")
        return pathlib.Path(path)

    def __str__(self):
        parts = [
            f"{self.path}: {self.bytes / 1e6:.2f} MB, {self.latency_ms:.2f} ms an image",
            f"largest difference {self.largest_difference:.2g} over {self.images} images",
        ]
        if self.input is not None:
            parts.insert(1, f"takes {self.input['dtype']} in {described(self.input['range'])}")
        if self.top1_agreement is not None:
            parts.append(f"top-1 agreement {self.top1_agreement:.2%}")
        parts += self._of_outputs()
        if self.partitions is not None:
            outside = ", ".join(self.undelegated or ()) or "nothing"
            parts.append(f"{self.partitions} XNNPACK partitions, {outside} outside")
        if self.largest_intermediate is not None:
            is_large = self.largest_intermediate > LARGEST_HALF
            parts.append(
                f"values up to {self.largest_intermediate:.3g}"
                + (f", above {LARGEST_HALF:g} where half precision ends" if is_large else "")
            )
        if self.heap_bytes is not None:
            parts.append(f"{self.heap_bytes / 1e6:.1f} MB of memory")
        if self.accuracy is not None:
            parts.append(f"accuracy {self.accuracy:.2%} (model {self.model_accuracy:.2%})")
        return ", ".join(parts)

    def _of_outputs(self):
        """A text for each output, where they are several or maps."""
        several = len(self.outputs or {}) > 1
        for name, output in (self.outputs or {}).items():
            texts = [f"largest difference {output.largest_difference:.2g}"] if several else []
            if output.agreement is not None and (several or output.compared != "images"):
                texts.append(f"{output.agreement:.2%} of {output.compared} agree")
            if texts:
                yield f"{name}: {' and '.join(texts)}" if several else texts[0]

    @property
    def names_classes(self) -> bool:
        """Whether an output names the class of an image or pixel, so that an agreement is known."""
        return bool(self._reached()[0])

    def failures(
        self,
        *,
        min_agreement: float | None = None,
        max_difference: float | None = None,
        one_partition: bool = False,
    ) -> list[str]:
        """What misses the thresholds, a list of sentences; empty if all is well.

        Args:
            min_agreement: Smallest agreement allowed, 0..1, of each output that names classes, of
                images or pixels; `None` for any.
            max_difference: Largest difference allowed of each output, or `None`.
            one_partition: Whether XNNPACK must run the whole file.
        """
        found = []
        several = len(self.outputs or {}) > 1
        reached, differences = self._reached()
        if min_agreement is not None and not reached:
            found.append(
                "agreement is unknown: no output is (N, classes) of a classifier, or a map of the "
                "probabilities of classes, or of their `logits`"
            )
        for name, agreement in reached.items():
            if min_agreement is not None and agreement < min_agreement:
                where = f" of {name!r}" if several else ""
                found.append(f"top-1 agreement {agreement:.4f}{where} is below {min_agreement}")
        for name, difference in differences.items():
            if max_difference is not None and difference > max_difference:
                where = f" of {name!r}" if several else ""
                found.append(
                    f"largest difference {difference:.3g}{where} is above {max_difference}"
                )
        if one_partition and self.kind == "tflite" and (self.partitions != 1 or self.undelegated):
            found.append(
                f"XNNPACK runs it in {self.partitions} pieces and leaves "
                f"{', '.join(self.undelegated or ()) or 'nothing'} outside"
            )
        return found

    def _reached(self):
        """Agreements, where they are known, and largest differences of all outputs by name."""
        whole = OutputReport(self.largest_difference, 0.0, self.top1_agreement, "images", {})
        outputs = self.outputs or {"output": whole}
        known = {k: x.agreement for k, x in outputs.items() if x.agreement is not None}
        return known, {k: x.largest_difference for k, x in outputs.items()}
