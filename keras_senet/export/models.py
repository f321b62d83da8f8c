"""What may be exported: a built float32 network of one image."""

import keras
import numpy as np

from keras_senet.export.outputs import named, output_names
from keras_senet.surgery.graph import check_channels_last, parts_of
from keras_senet.surgery.rewrite import can_be_rebuilt, computes_its_graph, copied, rewrite
from keras_senet.weights.fields import is_integer

INTEGERS = ("uint8", "int8", "int16", "int32")
OTHER_FLOATS = ("float16", "bfloat16", "float64")


def exportable(model):
    """The model ready for export, a float32 copy of it if it computes in another precision.

    Args:
        model: A functional or sequential `keras.Model`, one image in, any outputs.

    Returns:
        The same model, or a clone in float32 with the same weights.

    Raises:
        TypeError: If it is no Keras model.
        ValueError: If it is not built or not functional, has a `call` of its own, has several
            inputs, does not take images `(N, H, W, C)`, has a layer with channels first, two
            outputs of one name or a layer without a float32 form, or Keras does not run on
            TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Export needs Keras on the TensorFlow backend. Received: backend "
            f"{keras.backend.backend()!r}. Save the model as .keras and export it in a process "
            "with KERAS_BACKEND=tensorflow."
        )
    if not isinstance(model, keras.Model):
        raise TypeError(f"Expected a Keras model. Received: {type(model).__name__}.")
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"Model {model.name!r} is not built or not functional, so its input is unknown. Build "
            "a sequential model with model.build((None, height, width, channels)), wrap others: "
            "keras.Model(inputs, outputs)."
        )
    if not computes_its_graph(model):
        raise ValueError(
            f"Model {model.name!r} has a `call` of its own ({type(model).__name__}), which is not "
            "in its graph. Wrap it: keras.Model(inputs, model(inputs))."
        )
    check_channels_last(model)
    _check_ends(model)
    return model if _is_float32(model) else _float32_clone(model)


def check_floats(model):
    """Refuses a model of integers, whose operators TFLite does not have.

    Raises:
        ValueError: If Keras quantized a layer.
    """
    for layer in _leaves(model):
        mode = getattr(layer, "quantization_mode", None)
        if mode:
            raise ValueError(
                f"Layer {layer.name!r} of {model.name!r} was quantized by Keras ({mode}). Expected "
                "the model before model.quantize; TFLite files have quantization='int8'."
            )


def _check_ends(model):
    inputs = model.inputs
    if len(inputs) != 1:
        raise ValueError(
            f"Expected a model with one input, images (N, H, W, C). Model {model.name!r} has "
            f"{len(inputs)} inputs: {_listed(inputs)}. Make those that do not change constants of "
            "a model with one: keras.Model(image, model([image, keras.ops.ones(...)]))."
        )
    if len(inputs[0].shape) != 4:
        raise ValueError(
            f"Expected a model of images (N, H, W, C), one input of four axes. Model "
            f"{model.name!r} takes {tuple(inputs[0].shape)}. Export it with Keras' own "
            "model.export, or put a keras.layers.Reshape behind an input of four axes."
        )
    output_names(model)  # raises where two are the same


def _listed(tensors, most=4):
    shapes = [str(tuple(x.shape)) for x in tensors[:most]]
    return ", ".join(shapes) + (", ..." if len(tensors) > most else "")


def image_dtype(model):
    """Name of the type that an artefact of the model takes: its own integers, or float32.

    Artefacts of models on float16, bfloat16 or float64 images take float32, and cast it as the
    models do.
    """
    dtype = model.inputs[0].dtype
    return dtype if dtype in INTEGERS else "float32"


def image_shape(model, input_size=None):
    """`(H, W, C)` of the images that the model takes.

    Args:
        model: A model that `exportable` accepts.
        input_size: Height and width in pixels for a model that leaves them open.

    Raises:
        ValueError: If the size stays open, or contradicts the model's.
    """
    height, width, channels = model.inputs[0].shape[1:]
    if input_size is not None and (not is_integer(input_size) or input_size < 1):
        raise ValueError(
            "Argument `input_size` must be one number of pixels above 0, the height and the width. "
            f"Received: {input_size!r}"
        )
    if input_size is None and None in (height, width):
        raise ValueError(
            f"Model {model.name!r} takes images of any size, {(height, width, channels)}, and the "
            "artefact needs one. Pass input_size=224 (pixels), for example."
        )
    size = (height or input_size, width or input_size)
    if input_size is not None and size != (input_size, input_size):
        raise ValueError(
            f"Model {model.name!r} takes images of {height}x{width} pixels. Received: "
            f"input_size={input_size}. Leave it out, or build the model for that size."
        )
    return (*size, channels)


def example_images(model, shape):
    """Two images of random pixels, the second in 0..1 where the model takes floats.

    Args:
        model: A model that `exportable` accepts.
        shape: `(H, W, C)`.

    Returns:
        `(2, H, W, C)` of the type that an artefact of the model takes.
    """
    dtype = image_dtype(model)
    images = np.random.default_rng(0).integers(1, 127 if dtype == "int8" else 255, (2, *shape))
    if dtype == "float32":
        images = images / np.reshape([1, 255], (2, 1, 1, 1))
    return images.astype(dtype)


def held(model, image):
    """The image in the dictionary or list that the model takes it in, or alone."""
    if isinstance(model, keras.Sequential):  # takes one tensor, and may not know its own `input`
        return image
    return keras.tree.pack_sequence_as(model.input, [image])


def predicted(model, images):
    """What `model.predict` returns: arrays by name in float32, see `outputs.named`.

    Args:
        model: A model that `exportable` accepts.
        images: `(N, H, W, C)`.

    Raises:
        ValueError: If a `predict_step` of the model's own returns something else.
    """
    arrays = named(model.predict(held(model, images), batch_size=32, verbose=0))
    names = output_names(model)
    if tuple(arrays) != names:
        raise ValueError(
            f"Model {model.name!r} returns {', '.join(names)}, but its `predict_step` "
            f"{', '.join(arrays)}. Wrap it, which leaves that out: keras.Model(model.inputs, "
            "model.output)."
        )
    return {name: np.asarray(array, "float32") for name, array in arrays.items()}


def _is_float32(model):
    return not any(
        _is_other(part.dtype_policy.name) for leaf in _leaves(model) for part in parts_of(leaf)
    )


def _leaves(model):
    for layer in model.layers:
        yield from _leaves(layer) if isinstance(layer, keras.Model) else (layer,)


def _float32_clone(model):
    try:
        clone = rebuilt(model, _in_float32)
        if not all(map(can_be_rebuilt, _leaves(model))):
            _check_configurations(model)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Model {model.name!r} computes in {model.dtype_policy.name} and could not be rebuilt "
            f"in float32: {str(error)[:300]}. Build it under the float32 policy, load its weights, "
            "and export that."
        ) from error
    return clone


def rebuilt(model, configuration):
    """A copy of a model, layer by layer, with equal weights.

    Args:
        model: A functional or sequential model.
        configuration: Function of a layer's configuration to that of its copy.
    """

    def rebuild(layer):
        config = layer.get_config()
        is_layer = isinstance(layer, keras.Layer)  # operations of keras.ops stay as they are
        return copied(layer, configuration(config) if is_layer else config)

    return rewrite(model, copy=rebuild, recursive=True)


def _in_float32(config):
    """A configuration with float32 in place of each policy of another or mixed precision."""
    if isinstance(config, (list, tuple)):
        return type(config)(map(_in_float32, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy" and _is_other(config["config"]["name"]):
        return {**config, "config": {**config["config"], "name": "float32"}}
    return {
        key: "float32" if key == "dtype" and _is_other(value) else _in_float32(value)
        for key, value in config.items()
    }


def _is_other(policy):
    return isinstance(policy, str) and policy.removeprefix("mixed_") in OTHER_FLOATS


def _check_configurations(model):
    """Raises if layers of users' kinds compute something else when built from configurations."""
    shape = tuple(size or 64 for size in model.inputs[0].shape[1:])
    images = example_images(model, shape)
    copy = rebuilt(model, lambda config: config)
    expected, received = (predicted(one, images) for one in (model, copy))
    if not all(
        np.allclose(value, received[name], rtol=0, atol=0.01 * np.abs(value).max())
        for name, value in expected.items()
    ):
        kinds = {type(leaf).__name__ for leaf in _leaves(model) if not can_be_rebuilt(leaf)}
        raise ValueError(
            "a copy by `get_config` computes something else. Give all constructor arguments in "
            f"`get_config` of {', '.join(sorted(kinds))}"
        )
