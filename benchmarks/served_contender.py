"""One exported file in the runtime that serves it: a contender of serving.py."""

import argparse
import importlib.metadata

import contenders
import numpy as np

DISTRIBUTIONS = {"litert": "ai-edge-litert"}


def tensorflow(path, images, precision):
    """A SavedModel in TensorFlow."""
    import tensorflow as tf

    served = tf.saved_model.load(path)
    images = tf.constant(images)
    return lambda: served.serve(images).numpy()


def litert(path, images, precision):
    """A TFLite file, its input resized to the batch."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path, num_threads=2)
    (entry,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(entry["index"], images.shape)
    interpreter.allocate_tensors()
    (output,) = interpreter.get_output_details()

    def run():
        interpreter.set_tensor(entry["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(output["index"])

    return run


def onnxruntime(path, images, precision):
    """An ONNX file in ONNX Runtime."""
    from onnxruntime import InferenceSession

    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    return lambda: session.run(None, {entry.name: images})[0]


def openvino(path, images, precision):
    """An ONNX file or a SavedModel in OpenVINO."""
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(images.shape)
    kind = {"float32": "f32", "bfloat16": "bf16"}[precision]
    hints = {"INFERENCE_PRECISION_HINT": kind, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(model, "CPU", hints)
    return lambda: compiled(images)[0]


RUNTIMES = {one.__name__: one for one in (tensorflow, litert, onnxruntime, openvino)}


def main():
    """Serves classifications of one batch of random images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime", choices=RUNTIMES)
    parser.add_argument("--file")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--precision")
    arguments = parser.parse_args()
    shape = (arguments.batch, arguments.size, arguments.size, 3)
    images = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    classify = RUNTIMES[arguments.runtime](arguments.file, images, arguments.precision)

    def run(steps):
        for _ in range(steps):
            probabilities = classify()
        assert np.allclose(probabilities.sum(axis=-1), 1, atol=0.02), "These are no probabilities."

    name = DISTRIBUTIONS.get(arguments.runtime, arguments.runtime)
    contenders.serve(run, {"versions": {name: importlib.metadata.version(name)}})


if __name__ == "__main__":
    main()
