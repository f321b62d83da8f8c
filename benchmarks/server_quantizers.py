"""Writes what servers run of one ONNX file: by ONNX Runtime's quantizer, OpenVINO and NNCF.

Arguments: ONNX IMAGES FOLDER. IMAGES is a .npy file of the calibration images. Prints one line of
JSON: for each contender and format the file, or why there is none. Needs onnx, onnxruntime,
openvino and nncf, and nothing of this project.
"""

import importlib.metadata
import json
import os
import pathlib
import sys

import numpy as np


def onnxruntime(source, images, folder):
    """Its quantizers, after the preparation that its guide asks for."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_dynamic,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        """The calibration images, one at a time."""

        def __init__(self):
            self.batches = iter(images)

        def get_next(self):
            """The next image by the name of the input, `None` at the end."""
            image = next(self.batches, None)
            return None if image is None else {"image": image[None].astype("float32")}

    prepared = folder / "prepared.onnx"

    def prepare():
        quant_pre_process(str(source), str(prepared))
        return prepared

    def dynamic():
        quantize_dynamic(prepare(), folder / "dynamic.onnx", per_channel=True)
        return folder / "dynamic.onnx"

    def static(name, **options):
        path = folder / f"{name}.onnx"
        options = {"quant_format": QuantFormat.QDQ, "per_channel": True, **options}
        quantize_static(prepare(), path, Reader(), **options)
        return path

    unsigned = {"activation_type": QuantType.QUInt8}
    yield "float32", lambda: source
    yield "dynamic", dynamic
    yield "int8", lambda: static("int8")
    # Its guide's two remedies for processors without VNNI, where the sum of two products of uint8
    # and int8 can be more than the 16 bits that it gets: weights of 7 bits, or of uint8.
    yield "int8_7bit", lambda: static("int8_7bit", reduce_range=True, **unsigned)
    whole = {**unsigned, "weight_type": QuantType.QUInt8, "per_channel": False}
    yield "uint8", lambda: static("uint8", **whole)


def openvino(source, images, folder):
    """Its own format, in float32, by default in float16, and quantized by NNCF."""
    import openvino

    def save(name, model, **options):
        openvino.save_model(model, folder / f"{name}.xml", **options)
        return folder / f"{name}.xml"

    def read():
        model = openvino.Core().read_model(source)
        model.reshape((1, *images.shape[1:]))
        return model

    def quantized(**options):
        import nncf

        dataset = nncf.Dataset(images, lambda image: image[None].astype("float32"))
        return nncf.quantize(read(), dataset, subset_size=len(images), **options)

    def of_7_bits():
        import nncf

        advanced = nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE)
        return quantized(advanced_parameters=advanced)

    yield "float32", lambda: save("float32", read(), compress_to_fp16=False)
    yield "float16", lambda: save("float16", read())
    yield "int8", lambda: save("int8", quantized())
    yield "int8_7bit", lambda: save("int8_7bit", of_7_bits())


CONTENDERS = {"ONNX Runtime": onnxruntime, "OpenVINO": openvino}


def main(source, images, folder):
    """Makes all that can be made."""
    # What libraries print goes to the log, the answer to the driver.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    images, found = np.load(images), {}
    for contender, formats in CONTENDERS.items():
        own = pathlib.Path(folder) / contender.replace(" ", "_")
        own.mkdir()
        rows = found[contender] = {}
        try:
            for name, make in formats(pathlib.Path(source), images, own):
                try:
                    rows[name] = {"file": str(make())}
                except Exception as error:
                    rows[name] = {"refusal": _sentence(error)}
        except ImportError as error:
            rows["float32"] = {"refusal": _sentence(error)}
    packages = ("onnx", "onnxruntime", "openvino", "nncf")
    versions = {
        dist.name: dist.version
        for dist in importlib.metadata.distributions()
        if dist.name in packages
    }
    print(json.dumps({"files": found, "versions": versions}), file=answers, flush=True)


def _sentence(error):
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
