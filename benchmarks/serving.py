"""Time to classify images on a server: the runtimes that read our files, Keras, and timm.

    python benchmarks/serving.py --served_python=RUNTIMES/bin/python --peer_python=PEERS/bin/python

The network is exported once: a TFLite file, a SavedModel, an ONNX file, each folded. Whoever serves
takes turns with the network in Keras, as it is and folded, and with timm's, compiled and not.
RUNTIMES needs onnxruntime and openvino, this environment the extra `onnx`. Prints a table of
milliseconds and ratios, and writes a JSON file. See README.md beside this.
"""

import pathlib
import sys
import tempfile

import contenders
from absl import app, flags
from contenders import FOLDER, PEERS, Contender

import keras_senet

NETWORKS = flags.DEFINE_list("networks", ["SEResNet50"], f"Of {sorted(PEERS)}.")
BATCHES = flags.DEFINE_list("batches", ["1", "32"], "Images in a step.")
PRECISIONS = flags.DEFINE_list("precisions", ["float32", "bfloat16"], "Compute dtypes.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
ROUNDS = flags.DEFINE_integer("rounds", 15, "Rounds of one turn for each contender.", lower_bound=2)
SERVED_PYTHON = flags.DEFINE_string(
    "served_python", sys.executable, "Interpreter that has onnxruntime and openvino."
)
PEER_PYTHON = flags.DEFINE_string("peer_python", sys.executable, "Interpreter that has timm.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/serving.json.")

# PyTorch computes bfloat16 without instructions for it one number after the other: 20 s a step.
MOST_ROUNDS_HALF = 3


def export(network, folder):
    """Writes the network in three formats; the paths by format."""
    model = getattr(keras_senet, network)(input_shape=(SIZE.value, SIZE.value, 3))
    return {
        "tflite": keras_senet.export.to_tflite(model, folder / "network.tflite"),
        "saved_model": keras_senet.export.to_saved_model(model, folder / "served"),
        "onnx": keras_senet.export.to_onnx(model, folder / "network.onnx"),
    }


def entrants(network, files, batch, precision):
    """The contenders of one network, batch size and precision."""
    common = {"batch": batch, "size": SIZE.value}
    in_keras = {**common, "network": network, "mode": "infer", "precision": precision}
    in_timm = {**in_keras, "network": PEERS[network]}
    last = {**in_timm, "channels_last": 1}
    peer, served = PEER_PYTHON.value, SERVED_PYTHON.value

    def serving(name, runtime, kind, python=served):
        flags = {**common, "runtime": runtime, "file": files[kind], "precision": precision}
        return Contender(name, "served_contender.py", flags, python)

    def timm(name, flags):
        most_rounds = ROUNDS.value if precision == "float32" else MOST_ROUNDS_HALF
        return Contender(name, "timm_contender.py", flags, peer, most_rounds=most_rounds)

    found = [
        Contender("Keras", "keras_contender.py", in_keras),
        Contender("Keras, folded", "keras_contender.py", {**in_keras, "folded": True}),
        timm("timm channels_last", last),
        timm("timm channels_last, compiled", {**last, "compile": 1}),
        serving("OpenVINO, SavedModel", "openvino", "saved_model"),
        serving("OpenVINO, ONNX", "openvino", "onnx"),
    ]
    if precision == "float32":  # The other runtimes compute as their file says.
        found += [
            serving("SavedModel", "tensorflow", "saved_model", sys.executable),
            serving("LiteRT", "litert", "tflite", sys.executable),
            serving("ONNX Runtime", "onnxruntime", "onnx"),
            timm("timm", in_timm),
        ]
    return found


def main(_):
    """Measures every network."""
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/serving.json")
    results = []
    for network in NETWORKS.value:
        with tempfile.TemporaryDirectory() as folder:
            files = export(network, pathlib.Path(folder))
            for precision in PRECISIONS.value:
                for batch in map(int, BATCHES.value):
                    group = entrants(network, files, batch, precision)
                    competed = contenders.compete([group], ROUNDS.value, steps=1, warm_up=2)
                    summaries = {contender.name: contender.summary() for contender in competed}
                    for summary in summaries.values():
                        summary["arguments"].pop("file", None)
                    what = f"{network} {precision} batch {batch}"
                    results.append({"what": what, "contenders": summaries})
                    contenders.write(path, {"device": "cpu", "results": results})
    contenders.table(results)


if __name__ == "__main__":
    app.run(main)
