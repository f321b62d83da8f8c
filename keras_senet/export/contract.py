"""What a model takes and returns, as far as its layers tell."""

import dataclasses

from keras_senet.data import View
from keras_senet.export.outputs import outputs
from keras_senet.surgery.image_range import SCALED, image_range
from keras_senet.surgery.made_by import (
    BOUNDED,
    POOLING,
    PROBABILITIES,
    activation_of,
    is_idle,
    is_keras,
    keeps,
    made_by,
)
from keras_senet.weights.named_classes import is_multi_label


@dataclasses.dataclass(frozen=True)
class Contract:
    """What goes into a model and comes out of it.

    Attributes:
        input_range: Least and greatest value of an image, `None` where the layers do not tell it:
            for a model without preprocessing only its training data do.
        output_range: Least and greatest value of an output, `None` where it has no bounds.
        output: `"probability"` of a softmax or sigmoid, `"features"` of a pooled map, else
            `"output"`.
        view: The `keras_senet.data.View` that the weights were evaluated with, or `None` where the
            model does not record it.
        scales: Whether the layers scale images of an unknown range down, as they would pixels.
    """

    input_range: tuple[float, float] | None = None
    output_range: tuple[float, float] | None = None
    output: str = "output"
    view: View | None = None
    scales: bool = False


UNKNOWN = Contract()


def contract(model):
    """The `Contract` of a functional or sequential model of one image and its first output.

    The range of the input is known where the layers that read it tell: see `image_range`.
    """
    return next(iter(contracts(model).values()))


def contracts(model):
    """The `Contract` of a model for each of its outputs, by name."""
    extent, view = image_range(model), _view(model)
    scales = extent == SCALED
    extent = None if scales else extent
    return {
        name: Contract(extent, *_returned(tensor), view, scales)
        for name, tensor in outputs(model).items()
    }


def _returned(tensor):
    """Range and meaning of an output."""
    activation = activation_of(made_by(tensor, keeps))
    end = made_by(tensor, is_idle)
    meaning = "features" if is_keras(end) and type(end).__name__ in POOLING else "output"
    if activation in PROBABILITIES:
        meaning = "probability"
    return BOUNDED.get(activation or ""), meaning


def label_threshold(model):
    """Output above which an image has a label, where the model has any number; `None` for others.

    It is 0.5 for the model's sigmoids, 0 for their logits.
    """
    if not is_multi_label(model):
        return None
    return 0.5 if contract(model).output == "probability" else 0.0


def _view(model):
    try:
        return View.of(model)
    except ValueError:  # the size is open, or parts of the model have different views
        return None
