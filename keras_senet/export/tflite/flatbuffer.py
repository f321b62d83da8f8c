"""A .tflite file as objects that can be changed, and back."""

import functools

import flatbuffers
import numpy as np

IDENTIFIER = b"TFL3"  # bytes 4 to 8 of every file
PLACEHOLDER = 127  # in the first field of an operator's code: look at the second
SIGNATURE = b"serving_default"  # the usual name
LOCATION = b"buffer_location"  # says that constants are behind the flatbuffer


def parsed(network):
    """The `schema.ModelT` of the bytes of a file, its constants inside."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(network, 0))
    for buffer in model.buffers:
        if buffer.offset > 1:
            # The converter and litert-quantizer write constants behind the flatbuffer.
            buffer.data = np.frombuffer(network, "uint8", buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    for entry in model.metadata or ():
        if entry.name == LOCATION:
            model.buffers[entry.buffer].data = None
    model.metadata = [one for one in model.metadata or () if one.name != LOCATION] or None
    return model


def check_closed(path, shape, signature):
    """Raises a ValueError if an input leaves more open than the number of images.

    What an open size is run or counted at, if nobody says it, is one pixel.

    Args:
        path: The file, for the message.
        shape: Sizes of the input, 1 for those that are open.
        signature: The same, -1 for those that are open; `None` or empty: none are.
    """
    sizes = shape if signature is None or not len(signature) else signature
    if any(size < 0 for size in list(sizes)[1:]):
        raise ValueError(
            f"{path} takes images of any size, {tuple(map(int, sizes[1:]))}, and what they take "
            "depends on it. Export it for one size."
        )


def serialized(model):
    """Bytes of a `schema.ModelT`, with the codes of its operators in both of their fields."""
    for code in model.operatorCodes:
        # litert-quantizer leaves the first field at 0, which stands for ADD: OpenVINO reads the
        # first, and only if that is 127 the second.
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
        code.deprecatedBuiltinCode = min(code.builtinCode, PLACEHOLDER)
    for buffer in model.buffers:
        if buffer.data is not None:
            buffer.data = np.frombuffer(memoryview(buffer.data), "uint8")
    # Room for all constants at once: a builder that grows copies what it holds.
    constants = sum(buffer.data.size for buffer in model.buffers if buffer.data is not None)
    builder = _Builder(constants + (1 << 20))
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(memoryview(builder.Bytes)[builder.Head() :])


def separate(model):
    """Gives each constant tensor a buffer of its own, and says whether any shared one.

    The converter writes equal bytes once. litert-quantizer 0.11 quantizes them once too, with the
    scales of one of the tensors.

    Args:
        model: A `schema.ModelT`, which is changed in place.
    """
    from ai_edge_litert import schema_py_generated as schema

    taken, shared = set(), False
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        data = model.buffers[tensor.buffer].data
        if data is None:
            continue
        if tensor.buffer in taken:
            own = schema.BufferT()
            own.data = data
            model.buffers.append(own)
            tensor.buffer, shared = len(model.buffers) - 1, True
        taken.add(tensor.buffer)
    return shared


def add_tensor(model, like, name, dtype, scale=None, zero_point=0):
    """Adds a tensor of the shape of another one to the graph.

    Args:
        model: A `schema.ModelT`.
        like: Index of the other tensor.
        name: Name of the new one.
        dtype: Name of its type, such as `"uint8"`.
        scale: What one step of its integers is worth, or `None` if it is not quantized.
        zero_point: The integer that stands for zero.

    Returns:
        Its index.
    """
    from ai_edge_litert import schema_py_generated as schema

    tensors = model.subgraphs[0].tensors
    tensor = schema.TensorT()
    tensor.shape, tensor.name, tensor.buffer = tensors[like].shape, name.encode(), 0
    tensor.type = getattr(schema.TensorType, dtype.upper())
    if scale is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array([scale], "float32")
        tensor.quantization.zeroPoint = np.array([zero_point], "int64")
    tensors.append(tensor)
    return len(tensors) - 1


def new_operator(model, kind, source, target):
    """An operator from one tensor to another, to be put among those of the graph.

    Args:
        model: A `schema.ModelT`, which gets the operator's code.
        kind: Name of a builtin operator without options, such as `"QUANTIZE"`.
        source: Index of the tensor that it reads.
        target: Index of the tensor that it writes.

    Returns:
        A `schema.OperatorT`.
    """
    from ai_edge_litert import schema_py_generated as schema

    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.version = 2 if kind == "DEQUANTIZE" else 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = np.array([source], "int32"), np.array([target], "int32")
    return operator


def is_kind(model, operator, kind):
    """Whether an operator is the builtin one of this name."""
    return kind_of(model, operator) == kind


def kind_of(model, operator):
    """Name of an operator, such as `"CONV_2D"`."""
    code = model.operatorCodes[operator.opcodeIndex]
    # Codes above 126 are in the first field alone, and old files have the second alone.
    return _kinds()[max(code.builtinCode, code.deprecatedBuiltinCode)]


@functools.cache
def _kinds():
    from ai_edge_litert import schema_py_generated as schema

    names = vars(schema.BuiltinOperator).items()
    return {code: name for name, code in names if isinstance(code, int)}


def replace_ends(model, inputs, outputs=None):
    """Makes other tensors the inputs and outputs of the graph and of its signatures.

    Args:
        model: A `schema.ModelT`.
        inputs: Index of the new tensor by the index of the old one; the others stay.
        outputs: The same for outputs, or `None` if all stay.
    """
    graph = model.subgraphs[0]
    for side, changes in (("inputs", inputs), ("outputs", outputs or {})):
        ends = [changes.get(int(end), int(end)) for end in getattr(graph, side)]
        setattr(graph, side, np.array(ends, "int32"))
        for signature in model.signatureDefs or []:
            for end in getattr(signature, side):
                end.tensorIndex = changes.get(int(end.tensorIndex), end.tensorIndex)


def sign(model, image, outputs):
    """Gives a file a signature, by which programs know its ends.

    Args:
        model: A `schema.ModelT` of one input, without signatures.
        image: Name of the input.
        outputs: Names of the outputs, in the order of the graph.
    """
    from ai_edge_litert import schema_py_generated as schema

    def end(name, index):
        found = schema.TensorMapT()
        found.name, found.tensorIndex = name.encode(), int(index)
        return found

    graph, signature = model.subgraphs[0], schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = [end(image, index) for index in graph.inputs]
    signature.outputs = [end(*pair) for pair in zip(outputs, graph.outputs, strict=True)]
    model.signatureDefs = [signature]


def signature(model):
    """Names of the one signature of a `schema.ModelT` and of its one input.

    Raises:
        ValueError: If it has another one, or several.
    """
    names = [
        (found.signatureKey.decode(), [end.name.decode() for end in found.inputs])
        for found in model.signatureDefs or []
    ]
    if len(names) != 1 or len(names[0][1]) != 1:
        raise ValueError(
            "Expected a file with one signature of one input, as to_tflite writes it. "
            f"Received: {names or 'no signature'}."
        )
    return names[0][0], names[0][1][0]


def outputs_by_name(model):
    """Index of each output by its name in the file's signature, in the order of the graph."""
    order = list(map(int, model.subgraphs[0].outputs))
    signatures = model.signatureDefs or []
    if len(signatures) != 1:
        return {model.subgraphs[0].tensors[index].name.decode(): index for index in order}
    named = {end.name.decode(): int(end.tensorIndex) for end in signatures[0].outputs}
    return dict(sorted(named.items(), key=lambda pair: order.index(pair[1])))


def order_outputs(model, names):
    """Puts the outputs of the graph and of its signature into the order of these names.

    The converter has them in the order of the alphabet.

    Args:
        model: A `schema.ModelT`.
        names: Names of all outputs of its signature; nothing changes where it has others.
    """
    found = outputs_by_name(model)
    if found.keys() != set(names):
        return
    indices = list(dict.fromkeys(found[name] for name in names))
    model.subgraphs[0].outputs = np.array(indices, "int32")
    signature = model.signatureDefs[0] if model.signatureDefs else None
    if signature is not None:
        signature.outputs = sorted(
            signature.outputs, key=lambda end: names.index(end.name.decode())
        )


class _Builder(flatbuffers.Builder):
    """Aligns bytes to 16, which the schema demands of constants and its Python code forgets."""

    def StartVector(self, elemSize, numElems, alignment):
        return super().StartVector(elemSize, numElems, 16 if elemSize == 1 else alignment)
