"""A float32 .tflite network to int8, weights per channel, with litert-quantizer."""

import contextlib
import dataclasses
import io
import re
import warnings

import numpy as np

from keras_senet.export.tflite.flatbuffer import (
    kind_of,
    parsed,
    separate,
    serialized,
    signature,
)
from keras_senet.export.tflite.weight_ranges import weight_ranges
from keras_senet.extras import check_installed

# Operators that XNNPACK computes in float32 only. Converting to float32 and back costs less than
# leaving XNNPACK's partition: then TFLite's own kernels run everything up to the next partition.
FLOAT_IN_STATIC = ("SOFTMAX", "AVERAGE_POOL_2D", "HARD_SWISH")
FLOAT_IN_DYNAMIC = ("DEPTHWISE_CONV_2D",)
# Matrix products whose activations are quantized while running: runtimes before LiteRT 1.0 (TFLite
# 2.14, TensorFlow.js) read one scale for the whole matrix. With one scale for each output in the
# file they name the same class for every image.
ONE_SCALE_IN_DYNAMIC = ("FULLY_CONNECTED",)
# Layers with fewer weights stay in float32: there the 1x1 convolution of raw pixels is faster.
LEAST_WEIGHTS_IN_DYNAMIC = 64

# Activations that calibration saw within this range of values are as good as constant.
DEAD_RANGE = 1e-3


def needs_quantizer():
    """Raises if litert-quantizer is not installed.

    Raises:
        ImportError: With the command that installs it.
    """
    check_installed("litert_quantizer", "export", "Quantization")


def calibrate(network, images):
    """Ranges of all activations of a float32 network.

    Args:
        network: Bytes of a float32 `.tflite` file with one signature of one input.
        images: `(N, H, W, C)` images like those that it will see, finite.

    Returns:
        A dictionary from the name of each tensor to its `min` and `max`.

    Raises:
        ValueError: If the file has another signature or is quantized, or an activation is not
            finite.
    """
    from litert_quantizer import calibrator
    from litert_quantizer.utils import qsv_utils

    file = parsed(network)
    _check_floats(file)
    key, name = signature(file)
    constants = _constants(file)
    # The full range over all images: the default, a moving average, cuts off rare large values.
    with _quiet():
        calibration = calibrator.Calibrator(network, qsv_update_func=qsv_utils.min_max_update)
        plan = _static_plan()
        with _without(constants, calibration._tfl_interpreter):
            for image in images:
                calibration.calibrate({key: [{name: image[None].astype("float32")}]}, plan)
                # It keeps a copy of every activation until the next ones are there.
                calibration._tensor_content_map.clear()
    ranges = calibration.get_model_qsvs()
    _check_finite(ranges)
    _widen_dead(ranges)
    return ranges


def _constants(file):
    """Names of the tensors whose values are in a file."""
    # A buffer may be there and empty, as other converters write those of activations.
    filled = [
        buffer.size or (buffer.data is not None and len(buffer.data)) for buffer in file.buffers
    ]
    return {
        tensor.name.decode()
        for graph in file.subgraphs
        for tensor in graph.tensors
        if filled[tensor.buffer]
    }


@contextlib.contextmanager
def _without(names, interpreter):
    """Lets a calibration see no tensors of these names: it would copy weights for every image."""
    details = interpreter.get_tensor_details
    interpreter.get_tensor_details = lambda graph=0: [
        entry for entry in details(graph) if entry["name"] not in names
    ]
    try:
        yield
    finally:
        del interpreter.get_tensor_details  # else it refers to itself, and outlives its use


def quantize(network, ranges, *, only=None, floats=()):
    """The network in int8, with an input and an output in float32.

    Args:
        network: Bytes of the float32 file that was calibrated.
        ranges: What `calibrate` returned.
        only: Name of the one block to quantize, or `None` for all.
        floats: Names of blocks to leave in float32.

    Returns:
        Bytes of a `.tflite` file.
    """
    plan = _static_plan(".*" if only is None else scope(only))
    for block in floats:
        _leave(plan, scope(block), "ALL_SUPPORTED")
    return _quantized(network, plan.get_quantization_recipe(), ranges)


def quantize_weights(network):
    """The network with int8 weights, whose activations are quantized image by image."""
    from litert_quantizer import qtyping, recipe, recipe_manager

    plan = recipe_manager.RecipeManager()
    (dynamic,) = recipe.dynamic_wi8_afp32()
    config = {**dynamic["op_config"], "min_weight_elements": LEAST_WEIGHTS_IN_DYNAMIC}
    one_scale = {
        **config["weight_tensor_config"],
        "granularity": qtyping.QuantGranularity.TENSORWISE,
    }
    coarse = {**config, "weight_tensor_config": one_scale}
    plan.load_quantization_recipe(
        [
            {**dynamic, "op_config": config},
            *(
                {
                    **dynamic,
                    "operation": getattr(qtyping.TFLOperationName, operation),
                    "op_config": coarse,
                }
                for operation in ONE_SCALE_IN_DYNAMIC
            ),
        ]
    )
    for operation in FLOAT_IN_DYNAMIC:
        _leave(plan, ".*", operation)
    return _quantized(network, plan.get_quantization_recipe())


