"""Large kernels on their way past the converter, which copies what it is given ten times."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from keras_senet import layers
from keras_senet.export.tflite.flatbuffer import kind_of
from keras_senet.surgery.graph import parts_of

# What a kernel may pass on its way to the one operation that computes with it, and that operation.
PASSED = ("Identity", "Reshape", "Transpose", "Cast")
OPERATIONS = ("BatchMatMulV2", "Conv2D", "DepthwiseConv2dNative", "MatMul")
LEAST = 1 << 16  # numbers: what is smaller is copied in no time
# Every integer up to here has a float16 of its own.
MOST = 2048
# Layers whose kernel goes into one operator as it is. Subclasses may compute with it first.
KINDS = (keras.layers.Conv2D, keras.layers.Dense, keras.layers.DepthwiseConv2D, layers.Conv2D)
TYPES = {0: "float32", 1: "float16"}  # of a tensor in the file


class Kernels:
    """Kernels that stay out of a traced function: each is a tensor of one number in it.

    The converter writes the number into the file as often as the kernel is long. There it is found
    by, and the kernel takes its place.

    Args:
        model: A Keras model.

    Attributes:
        by_number: The kernels by the numbers in their place.
        changes: Whether the function that was traced writes to variables of Keras.
        are_plain: Whether one operation that the file knows reads each kernel there, and no other.
    """

    changes = False
    are_plain = False

    def __init__(self, model):
        kernels = [part.kernel for part in parts_of(model) if type(part) in KINDS and part.built]
        unique = {
            id(kernel): kernel
            for kernel in kernels
            # A kernel with LoRA is computed of several variables.
            if isinstance(kernel, keras.Variable)
            and kernel.dtype == "float32"
            and np.prod(kernel.shape) >= LEAST
        }
        chosen = list(unique.values())[: MOST - 1]
        self.by_number = {float(number): kernel for number, kernel in enumerate(chosen, 2)}

    @contextlib.contextmanager
    def left_out(self):
        """A `with` block in which layers compute with the numbers, to be opened while tracing."""
        # In a graph, unlike outside of one, a constant of one number is no longer than the number.
        numbers = [
            (kernel, tf.constant(number, kernel.dtype, kernel.shape))
            for number, kernel in self.by_number.items()
        ]
        with keras.StatelessScope(numbers) as scope:
            given = dict(scope.state_mapping)
            yield
        found = scope.state_mapping
        self.changes = any(found[key] is not given.get(key) for key in found)
        self.are_plain = all(_is_plain(number) for _, number in numbers)

    def put_back(self, file):
        """Writes the kernels into a converted file.

        Args:
            file: Its `schema.ModelT`, whose constants are changed in place.

        Returns:
            Whether every kernel was found, and nowhere but in operators that take it as it is.
            If not, the file is of no use.
        """
        if not self.are_plain:
            return False
        graph = file.subgraphs[0]
        readers = {}
        for operator in graph.operators:
            for index in operator.inputs:
                readers.setdefault(int(index), []).append(operator)
        missing = set(self.by_number)
        for index, tensor in enumerate(graph.tensors):
            data, dtype = file.buffers[tensor.buffer].data, TYPES.get(tensor.type)
            if data is None or dtype is None or len(data) < LEAST * np.dtype(dtype).itemsize:
                continue
            values = np.frombuffer(data, dtype)
            number = float(values[0])
            kernel = self.by_number.get(number)
            if kernel is None or (values != number).any():
                continue
            reader = self._reader(file, index, readers)
            kind = None if reader is None else kind_of(file, reader)
            filters = laid_out(np.asarray(kernel), kind)
            fits = filters is not None and list(filters.shape) == list(tensor.shape)
            if not fits or number not in missing:  # a weight of this one number may be there too
                return False
            values.reshape(tensor.shape)[...] = filters
            missing.discard(number)
        return not missing

    def _reader(self, file, index, readers):
        """The one operator that reads a tensor, behind its conversion from float16, or `None`."""
        found = readers.get(index, [])
        if len(found) == 1 and kind_of(file, found[0]) == "DEQUANTIZE":
            found = readers.get(int(found[0].outputs[0]), [])
        return found[0] if len(found) == 1 else None


def _is_plain(number):
    """Whether a tensor of a graph goes into one operation, as the filters of an operator do."""
    while len(readers := number.consumers()) == 1:
        if readers[0].type in OPERATIONS:
            return True
        if readers[0].type not in PASSED:
            return False
        number = readers[0].outputs[0]
    return False


def laid_out(kernel, kind):
    """A kernel in the order of the filters of an operator, or `None` where it is none of its own.

    Args:
        kernel: An array, as a Keras layer has it.
        kind: Name of the operator.
    """
    if kind == "CONV_2D" and kernel.ndim == 4:
        return kernel.transpose(3, 0, 1, 2)
    if kind == "DEPTHWISE_CONV_2D" and kernel.ndim == 4:
        return kernel.reshape(1, *kernel.shape[:2], -1)
    if kind == "FULLY_CONNECTED" and kernel.ndim == 2:
        return kernel.T
    return None
