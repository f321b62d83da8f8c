"""An image file as the input that a model's weights were evaluated with."""

from keras_senet.data.decode import grey, read_rgb
from keras_senet.data.view import View


def load_image(path, model):
    """Reads an image file and brings it to the size that `model` takes.

    What it sees is the `View` of the evaluation that published the accuracy of the model's weights,
    or of the run that trained them; it is kept in the model's preprocessing layer.

    Args:
        path: An image file of any format and orientation, or the bytes of one.
        model: A model of `keras_senet`, which normalizes pixels itself.

    Returns:
        `(1, H, W, 3)` uint8, raw RGB pixels, or `(1, H, W, 1)` grey ones: `model.predict` takes it.

    Raises:
        ValueError: If the file is no image, or the model has no preprocessing layer, or takes
            neither RGB nor grey images.
        ImportError: If Pillow is not installed.

    Example:
        >>> model = keras_senet.SEResNet50(weights="timm/seresnet50.a1_in1k")  # doctest: +SKIP
        >>> model.predict(load_image("photo.jpg", model)).shape  # doctest: +SKIP
        (1, 1000)
    """
    view = View.of(model)
    if view is None:
        raise ValueError(
            f"{model.name!r} has no preprocessing layer of keras_senet, and so does not say which "
            "part of an image it takes. Build it with include_preprocessing=True."
        )
    channels = model.inputs[0].shape[-1]
    if channels not in (1, 3):
        raise ValueError(
            f"Image files are RGB or grey. {model.name!r} takes images of {channels} channels."
        )
    pixels = read_rgb(path)
    if channels == 1:
        pixels = grey(pixels)
    return view.see(pixels).reshape(1, *view.sides, channels)
