"""One trained model to the files of all contenders of converters.py.

All take the same calibration images. A function of one contender yields `(format, make)`, of which
`make()` returns the bytes of a .tflite file or raises.
"""

import functools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from contenders import FOLDER
from judging import Entry, first_sentence

from keras_senet import export

OURS = "keras_senet"


def phone_entries(model, known, folder):
    """The .tflite files of all who make some."""
    network = None
    makers = {
        OURS: lambda: ours(model, known),
        "TensorFlow": lambda: tensorflow(model, known, folder),
        "litert-quantizer": lambda: plain_quantizer(network, known),
    }
    for contender, formats in makers.items():
        for name, make in formats():
            entry = Entry(contender, name, None, "LiteRT", "xnnpack", sys.executable)
            try:
                content = make()
            except Exception as error:  # whatever a converter raises is its answer
                entry.refusal = f"not written: {first_sentence(str(error))}"
            else:
                entry.path = folder / f"{contender}_{name}.tflite"
                entry.path.write_bytes(content)
                if (contender, name) == ("TensorFlow", "float32"):
                    network = content
            yield entry


def server_entries(model, known_path, folder, python):
    """What servers run, made from our ONNX file in their own environment; and their versions."""
    source = export.to_onnx(model, folder / "network.onnx")
    command = [python, FOLDER / "server_quantizers.py", source, known_path, folder]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    answer = json.loads(done.stdout)
    runtimes = {"ONNX Runtime": "OnnxRuntime", "OpenVINO": "OpenVINO"}
    entries = []
    for contender, formats in answer["files"].items():
        for name, found in formats.items():
            path = pathlib.Path(found["file"]) if "file" in found else None
            runtime = runtimes[contender], "f32", python
            entries.append(Entry(contender, name, path, *runtime, found.get("refusal")))
            if (contender, name) == ("OpenVINO", "float32") and path:
                runtime = runtimes[contender], "bf16", python
                entries.append(Entry(contender, "bf16", path, *runtime))
    return entries, answer["versions"]


def ours(model, images):
    """The formats of `to_tflite`."""

    def make(quantization):
        calibrated = quantization in ("int8", "int8_full")
        with tempfile.TemporaryDirectory() as folder:
            path = export.to_tflite(
                model,
                f"{folder}/network.tflite",
                quantization=quantization,
                calibration_images=images if calibrated else None,
            )
            return path.read_bytes()

    for quantization in export.QUANTIZATIONS:
        yield quantization or "float32", functools.partial(make, quantization)


def tensorflow(model, images, folder):
    """`tf.lite.TFLiteConverter` of the SavedModel that Keras writes, as its guide says.

    The SavedModel, in `folder`, is of one image, as our files are: with an open batch XNNPACK would
    get shapes that it cannot know.
    """
    import tensorflow as tf

    saved = str(folder / "saved_model")
    spec = tf.TensorSpec((1, *model.inputs[0].shape[1:]), "float32", "image")
    model.export(saved, format="tf_saved_model", input_signature=[spec], verbose=False)

    def make(**options):
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        for name, value in options.items():
            setattr(converter, name, value)
        return converter.convert()

    def half():
        # The type belongs to the specification that the converter has already.
        spec = tf.lite.TargetSpec()
        spec.supported_types = [tf.float16]
        return make(optimizations=[tf.lite.Optimize.DEFAULT], target_spec=spec)

    def integers():
        spec = tf.lite.TargetSpec()
        spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        return make(
            **calibrated,
            target_spec=spec,
            inference_input_type=tf.uint8,
            inference_output_type=tf.uint8,
        )

    optimized = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    calibrated = {
        **optimized,
        "representative_dataset": lambda: ([image] for image in _batches_of_one(images)),
    }
    yield "float32", make
    yield "float16", half
    yield "dynamic", functools.partial(make, **optimized)
    yield "int8", functools.partial(make, **calibrated)
    yield "int8_full", integers


def plain_quantizer(network, images):
    """litert-quantizer's recipes on `network`, bytes of a float32 file with one signature."""
    from ai_edge_litert.interpreter import Interpreter
    from litert_quantizer import quantizer, recipe

    def make(chosen):
        plan = quantizer.Quantizer(network)
        plan.load_quantization_recipe(chosen)
        ranges = None
        if plan.need_calibration:
            ((key, ends),) = Interpreter(model_content=network).get_signature_list().items()
            (name,) = ends["inputs"]
            # A list: the quantizer goes through it twice.
            examples = [{name: image} for image in _batches_of_one(images)]
            ranges = plan.calibrate({key: examples}, num_threads=1)
        return bytes(plan.quantize(ranges, enable_progress_report=False).quantized_model)

    yield "weights", functools.partial(make, recipe.weight_only_wi8_afp32())
    yield "dynamic", functools.partial(make, recipe.dynamic_wi8_afp32())
    yield "int8_full", functools.partial(make, recipe.static_wi8_ai8())


def _batches_of_one(images):
    return (image[None].astype(np.float32) for image in images)
