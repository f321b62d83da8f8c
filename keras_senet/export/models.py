"""What may be exported: a built float32 network from one image to one output."""

import keras


def exportable(model):
    """The model ready for export, a float32 copy of it if it computes in another precision.

    Args:
        model: A functional or sequential `keras.Model`, one image in, one output.

    Returns:
        The same model, or a clone in float32 with the same weights.

    Raises:
        TypeError: If it is no Keras model.
        ValueError: If it is not built or not functional, has several inputs or outputs, does
            not take images `(N, H, W, C)`, has a layer without a float32 form, or Keras does
            not run on TensorFlow.
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
    if len(model.inputs) != 1 or len(model.outputs) != 1 or len(model.inputs[0].shape) != 4:
        raise ValueError(
            "Expected a model with one input (N, H, W, C) and one output. Received: inputs "
            f"{[tuple(x.shape) for x in model.inputs]}, outputs "
            f"{[tuple(x.shape) for x in model.outputs]}. Export one output at a time: "
            "keras.Model(model.input, model.outputs[i])."
        )
    return model if _is_float32(model) else _float32_clone(model)


def image_shape(model, input_size=None):
    """`(H, W, C)` of the images that the model takes.

    Args:
        model: A model that `exportable` accepts.
        input_size: Height and width in pixels for a model that leaves them open.

    Raises:
        ValueError: If the size stays open, or contradicts the model's.
    """
    height, width, channels = model.inputs[0].shape[1:]
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


def _is_float32(model):
    return all(layer.dtype_policy.name == "float32" for layer in _leaves(model))


def _leaves(model):
    for layer in model.layers:
        yield from _leaves(layer) if isinstance(layer, keras.Model) else (layer,)


def _float32_clone(model):
    def in_float32(layer):
        if not isinstance(layer, keras.Layer):
            return type(layer).from_config(layer.get_config())  # of keras.ops, without a dtype
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    try:
        clone = keras.models.clone_model(model, clone_function=in_float32, recursive=True)
        clone.set_weights(model.get_weights())
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Model {model.name!r} computes in {model.dtype_policy.name} and could not be rebuilt "
            f"in float32: {error}. Build it under the float32 policy, load its weights, and "
            "export that."
        ) from error
    return clone
