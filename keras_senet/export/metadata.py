"""Labels and preprocessing inside a .tflite file, as MediaPipe and Android's classes read them.

The table is that of TFLite's metadata_schema.fbs; labels are a text file in a zip archive behind
the network, which the runtime ignores.
"""

import zipfile

import flatbuffers
from flatbuffers import number_types

from keras_senet.export.flatbuffer import parsed, serialized

IDENTIFIER = b"M001"
BUFFER_NAME = b"TFLITE_METADATA"
LABELS_FILE = "labels.txt"
# Values of the schema's enumerations and unions.
IMAGE_PROPERTIES, NORMALIZATION_OPTIONS, RGB, GRAYSCALE, AXIS_LABELS = 2, 1, 1, 2, 2
FEATURE_PROPERTIES = 1


def with_metadata(network, name, labels=None):
    """The network with metadata: takes raw pixels, returns one score for each label.

    Args:
        network: Bytes of a `.tflite` file, one image in, one output.
        name: Name of the network.
        labels: Name of every class, or `None`.

    Returns:
        Bytes of the file.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = parsed(network)
    graph = model.subgraphs[0]
    channels = int(graph.tensors[graph.inputs[0]].shape[-1])
    buffer = schema.BufferT()
    buffer.data = _metadata(name, channels, bool(labels))
    entry = schema.MetadataT()
    entry.name, entry.buffer = BUFFER_NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return serialized(model)


def append_labels(path, labels):
    """Appends the file of labels, one in a line, that the metadata speak of."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(LABELS_FILE, "\n".join(labels) + "\n")


def _metadata(name, channels, has_labels):
    builder = flatbuffers.Builder(1024)
    table = _Table(builder)
    image = table(
        (0, table.text("image")),
        (1, table.text("Pixels in 0..255, not normalized.")),
        (3, _image_content(table, channels)),
        (4, table.vector([_normalization(table, channels)])),
        (5, table((0, table.floats([255.0] * channels)), (1, table.floats([0.0] * channels)))),
    )
    files = []
    if has_labels:
        file = table((0, table.text(LABELS_FILE)), (2, AXIS_LABELS))
        files = [(6, table.vector([file]))]
    content = table((0, FEATURE_PROPERTIES), (1, table()))
    scores = table((0, table.text("probability")), (3, content), *files)
    graph = table((2, table.vector([image])), (3, table.vector([scores])))
    root = table((0, table.text(name)), (3, table.vector([graph])), (7, table.text("1.0.0")))
    builder.Finish(root, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _image_content(table, channels):
    color = {1: GRAYSCALE, 3: RGB}.get(channels, 0)
    return table((0, IMAGE_PROPERTIES), (1, table((0, color))))


def _normalization(table, channels):
    # Mean 0 and deviation 1: the pixels go in as they are, the network normalizes them.
    options = table((0, table.floats([0.0] * channels)), (1, table.floats([1.0] * channels)))
    return table((0, NORMALIZATION_OPTIONS), (1, options))


class _Offset(int):
    """Where an object lies in the buffer, in contrast to a number."""


class _Table:
    """Writes tables of a schema: fields by their position, enumerations as bytes."""

    def __init__(self, builder):
        self.builder = builder

    def __call__(self, *fields):
        self.builder.StartObject(max((position for position, _ in fields), default=-1) + 1)
        for position, value in fields:
            if isinstance(value, _Offset):
                self.builder.PrependUOffsetTRelativeSlot(position, value, 0)
            else:
                self.builder.PrependUint8Slot(position, value, 0)
        return _Offset(self.builder.EndObject())

    def text(self, text):
        return _Offset(self.builder.CreateString(text))

    def vector(self, offsets):
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return _Offset(self.builder.EndVector())

    def floats(self, values):
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.Prepend(number_types.Float32Flags, value)
        return _Offset(self.builder.EndVector())
