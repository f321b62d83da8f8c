"""A float32 .tflite file to int8, weights per channel and activations."""

import pathlib

import numpy as np

# Activations that calibration saw within this range of values are as good as constant.
DEAD_RANGE = 1e-3


def quantize_int8(path, calibration_images):
    """Quantizes the file in place; its input and output stay float32.

    Args:
        path: A float32 `.tflite` file with one signature of one input.
        calibration_images: `(N, H, W, C)` images of which it learns the ranges of activations.

    Raises:
        ImportError: If ai-edge-litert or ai-edge-quantizer is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
        from ai_edge_quantizer import (
            algorithm_manager,
            calibrator,
            qtyping,
            quantizer,
            recipe,
            recipe_manager,
        )
        from ai_edge_quantizer.utils import qsv_utils
    except ImportError as error:
        raise ImportError(
            "Quantization to int8 needs ai-edge-quantizer: pip install 'keras-senet[export]'"
        ) from error
    path = pathlib.Path(path)
    network = path.read_bytes()
    plan = recipe_manager.RecipeManager()
    plan.load_quantization_recipe(recipe.static_wi8_ai8())
    for edge in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        plan.add_quantization_config(
            ".*", edge, algorithm_key=algorithm_manager.AlgorithmName.NO_QUANTIZE
        )
    ((signature, tensors),) = Interpreter(model_content=network).get_signature_list().items()
    (name,) = tensors["inputs"]
    # The full range over all images: the default, a moving average, cuts off rare large values.
    calibration = calibrator.Calibrator(network, qsv_update_func=qsv_utils.min_max_update)
    calibration.calibrate(
        {signature: [{name: image[None].astype("float32")} for image in calibration_images]}, plan
    )
    ranges = calibration.get_model_qsvs()
    _widen_dead(ranges)
    worker = quantizer.Quantizer(network, plan.get_quantization_recipe())
    path.write_bytes(worker.quantize(ranges).quantized_model)


def _widen_dead(ranges):
    """Gives constant activations a range of one.

    A hidden unit of an SE block that no calibration image excites (small blocks have only one)
    has the range 0 to 0. Its scale becomes so small that the convolution before it cannot be
    rescaled to it, and XNNPACK refuses the whole file.
    """
    for extent in ranges.values():
        if np.max(extent["max"]) - np.min(extent["min"]) < DEAD_RANGE:
            extent["max"] = np.asarray(extent["min"]) + np.ones_like(extent["max"])