def scope(block):
    """Regular expression of the operators of a block or layer."""
    return rf"(^|/|;){re.escape(block)}(_|/|;|$)"


def _quantized(network, recipe, ranges=None):
    from litert_quantizer import quantizer

    file = parsed(network)
    _check_floats(file)
    if ranges is not None:
        ranges = {**ranges, **weight_ranges(file, ranges)}
    if separate(file):
        network = serialized(file)
    with _quiet(), _large_filters():
        made = bytes(quantizer.Quantizer(network, recipe).quantize(ranges).quantized_model)
    return _reconnected(made)


def _reconnected(network):
    """The network with operators in int8 that read what int8 operators compute, not floats of it.

    Where an output of the network is read inside of it too, litert-quantizer 0.11 gives everyone
    the output's floats, which no operator in int8 takes.
    """
    from ai_edge_litert import schema_py_generated as schema

    file = parsed(network)
    graph, int8 = file.subgraphs[0], schema.TensorType.INT8
    kinds = [kind_of(file, operator) for operator in graph.operators]
    integers = {
        int(operator.outputs[0]): int(operator.inputs[0])
        for operator, kind in zip(graph.operators, kinds, strict=True)
        if kind == "DEQUANTIZE" and graph.tensors[int(operator.inputs[0])].type == int8
    }
    changed = False
    for operator, kind in zip(graph.operators, kinds, strict=True):
        computes = any(graph.tensors[int(index)].type == int8 for index in operator.outputs)
        if kind != "QUANTIZE" and computes:
            inputs = [integers.get(int(index), int(index)) for index in operator.inputs]
            changed |= inputs != list(map(int, operator.inputs))
            operator.inputs = np.array(inputs, "int32")
    return serialized(file) if changed else network


@contextlib.contextmanager
def _large_filters():
    """Lets litert-quantizer 0.11 quantize filters of more than 32 MiB, as SENet-154 has one.

    Its path for large tensors goes through them in chunks of rows, and handles matrices only. The
    filter `(O, h, w, I)` is therefore passed as a matrix `(O, h * w * I)`: one row for each of the
    O scales, and the same values.
    """
    from litert_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor as library

    quantize_tensor = library.uniform_quantize

    def by_filter(tensor, parameters, is_blockwise_quant=False):
        if tensor.ndim != 4 or parameters.quantized_dimension != 0 or is_blockwise_quant:
            return quantize_tensor(tensor, parameters, is_blockwise_quant)
        rows = dataclasses.replace(
            parameters,
            scale=parameters.scale.reshape(-1, 1),
            zero_point=parameters.zero_point.reshape(-1, 1),
        )
        return quantize_tensor(tensor.reshape(len(tensor), -1), rows).reshape(tensor.shape)

    library.uniform_quantize = by_filter
    try:
        yield
    finally:
        library.uniform_quantize = quantize_tensor


@contextlib.contextmanager
def _quiet():
    """Keeps the quantizer's progress and its warning about kept tensors off the screen."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def _static_plan(regex=".*"):
    from litert_quantizer import recipe, recipe_manager

    plan = recipe_manager.RecipeManager()
    (static,) = recipe.static_wi8_ai8()
    plan.load_quantization_recipe([{**static, "regex": regex}])
    for edge in ("INPUT", "OUTPUT"):
        _leave(plan, ".*", edge)
    for operation in FLOAT_IN_STATIC:
        _leave(plan, ".*", operation)
    return plan


def _leave(plan, regex, operation):
    """Leaves the operators of a kind whose names match in float32."""
    from litert_quantizer import algorithm_manager, qtyping

    plan.add_quantization_config(
        regex,
        getattr(qtyping.TFLOperationName, operation),
        algorithm_key=algorithm_manager.AlgorithmName.NO_QUANTIZE,
    )


def _check_floats(file):
    """Refuses a network with other floats, or integers of few bits, among its tensors."""
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.TensorType).items() if name.isupper()}
    kinds = {names[tensor.type] for graph in file.subgraphs for tensor in graph.tensors}
    other = sorted(kinds - {"FLOAT32", "INT32", "INT64", "BOOL"})
    if other:
        raise ValueError(
            f"Expected a float32 .tflite network. Received: one with {', '.join(other)} tensors. "
            "Export the model with quantization=None."
        )


def _check_finite(ranges):
    """Refuses ranges that are not finite: a file made of them crashes the process that loads it."""
    for name, extent in ranges.items():
        if not np.isfinite([np.min(extent["min"]), np.max(extent["max"])]).all():
            raise ValueError(
                f"Calibration met NaN or infinity in {name[:120]!r}: the model's weights are not "
                "finite, or these images make it overflow. Look at model.predict(images)."
            )


def _widen_dead(ranges):
    """Gives constant activations a range of one.

    A hidden unit of an SE block that no calibration image excites (small blocks have only one)
    has the range 0 to 0. Its scale becomes so small that the convolution before it cannot be
    rescaled to it, and XNNPACK refuses the whole file.
    """
    for extent in ranges.values():
        if np.max(extent["max"]) - np.min(extent["min"]) < DEAD_RANGE:
            extent["max"] = np.asarray(extent["min"]) + np.ones_like(extent["max"])
