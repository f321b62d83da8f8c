"""Writes the weights that come with the package, from finished runs on CIFAR-10.

    python benchmarks/packaged.py --data=folder:cifar10 RUN...

RUN is the folder of a run of the command in `keras_senet/weights/records/packaged.py`. The network
of its last epoch is judged in float32 on all test photographs and written to
`keras_senet/weights/packaged/`; the rows for the record are printed.
"""

import hashlib
import pathlib

import keras
from absl import app, flags

import keras_senet
from keras_senet.weights.download import PACKAGED
from keras_senet.weights.records.packaged import ROWS

DATA = flags.DEFINE_string("data", "folder:cifar10", "The photographs: train/ and test/.")


def pack(folder, dataset):
    """Writes the file of a run; returns its row."""
    model = keras.models.load_model(pathlib.Path(folder) / "model.keras", compile=False)
    name = next(row[0] for row in ROWS if row[0].split(".")[0] == model.name)
    found = keras_senet.training.evaluate(model, dataset, 100)
    path = PACKAGED / f"{name}.safetensors"
    keras_senet.export_weights(model, path, layout="keras_senet")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return name, found.images, 100 * found.top1, 100 * found.top5, f"sha256:{digest}"


def main(arguments):
    """Packs all runs."""
    dataset = keras_senet.data.load(DATA.value, image_size=32)
    for folder in arguments[1:]:
        name, images, top1, top5, checksum = pack(folder, dataset)
        print(f"{name}: {images} photographs, {top1:.4g} and {top5:.4g} %, {checksum}")


if __name__ == "__main__":
    app.run(main)
