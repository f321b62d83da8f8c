"""The form of a model that is exported: float32, with its image size."""

import keras


def inference_model(model, image_size=None):
    """The model in float32 and the shape of one image.

    A model trained under a mixed-precision policy has casts all over its graph, which keep
    converters from fusing it: its layers are made again in float32 with the same weights.

    Args:
        model: A functional model with one image input and one output.
        image_size: `None` for the model's own, or (height, width) in pixels where that is open.

    Returns:
        A pair of the model and (height, width, channels).

    Raises:
        ValueError: If the model is none of these.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ValueError(
            "Only functional models that are built can be exported. "
            f"Received: {type(model).__name__}. Call the model once, or build it with Input."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1 or len(model.inputs[0].shape) != 4:
        raise ValueError(
            "Expected a model with one input of images (N, H, W, C) and one output. Received: "
            f"inputs {[tuple(x.shape) for x in model.inputs]}, {len(model.outputs)} outputs."
        )
    _, *size, channels = model.inputs[0].shape
    if image_size is not None:
        fits = len(image_size) == 2 and all(
            own in (None, wanted) for own, wanted in zip(size, image_size, strict=False)
        )
        if not fits:
            raise ValueError(
                f"Argument `image_size` is {image_size}, the model takes images of {size}."
            )
        size = list(image_size)
    if None in size:
        raise ValueError(
            f"The model takes images of any size {size}, the exported file of one. "
            "Pass `image_size=(height, width)`."
        )
    if any(layer.compute_dtype != layer.variable_dtype for layer in model.layers):
        model = _in_float32(model)
    return model, (*size, channels)


def _in_float32(model):
    def clone(layer):
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy
