"""What XNNPACK takes of a .tflite file."""

from ai_edge_litert.interpreter import Interpreter


def partition(path):
    """Operators of a file, and what its delegate leaves outside: (before, after, beside)."""
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    nodes = interpreter._get_ops_details()
    names = {node["op_name"] for node in nodes}
    (delegate,) = (node for node in nodes if node["op_name"] == "DELEGATE")
    (image,) = (x["index"] for x in interpreter.get_input_details())
    (output,) = (x["index"] for x in interpreter.get_output_details())
    made = {index for node in nodes if node is not delegate for index in node["outputs"]}
    return names, (
        image not in delegate["inputs"],
        list(delegate["outputs"]) != [output],
        bool(made & set(delegate["inputs"])),
    )
