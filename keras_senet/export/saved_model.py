"""TensorFlow SavedModel: how one is written, and run as a function of images."""

import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_senet.data import View
from keras_senet.export.inference import check_artefact, image_spec, inference
from keras_senet.export.jpeg_files import of_files
from keras_senet.export.models import exportable, image_shape
from keras_senet.export.outputs import named
from keras_senet.files import replacing
from keras_senet.surgery.fold import fold
from keras_senet.surgery.graph import Graph


def to_saved_model(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    input_size: int | None = None,
    overwrite: bool = False,
) -> pathlib.Path:
    """Writes a SavedModel that plain TensorFlow loads and serves, folded as by `fold`.

    Endpoints, each for any N:

    - `serve` (and `serving_default`): images `(N, H, W, C)` in the range that the model takes (raw
      pixels in 0..255 where preprocessing is inside) to its output, or to a dictionary of several
      by name; float32, or the integers of a model that takes integers;
    - `jpeg`: `(N,)` JPEG files to the same; each is decoded, turned upright, and resized and
      cropped by the model's evaluation transform (its view) as `load_image` does; a file that is no
      whole JPEG file gives a row of NaN. Only for models of RGB or grey images of a known size
      whose preprocessing layer records a view;
    - `features`: images to the input of the classifier. Only for models that end in a classifier.

    Args:
        model: A built functional `keras.Model`; mixed precision is rebuilt in float32.
        path: The folder to create; its parent must exist.
        input_size: Height and width in pixels that `jpeg` resizes to, for a model that leaves
            them open.
        overwrite: Whether to replace what is there.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        FileExistsError, FileNotFoundError, PermissionError: See `path` and `overwrite`.
        TypeError, ValueError: If the model cannot be exported, or the artefact would compute
            something else than `model.predict`; the message says why.

    Example:
        >>> import tensorflow as tf
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> path = to_saved_model(model, "served")
        >>> served = tf.saved_model.load(path)  # keep it: the endpoint does not own its weights
        >>> probabilities = served.serve(np.zeros((2, 32, 32, 3), "float32"))
        >>> keras.utils.save_img("flower.jpg", np.zeros((375, 500, 3)))
        >>> probabilities = served.jpeg([open("flower.jpg", "rb").read()])
    """
    model = exportable(model)
    original, model = model, fold(model)
    shape = model.inputs[0].shape[1:]
    if input_size is not None:
        shape = image_shape(model, input_size)
    view = None if None in shape[:2] else View.of(original, input_size)
    with replacing(path, overwrite, "saved_model.pb") as partial:
        archive = keras.export.ExportArchive()
        archive.track(model)
        images = [image_spec(model, (None, *model.inputs[0].shape[1:]))]
        archive.add_endpoint("serve", inference(model), images)
        if view is not None and shape[2] in (1, 3):
            files = [tf.TensorSpec((None,), tf.string, "jpeg")]
            archive.add_endpoint("jpeg", of_files(model, view), files)
        features = _features(model)
        if features is not None:
            archive.add_endpoint("features", inference(features), images)
        archive.write_out(partial, verbose=False)
        served = tf.saved_model.load(str(partial))
        check_artefact(original, shape, lambda x: named(served.serve(x)), "SavedModel")
    return pathlib.Path(path)


def _features(model):
    """The model up to what its classifier reads, or `None` if it does not end in one."""
    if len(model.outputs) > 1:
        return None
    last = Graph(model).producer[id(model.outputs[0])]
    if not isinstance(last.operation, keras.layers.Dense):
        return None
    return keras.Model(model.inputs, last.input_tensors[0])


class SavedModel:
    """A loaded SavedModel of one image as a function of images.

    Args:
        path: The folder.

    Attributes:
        image: Details of the input, in the form of `LiteRT.image`.
        outputs: Details of the outputs by name, in the same form. The format keeps them in the
            order of the alphabet.
        shape: `(H, W, C)` of the images, `None` where any will do.

    Raises:
        ValueError: If it has no endpoint `serve` of one image.
    """

    kind = "saved_model"

    def __init__(self, path):
        # The endpoint does not own its weights.
        self.served = tf.saved_model.load(str(path))
        endpoints = getattr(self.served, "signatures", {})
        if "serve" not in endpoints:
            raise ValueError(f"its endpoints are {sorted(endpoints) or 'none'}")
        self.endpoint = endpoints["serve"]
        self.inputs = list(self.endpoint.structured_input_signature[1].values())
        if len(self.inputs) != 1 or len(self.inputs[0].shape or ()) != 4:
            raise ValueError("its endpoint is not of one image (N, H, W, C)")
        specs = self.endpoint.structured_outputs
        self.image = _details(self.inputs[0])
        self.outputs = {name: _details(spec) for name, spec in specs.items()}
        self.shape = tuple(self.inputs[0].shape[1:])

    def run(self, images):
        """Outputs `(N, ...)` by name of images `(N, H, W, C)`, one after the other."""
        (entry,) = self.inputs
        rows = [self.endpoint(**{entry.name: tf.cast(x[None], entry.dtype)}) for x in images]
        return {name: np.concatenate([row[name].numpy() for row in rows]) for name in self.outputs}


def _details(spec):
    """Details of a tensor in the form of LiteRT's; an open size is `None`."""
    shape = [None if size is None else int(size) for size in spec.shape]
    return {"shape": [1, *shape[1:]], "dtype": spec.dtype.as_numpy_dtype, "quantization": (0, 0)}
