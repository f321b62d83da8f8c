"""An ONNX file as a function from images to outputs."""

import numpy as np

from keras_senet.export.models import INTEGERS
from keras_senet.extras import needed
from keras_senet.mistakes import first_line

TYPES = {"tensor(float)": "float32"} | {f"tensor({name})": name for name in INTEGERS}


class OnnxFile:
    """A loaded file of one image as a function of images, on onnxruntime on the CPU.

    Args:
        path: Path of the `.onnx` file.

    Attributes:
        session: The runtime's own object.
        image: Details of the input, in the form of `LiteRT.image`.
        outputs: Details of the outputs in the file's order, by name.
        shape: `(H, W, C)` of the images, `None` where any will do.

    Raises:
        ImportError: If onnxruntime is not installed.
        ValueError: If it is no such file, or takes something else.
    """

    kind = "onnx"

    def __init__(self, path):
        onnxruntime = needed("onnxruntime", "onnx", "ONNX")
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its classes are those of a compiled module
            raise ValueError(f"onnxruntime does not load it: {first_line(error)}") from error
        inputs = self.session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in TYPES:
            raise ValueError("it does not take one image (N, H, W, C)")
        self.entry = inputs[0].name
        self.image = _details(inputs[0])
        self.outputs = {one.name: _details(one) for one in self.session.get_outputs()}
        self.shape = tuple(self.image["shape"][1:])

    def run(self, images):
        """Outputs `(N, ...)` by name in float32 of images `(N, H, W, C)`, one after the other."""
        dtype = self.image["dtype"]
        rows = [
            self.session.run(list(self.outputs), {self.entry: image[None].astype(dtype)})
            for image in images
        ]
        columns = (np.concatenate(column).astype("float32") for column in zip(*rows, strict=True))
        return dict(zip(self.outputs, columns, strict=True))

    def together(self, images):
        """The same of all images at once."""
        feed = {self.entry: images.astype(self.image["dtype"])}
        return dict(zip(self.outputs, self.session.run(list(self.outputs), feed), strict=True))


def _details(entry):
    """Details of a tensor in the form of LiteRT's; an open size is `None`."""
    sizes = [size if isinstance(size, int) else None for size in entry.shape]
    dtype = np.dtype(TYPES.get(entry.type, "float32")).type
    return {"shape": [1, *sizes[1:]], "dtype": dtype, "quantization": (0, 0)}
