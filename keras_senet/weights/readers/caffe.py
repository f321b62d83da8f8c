"""Caffe's `.caffemodel`: protocol buffers, of which only the numbers are read."""

import functools
import math
import mmap

import numpy as np

from keras_senet.extras import needed

FIELDS = {  # of caffe.proto: number, type, whether repeated
    "BlobShape": (("dim", 1, "INT64", True),),
    "BlobProto": (
        ("num", 1, "INT32", False),
        ("channels", 2, "INT32", False),
        ("height", 3, "INT32", False),
        ("width", 4, "INT32", False),
        ("data", 5, "BYTES", False),  # packed floats look like bytes, which need no conversion
        ("shape", 7, "BlobShape", False),
    ),
    "LayerParameter": (
        ("name", 1, "STRING", False),
        ("type", 2, "STRING", False),
        ("blobs", 7, "BlobProto", True),
    ),
    # Of files written before 2014, field `layers` of the network.
    "V1LayerParameter": (
        ("name", 4, "STRING", False),
        ("type", 5, "INT32", False),
        ("blobs", 6, "BlobProto", True),
    ),
}
V1_TYPES = {4: "Convolution", 14: "InnerProduct"}
LAYER, V1_LAYER = 100, 2  # fields of NetParameter
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
MOST_LAYERS = 10_000  # SENet-154 has 1,600


def read_caffemodel(path):
    """Reads the weights of every layer, named and ordered as PyTorch does.

    The scale factor of Caffe's BatchNorm is applied, and the Scale layer that follows it
    (`<name>/scale`) becomes its gamma and beta.

    Args:
        path: `pathlib.Path` of the file.

    Returns:
        A dict from `"<layer>.weight"`, `".bias"`, `".running_mean"`, `".running_var"` to arrays.

    Raises:
        ValueError: If it is not such a file, is truncated, or a layer's blobs are not as expected.
        ImportError: If protobuf is not installed.
    """
    DecodeError = needed("google.protobuf.message", "weights", f"Reading {path}").DecodeError
    tensors = {}
    try:
        for layer in _layers(path):
            for name, value in _tensors(layer, path):
                if name in tensors:
                    raise ValueError(f"{path} has {name!r} twice.")
                tensors[name] = value
    except (DecodeError, IndexError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is not a .caffemodel file, or it is truncated: {error}. Fetch it again."
        ) from error
    return tensors


def _layers(path):
    """Yields the layers one by one: a network as one message would be in memory twice."""
    messages = _messages()
    kinds = {LAYER: messages["LayerParameter"], V1_LAYER: messages["V1LayerParameter"]}
    count = 0
    with open(path, "rb") as file:
        if not path.stat().st_size:
            raise ValueError(f"{path} is empty.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            position = 0
            while position < len(content):
                tag, position = _varint(content, position)
                begin, position = _span(content, position, tag & 7)
                if position > len(content):
                    raise IndexError(f"a field ends at byte {position} of {len(content)}")
                if tag >> 3 in kinds and tag & 7 == BYTES:
                    count += 1
                    if count > MOST_LAYERS:
                        raise ValueError(f"{path} has more than {MOST_LAYERS} layers.")
                    yield kinds[tag >> 3].FromString(content[begin:position])


def _varint(content, position):
    value = 0
    for shift in range(0, 64, 7):
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise IndexError(f"a number at byte {position} does not end")


def _span(content, position, wire_type):
    """First byte of a field's content, and the byte after its last."""
    if wire_type == VARINT:
        return position, _varint(content, position)[1]
    if wire_type == BYTES:
        length, position = _varint(content, position)
        return position, position + length
    if wire_type in (FIXED64, FIXED32):
        return position, position + (8 if wire_type == FIXED64 else 4)
    raise IndexError(f"wire type {wire_type} at byte {position}")


def _tensors(layer, path):
    if not layer.blobs:
        return
    kind = V1_TYPES.get(layer.type, layer.type)
    blobs = [_array(blob, kind, layer.name, path) for blob in layer.blobs]
    if kind in ("Convolution", "InnerProduct") and len(blobs) <= 2:
        yield from zip((f"{layer.name}.weight", f"{layer.name}.bias"), blobs, strict=False)
    elif kind == "BatchNorm" and len(blobs) == 3 and blobs[2].size == 1:
        # Caffe keeps sums over its moving window; a factor of 0 means none were seen.
        factor = blobs[2].reshape(())
        factor = 1 / factor if factor else factor
        yield f"{layer.name}.running_mean", blobs[0] * factor
        yield f"{layer.name}.running_var", blobs[1] * factor
    elif kind == "Scale" and len(blobs) == 2:
        norm = layer.name.removesuffix("/scale")
        yield from zip((f"{norm}.weight", f"{norm}.bias"), blobs, strict=True)
    else:
        raise ValueError(
            f"Layer {layer.name!r} of {path} is a {kind} of {len(blobs)} blobs. Expected "
            "Convolution, InnerProduct, BatchNorm and Scale layers."
        )


def _array(blob, kind, name, path):
    legacy = not blob.HasField("shape")
    shape = (blob.num, blob.channels, blob.height, blob.width) if legacy else tuple(blob.shape.dim)
    if min(shape, default=1) < 0 or 4 * math.prod(shape) != len(blob.data) or len(shape) > 4:
        raise ValueError(
            f"A blob of layer {name!r} of {path} has {len(blob.data)} bytes for the shape "
            f"{shape}. Is the file truncated?"
        )
    values = np.frombuffer(blob.data, "<f4")
    if legacy and shape[:2] == (1, 1):  # a vector, or the matrix of a fully connected layer
        shape = shape[2:] if kind == "InnerProduct" and max(shape[2:3]) > 1 else (len(values),)
    return values.reshape(shape)


@functools.cache
def _messages():
    """The message classes, from `FIELDS`; other fields of a file are skipped."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field_types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="keras_senet.caffe", package="keras_senet.caffe")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = field_types.LABEL_REPEATED if repeated else field_types.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if kind in FIELDS:
                added.type, added.type_name = field_types.TYPE_MESSAGE, f".{file.package}.{kind}"
            else:
                added.type = getattr(field_types, f"TYPE_{kind}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{name}"))
        for name in FIELDS
    }
