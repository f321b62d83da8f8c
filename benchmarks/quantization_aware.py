"""What int8 costs a trained network, before and after quantization-aware training.

    python benchmarks/quantization_aware.py --data=folder:photos --workdir=runs/int8

A network like MobileNetV3 is trained, exported to int8 and judged. Then it is trained on for few
epochs, with the rounding of int8 and, for comparison, without, and exported and judged again. The
same command goes on where it was stopped.
"""

import json
import pathlib

from absl import app, flags
from mobilenet_v3_tiny import NETWORK

import keras_senet
from keras_senet import export
from keras_senet.export.tflite.litert import LiteRT
from keras_senet.training import CIFAR_SHORT, FINETUNE, QUANTIZATION_AWARE, train

DATA = flags.DEFINE_string("data", None, "Photographs, as of keras-senet train.", required=True)
SIZE = flags.DEFINE_integer("image_size", 32, "Pixels.")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the runs.", required=True)
EPOCHS = flags.DEFINE_integer("epochs", 10, "Epochs of the first training.")
MORE = flags.DEFINE_integer("more_epochs", 6, "Epochs of the second.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/quantization_aware.json.")

# Without weight decay nothing keeps the activations near zero, where int8 is fine.
FIRST = CIFAR_SHORT.replace(
    optimizer="adamw", learning_rate=4e-3, weight_decay=0.0, gate_start=None
)


def judged(result, dataset, name):
    """Accuracies of a run's model and of its int8 file on the held-out images."""
    model = result.model
    path = export.to_tflite(
        model,
        result.workdir / "int8.tflite",
        quantization="int8",
        calibration_images=dataset.seen_by(model).calibration_images(200),
        overwrite=True,
    )
    images, labels = dataset.seen_by(model).held_out_arrays()
    ours, files = model.predict(images, verbose=0), LiteRT(path)(images)
    return {
        "run": name,
        "model_accuracy": float((ours.argmax(-1) == labels).mean()),
        "int8_accuracy": float((files.argmax(-1) == labels).mean()),
        "agreement": float((ours.argmax(-1) == files.argmax(-1)).mean()),
        "mean_difference": float(abs(ours - files).mean()),
        "minutes": round(result.seconds / 60, 1),
        "epochs": len((result.workdir / "history.csv").read_text().splitlines()) - 1,
    }


def main(_):
    """Trains three times, and writes accuracies and minutes."""
    dataset = keras_senet.data.load(DATA.value, image_size=SIZE.value)
    folder = pathlib.Path(WORKDIR.value)
    start = FIRST.replace(epochs=EPOCHS.value)
    first = train(NETWORK, dataset, start, folder / "trained", precision="float32")
    rows = [judged(first, dataset, "trained")]
    weights = first.workdir / "model.keras"
    aware = QUANTIZATION_AWARE.replace(epochs=MORE.value)
    second = train(
        NETWORK,
        dataset,
        aware,
        folder / "quantization_aware",
        weights=weights,
        quantize=export.quantization_aware,
    )
    rows.append(judged(second, dataset, "quantization_aware"))
    longer = FINETUNE.replace(
        name="longer", epochs=MORE.value, learning_rate=aware.learning_rate, weight_decay=0.0
    )
    third = train(NETWORK, dataset, longer, folder / "longer", weights=weights, precision="float32")
    rows.append(judged(third, dataset, "trained on in float32"))
    found = {
        "network": NETWORK.name,
        "data": pathlib.Path(DATA.value).name,
        "training_images": len(dataset.training),
        "held_out_images": len(dataset.held_out),
        "rows": rows,
    }
    path = pathlib.Path(__file__).parent / "results/quantization_aware.json"
    path = pathlib.Path(OUTPUT.value or path)
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    app.run(main)
