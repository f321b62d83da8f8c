"""Runs one .tflite file in the runtime of this Python.

Arguments: FILE IMAGES OUTPUTS KERNELS, of which the last is `delegate` or `builtin`. Needs numpy
and `tflite_runtime` or `ai_edge_litert`, and nothing of this project: runtimes.py runs it in the
virtual environment of each runtime.
"""

import sys

import numpy as np

try:
    from ai_edge_litert import interpreter as runtime
except ImportError:
    from tflite_runtime import interpreter as runtime


def main(path, images, outputs, kernels):
    """Writes the outputs of all images in float32, one image after the other."""
    plain = runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    options = {"experimental_op_resolver_type": plain} if kernels == "builtin" else {}
    interpreter = runtime.Interpreter(path, num_threads=1, **options)
    interpreter.allocate_tensors()
    entry, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    received = []
    for image in np.load(images):
        interpreter.set_tensor(entry["index"], image[None].astype(entry["dtype"]))
        interpreter.invoke()
        received.append(interpreter.get_tensor(result["index"])[0].astype("float32"))
    scale, zero = result["quantization"]
    received = np.stack(received)
    np.save(outputs, (received - zero) * scale if scale else received)


if __name__ == "__main__":
    main(*sys.argv[1:])
