"""Quantization-aware training: a network that learns with the rounding of its int8 file."""

from collections.abc import Iterable

import keras
import numpy as np

from keras_senet.data import Dataset
from keras_senet.export.contract import contract
from keras_senet.export.images import calibration_images
from keras_senet.export.models import check_floats, exportable, image_shape
from keras_senet.export.tflite.int8 import calibrate, needs_quantizer, quantize
from keras_senet.export.tflite.training_graph import is_quantization_aware, trainable_model
from keras_senet.export.tflite_file import float_network
from keras_senet.extras import check_installed
from keras_senet.surgery.fold import fold

# Training images of a data set that ranges begin with; training goes on from there.
CALIBRATED = 128


def quantization_aware(
    model: keras.Model,
    images: Dataset | np.ndarray | Iterable,
    *,
    group_width: int = 16,
) -> keras.Model:
    """A network that computes with the rounding of its int8 file, to be trained on.

    Quantization-aware training: the network is folded and converted as `to_tflite` does it for
    `quantization="int8"`, and each operator of that file becomes a Keras layer again. Kernels are
    rounded by a scale for each filter (`layers.QuantizedConv2D` and its kin), activations wherever
    the file has them in int8, inside the gates too (`layers.FakeQuantize`). Gradients pass through
    the rounding. Ranges begin as calibrated and are learned.

    The model has no batch normalization left. Train it for few epochs with a low learning rate,
    by the recipe `training.QUANTIZATION_AWARE` for one; `to_tflite(..., quantization="int8")` then
    writes its kernels, and the ranges that it was trained with, into the same kind of file. That
    file and the model differ where a value lies so close to halfway between two integers that
    float32 sums in another order tip it, and by what follows from that.

    Args:
        model: A built functional `keras.Model` with trained weights; mixed precision is rebuilt
            in float32.
        images: Images like those that it will see, `(N, H, W, C)`, to learn the ranges from that
            training begins with; in any form that `to_tflite` takes. Of a data set 128.
        group_width: As of `to_tflite`. Zeros between groups that are merged are trained too.

    Returns:
        A functional `keras.Model` in float32, of the same name, input and outputs. Layers that the
        original does not train are not trained.

    Raises:
        ValueError: If the model cannot be exported, is the result of this function, or has a layer
            that cannot be trained in this way, which it names.
        TypeError: If it is no functional Keras model.
        ImportError: If a package of the extra `export` is missing.

    Reference:
        Jacob et al., https://arxiv.org/abs/1712.05877, section 3.

    Example:
        >>> digits = keras_senet.data.load("digits")
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> aware = quantization_aware(model, digits.calibration_images(16))
        >>> type(aware.get_layer("stage2_block1_conv1")).__name__
        'QuantizedConv2D'
    """
    check_installed("ai_edge_litert", "export", "TFLite")
    needs_quantizer()
    model = exportable(model)
    check_floats(model)
    if is_quantization_aware(model):
        raise ValueError(
            f"Model {model.name!r} is quantization-aware already. Train it, or export it with "
            "to_tflite(..., quantization='int8')."
        )
    shape, known = image_shape(model), contract(model)
    if isinstance(images, Dataset):
        images = images.seen_by(model, shape[0]).calibration_images(CALIBRATED)
    images = calibration_images(images, shape, known, "images")
    floats, _ = float_network(model, shape, group_width, "int8")
    quantized = quantize(floats, calibrate(floats, images))
    return trainable_model(model, fold(model, group_width), floats, quantized, known.input_range)
