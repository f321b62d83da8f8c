"""A .tflite file as objects that can be changed, and back."""

import flatbuffers
import numpy as np


def parsed(network):
    """The `schema.ModelT` of the bytes of a file."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(network, 0))
    for buffer in model.buffers:
        if buffer.offset > 1:
            # ai-edge-quantizer keeps constants behind the table, which is written anew.
            buffer.data = bytes(network[buffer.offset : buffer.offset + buffer.size])
            buffer.offset = buffer.size = 0
    return model


def serialized(model):
    """Bytes of a `schema.ModelT`."""
    builder = _Builder(1 << 20)
    for buffer in model.buffers:
        if buffer.data is not None:
            buffer.data = np.frombuffer(bytes(buffer.data), "uint8")
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


class _Builder(flatbuffers.Builder):
    """Aligns bytes to 16, as the schema demands of constants and its Python code forgets."""

    def StartVector(self, elemSize, numElems, alignment):
        return super().StartVector(elemSize, numElems, 16 if elemSize == 1 else alignment)
