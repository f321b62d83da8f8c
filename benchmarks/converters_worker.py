"""One file in one runtime: judged for converters.py, or a contender of it.

With `--outputs=FILE.npy` it classifies all images, one at a time, and writes what the file returns
in float32, and beside it what the runtime says of itself as JSON; without, it takes turns. Needs
numpy and the runtime, and nothing of this project but contenders.py.
"""

import argparse
import collections
import hashlib
import importlib.metadata
import json
import pathlib
import tempfile

import contenders
import numpy as np


class LiteRT:
    """A .tflite file, with XNNPACK or with TFLite's own kernels."""

    distribution = "ai-edge-litert"

    def __init__(self, path, shape, variant):
        from ai_edge_litert import interpreter as runtime

        plain = runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        options = {"experimental_op_resolver_type": plain} if variant == "builtin" else {}
        self.interpreter = runtime.Interpreter(path, num_threads=1, **options)
        self.interpreter.allocate_tensors()
        (self.entry,) = self.interpreter.get_input_details()
        (self.output,) = self.interpreter.get_output_details()

    def taken(self, images):
        """The images in the type that the file takes."""
        dtype, (scale, zero) = self.entry["dtype"], self.entry["quantization"]
        if np.issubdtype(dtype, np.integer):
            least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
            images = np.clip(np.round(images / scale + zero), least, most)
        return images.astype(dtype)

    def run(self, image):
        """What the file returns for one image `(1, H, W, C)`."""
        self.interpreter.set_tensor(self.entry["index"], image)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.output["index"])

    def floats(self, outputs):
        """Outputs as the numbers that they stand for."""
        scale, zero = self.output["quantization"]
        return (outputs.astype("float32") - zero) * scale if scale else outputs

    def facts(self):
        """Operators and delegates, for `keras_senet.export.tflite.litert.program_of`."""
        nodes = self.interpreter._get_ops_details()
        names = ("index", "op_name", "inputs", "outputs")
        plain = [
            {name: x[name] if name == "op_name" else np.asarray(x[name]).tolist() for name in names}
            for x in nodes
        ]
        return {"nodes": plain, "returned": [int(self.output["index"])]}


class OnnxRuntime:
    """An ONNX file in ONNX Runtime."""

    distribution = "onnxruntime"

    def __init__(self, path, shape, variant):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        with tempfile.TemporaryDirectory() as folder:
            optimized = pathlib.Path(folder) / "optimized.onnx"
            options.optimized_model_filepath = str(optimized)
            self.session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
            self.operators = self._operators(optimized)
        (self.entry,) = self.session.get_inputs()

    @staticmethod
    def _operators(path):
        import onnx

        return collections.Counter(node.op_type for node in onnx.load(path).graph.node)

    def taken(self, images):
        """The images in the type that the file takes."""
        return images.astype("float32")

    def run(self, image):
        """What the file returns for one image `(1, H, W, C)`."""
        return self.session.run(None, {self.entry.name: image})[0]

    def floats(self, outputs):
        """Outputs as the numbers that they stand for."""
        return outputs

    def facts(self):
        """The kinds of convolutions in the graph that the runtime has made of the file."""
        return {"executed": {k: n for k, n in self.operators.items() if "Conv" in k}}


class OpenVINO:
    """An ONNX, OpenVINO or .tflite file in OpenVINO; `variant` is the precision that it may use."""

    distribution = "openvino"

    def __init__(self, path, shape, variant):
        import openvino

        core = openvino.Core()
        model = core.read_model(path)
        model.reshape((1, *shape))
        hints = {
            "INFERENCE_NUM_THREADS": 1,
            "INFERENCE_PRECISION_HINT": variant,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self.compiled = core.compile_model(model, "CPU", hints)
        self.request = self.compiled.create_infer_request()
        self.offers = list(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))

    def taken(self, images):
        """The images in the type that the file takes."""
        return images.astype("float32")

    def run(self, image):
        """What the file returns for one image `(1, H, W, C)`."""
        return np.array(self.request.infer([image])[0])

    def floats(self, outputs):
        """Outputs as the numbers that they stand for."""
        return outputs

    def facts(self):
        """The kernels of the convolutions, and the precision that the plugin has settled for."""
        found = collections.Counter()
        for operator in self.compiled.get_runtime_model().get_ops():
            info = operator.get_rt_info()
            if "layerType" in info and "Conv" in str(info["layerType"].value):
                found[str(info["primitiveType"].value)] += 1
        hint = self.compiled.get_property("INFERENCE_PRECISION_HINT")
        return {
            "executed": dict(found),
            "precision": hint.to_string(),
            "processor_offers": self.offers,
        }


RUNTIMES = {one.__name__: one for one in (LiteRT, OnnxRuntime, OpenVINO)}


def judge(runner, images, path):
    """Writes the outputs of all images, and the runtime's facts beside them."""
    taken = runner.taken(images)
    rows = [runner.run(taken[index : index + 1]) for index in range(len(taken))]
    np.save(path, runner.floats(np.concatenate(rows)))
    facts = {**runner.facts(), "images_sha256": hashlib.sha256(images.tobytes()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps({**facts, **versions(runner)}))


def versions(runner):
    """The runtime's version."""
    name = runner.distribution
    return {"versions": {name: importlib.metadata.version(name)}}


def main():
    """Judges, or serves one image after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime", choices=RUNTIMES)
    parser.add_argument("--file")
    parser.add_argument("--images", help="A .npy file of uint8 images.")
    parser.add_argument("--variant", help="LiteRT: xnnpack or builtin. OpenVINO: f32 or bf16.")
    parser.add_argument("--outputs", type=pathlib.Path)
    parser.add_argument("--batch", type=int, help="Images in a step, one after the other.")
    arguments = parser.parse_args()
    images = np.load(arguments.images)
    runtime = RUNTIMES[arguments.runtime]
    runner = runtime(arguments.file, images.shape[1:], arguments.variant)
    if arguments.outputs is not None:
        judge(runner, images, arguments.outputs)
        return
    taken = runner.taken(images[: arguments.batch])

    def run(steps):
        for _ in range(steps):
            for index in range(len(taken)):
                runner.run(taken[index : index + 1])

    contenders.serve(run, versions(runner))


if __name__ == "__main__":
    main()
