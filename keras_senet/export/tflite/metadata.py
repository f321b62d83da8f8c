"""Labels and preprocessing inside a .tflite file, as MediaPipe and Android's classes read them.

The table is that of TFLite's metadata_schema.fbs; labels are a text file in a zip archive behind
the network, which the runtime ignores.
"""

import zipfile

import flatbuffers
import flatbuffers.table
from flatbuffers import number_types

from keras_senet.export.tflite.flatbuffer import order_outputs, parsed, serialized
from keras_senet.surgery.image_range import PIXELS, described

IDENTIFIER = b"M001"
BUFFER_NAME = b"TFLITE_METADATA"
LABELS_FILE = "labels.txt"
# Values of the schema's enumerations and unions.
IMAGE_PROPERTIES, NORMALIZATION_OPTIONS, RGB, GRAYSCALE, AXIS_LABELS = 2, 1, 1, 2, 2
FEATURE_PROPERTIES = 1


def with_metadata(network, name, contracts, labels=None):
    """The network with metadata: what it takes and what it returns, as far as that is known.

    An unknown range is not written: readers that need one then refuse the file. Several outputs
    come in the order of their contracts, and the metadata have their names.

    Args:
        network: Bytes of a `.tflite` file of one image.
        name: Name of the network.
        contracts: The `Contract` of each output of its model, by name.
        labels: Name of every class, or `None`.

    Returns:
        Bytes of the file.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = parsed(network)
    if len(contracts) > 1:
        order_outputs(model, list(contracts))
    graph = model.subgraphs[0]
    channels = int(graph.tensors[graph.inputs[0]].shape[-1])
    buffer = schema.BufferT()
    buffer.data = _metadata(name, contracts, channels, bool(labels))
    entry = schema.MetadataT()
    entry.name, entry.buffer = BUFFER_NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return serialized(model)


def append_labels(path, labels):
    """Appends the file of labels, one a line, that the metadata name."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(LABELS_FILE, "\n".join(labels) + "\n")


def stated_labels(path):
    """The labels that a file holds, `None` without `labels.txt`."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if LABELS_FILE not in archive.namelist():
            return None
        return archive.read(LABELS_FILE).decode("utf-8-sig", "replace").splitlines()


def stated_range(network):
    """Least and greatest value of an image by a file's metadata, `None` where they do not tell.

    Args:
        network: Bytes of a `.tflite` file, of this package or another.
    """
    model = parsed(network)
    for entry in model.metadata or []:
        if entry.name == BUFFER_NAME and model.buffers[entry.buffer].data is not None:
            return _range_in(bytes(model.buffers[entry.buffer].data))
    return None


def _metadata(name, contracts, channels, has_labels):
    builder = flatbuffers.Builder(1024)
    contract = next(iter(contracts.values()))
    table = _Table(builder)
    image = table(
        (0, table.text("image")),
        (1, table.text(_about_image(contract))),
        (3, _image_content(table, channels)),
        *_image_range(table, channels, contract.input_range),
    )
    ends = [
        _output(table, contract.output if len(contracts) == 1 else end, contract, has_labels)
        for end, contract in contracts.items()
    ]
    graph = table((2, table.vector([image])), (3, table.vector(ends)))
    root = table((0, table.text(name)), (3, table.vector([graph])), (7, table.text("1.0.0")))
    builder.Finish(root, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _output(table, name, contract, has_labels):
    """What an output is, its bounds where it has any, and the file of its labels."""
    files = []
    if has_labels:
        file = table((0, table.text(LABELS_FILE)), (2, AXIS_LABELS))
        files = [(6, table.vector([file]))]
    content = table((0, FEATURE_PROPERTIES), (1, table()))
    stats = []
    if contract.output_range is not None:
        stats = [(5, _stats(table, 1, contract.output_range))]
    name = "score" if has_labels and name == "output" else name
    return table((0, table.text(name)), (3, content), *stats, *files)


def _about_image(contract):
    extent = contract.input_range
    if extent is None:
        return "As the model was trained on; the range is unknown."
    text = f"Pixels in {described(extent)}" + (", not normalized." if extent == PIXELS else ".")
    return text + (f" Judged at {contract.view}." if contract.view is not None else "")


def _image_content(table, channels):
    color = {1: GRAYSCALE, 3: RGB}.get(channels, 0)
    return table((0, IMAGE_PROPERTIES), (1, table((0, color))))


def _image_range(table, channels, extent):
    """How pixels in 0..255 are brought to the range, `(x - mean) / deviation`, and the range."""
    if extent is None:
        return []
    deviation = (PIXELS[1] - PIXELS[0]) / (extent[1] - extent[0])
    mean = PIXELS[0] - extent[0] * deviation
    options = table((0, table.floats([mean] * channels)), (1, table.floats([deviation] * channels)))
    normalization = table((0, NORMALIZATION_OPTIONS), (1, options))
    return [(4, table.vector([normalization])), (5, _stats(table, channels, extent))]


def _stats(table, channels, extent):
    low, high = extent
    return table((0, table.floats([high] * channels)), (1, table.floats([low] * channels)))


def _range_in(metadata):
    """Reads the range that `_stats` has written for the first input."""
    table = _Reader.root(metadata)
    for field in (3, 2):  # the first graph, its first input
        table = table and table.first(field)
    stats = table and table.table(5)
    low, high = (stats and stats.floats(1)), (stats and stats.floats(0))
    return (min(low), max(high)) if low and high else None


class _Reader:
    """Reads tables of a schema: fields by their position."""

    def __init__(self, data, position):
        self._table = flatbuffers.table.Table(data, position)

    @classmethod
    def root(cls, data):
        return cls(data, int.from_bytes(data[:4], "little"))

    def table(self, field):
        """The table in a field, or `None`."""
        offset = self._offset(field)
        return offset and _Reader(self._table.Bytes, self._table.Indirect(offset))

    def first(self, field):
        """The first table of a vector, or `None`."""
        start = self._vector(field)
        return start and _Reader(self._table.Bytes, self._table.Indirect(start))

    def floats(self, field):
        """A vector of numbers, or `None`."""
        start = self._vector(field)
        if not start:
            return None
        count = self._table.VectorLen(self._table.Offset(4 + 2 * field))
        return [self._table.Get(number_types.Float32Flags, start + 4 * i) for i in range(count)]

    def _offset(self, field):
        offset = self._table.Offset(4 + 2 * field)
        return offset and offset + self._table.Pos

    def _vector(self, field):
        offset = self._table.Offset(4 + 2 * field)
        empty = not offset or self._table.VectorLen(offset) == 0
        return None if empty else self._table.Vector(offset)


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
