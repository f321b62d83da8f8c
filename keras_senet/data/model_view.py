"""The evaluation transform of a data set's images for a model: see `Dataset.seen_by`."""

import logging

from keras_senet.data.view import View

logger = logging.getLogger("keras_senet")


def of(dataset, model, size):
    """The `View` of a model, in the size `size` where it leaves that open."""
    shapes = [tuple(x.shape) for x in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (3, None):
        raise ValueError(
            f"{dataset.name} delivers RGB images (N, H, W, 3). {model.name!r} takes {shapes}."
        )
    view = View.of(model, size)
    if view is None:
        view = _assumed(dataset, model, size)
    if dataset.held_out.holds_pixels and view.sides != View(dataset.image_size).sides:
        raise ValueError(
            f"{dataset.name} holds images of {dataset.image_size} pixels. {model.name!r} takes "
            f"{view.sides[0]}x{view.sides[1]}. Load the data in that image_size."
        )
    return view


def _assumed(dataset, model, size):
    rows, columns = View(size or dataset.seen.size).sides
    height, width = model.inputs[0].shape[1:3]
    height, width = height or rows, width or columns
    view = dataset.seen.replace(size=height if height == width else (height, width))
    if not dataset.held_out.holds_pixels:
        logger.warning(
            "%r does not say which part of an image its weights were evaluated with. Assumed: "
            "crop %g, %s.",
            model.name,
            view.crop,
            view.interpolation,
        )
    return view
