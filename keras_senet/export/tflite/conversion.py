"""A Keras model to the bytes of a .tflite file of builtin operators."""

import contextlib
import itertools
import re

import tensorflow as tf
from absl import logging

from keras_senet.export.inference import image_spec, inference
from keras_senet.export.tflite.flatbuffer import parsed, serialized, sign
from keras_senet.export.tflite.kernels import Kernels
from keras_senet.layers import Conv2D
from keras_senet.layers.global_average import rows_and_columns
from keras_senet.surgery.graph import parts_of


def convert(model, shape, float16=False, integers=False):
    """Converts an exportable model for one image of `shape` `(H, W, C)`.

    Args:
        model: What `exportable` returned.
        shape: `(H, W, C)` of the image; the batch is 1.
        float16: Whether weights are kept in half the space.
        integers: Whether the file is to be quantized to int8 throughout.

    Returns:
        Bytes of the file, which takes images of the type `image_dtype(model)`. Its one signature
        has the names of `outputs.named`, `"output_0"` of one output.

    Raises:
        ValueError: If the model needs operators that TensorFlow Lite lacks, or changes variables.
    """
    kernels = Kernels(model)
    file, names = _converted(model, shape, float16, integers, kernels)
    if not kernels.put_back(file):
        file, names = _converted(model, shape, float16, integers, None)
    sign(file, "image", names)
    return serialized(file)


def _converted(model, shape, float16, integers, kernels):
    """The `schema.ModelT` of a file without signatures, and the names of its outputs.

    Args:
        model: See `convert`, as for the next three.
        shape: `(H, W, C)`.
        float16: Whether weights are kept in half the space.
        integers: Whether the file is to be quantized.
        kernels: The `Kernels` that the file has numbers for, or `None`: it has all weights.
    """
    infer = inference(model)

    def traced(image):
        with contextlib.nullcontext() if kernels is None else kernels.left_out():
            return infer(image)

    # A static batch: shape arithmetic at run time would keep delegates away.
    with _groups_kept(model), rows_and_columns() if integers else contextlib.nullcontext():
        spec = image_spec(model, (1, *shape))
        function = tf.function(traced, input_signature=[spec]).get_concrete_function()
    if _assigns(function) or (kernels is not None and kernels.changes):
        raise ValueError(
            f"Model {model.name!r} changes variables while it predicts, as random layers do with "
            "their state. A TensorFlow Lite file cannot: leave these layers out, or make them do "
            "nothing unless `training` is true."
        )
    # Of the function itself: a SavedModel on the way takes five times as long to write and read.
    # TensorFlow calls this way deprecated, and has no other one that is as fast.
    with _errors_only():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    # The converter's own metadata cost it another reading and writing of the whole file.
    converter.exclude_conversion_metadata = True
    # Constants behind the flatbuffer, not in it: one that grows copies them, which would take the
    # most memory of the whole export. `parsed` reads both.
    converter._experimental_use_buffer_offset = True
    if float16:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    try:
        with _errors_only():
            network = converter.convert()
    except Exception as error:
        # The converter raises a class of its own, outside of the public names.
        if type(error).__name__ != "ConverterError":
            raise
        raise ValueError(
            f"Model {model.name!r} cannot be written with TensorFlow Lite's builtin "
            f"operators: {_reason(str(error))}. Build it without, or export a SavedModel."
        ) from None
    outputs = function.structured_outputs
    # TensorFlow takes the values of a dictionary in the order of its keys.
    names = sorted(outputs) if isinstance(outputs, dict) else ["output_0"]
    return parsed(bytearray(network)), names


def _assigns(function):
    """Whether a traced function writes to variables, which become constants of the file."""
    graph = function.graph.as_graph_def()
    nodes = itertools.chain(graph.node, *(one.node_def for one in graph.library.function))
    return any(node.op.startswith("Assign") for node in nodes)


@contextlib.contextmanager
def _groups_kept(model):
    """A `with` block in which a grouped convolution is traced as one operation, on any processor.

    On processors where TensorFlow lacks a grouped kernel or its gradient, `Conv2D` computes group
    by group. The converter runs no kernel, and the file is shorter with one operation.
    """
    convolutions = [layer for layer in parts_of(model) if isinstance(layer, Conv2D)]
    for layer in convolutions:
        layer.only_written = True
    try:
        yield
    finally:
        for layer in convolutions:
            layer.only_written = False


@contextlib.contextmanager
def _errors_only():
    """A `with` block in which the converter does not log what it does."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def _reason(message):
    """From the converter's pages of message: the missing operators, or else the first line."""
    missing = sorted(set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor", message)))
    if missing:
        return "it lacks " + ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
    lines = [
        re.sub(r"loc\(.*\): |<unknown>:\d+: |error: ", "", line) for line in message.split("\n")
    ]
    return next((line.strip()[:200] for line in lines if line.strip()), "no reason is given")
