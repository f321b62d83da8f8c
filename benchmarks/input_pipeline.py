"""Images a second of the input pipelines: ours, a bare loop, and PyTorch's loader with timm's.

    python benchmarks/input_pipeline.py --peer_python=PEERS/bin/python

Reads a folder of photographs that it makes of scikit-learn's two, in the size that ImageNet's have
on average. Prints a table and writes a JSON file. See README.md beside this.
"""

import pathlib
import sys
import tempfile

import contenders
import numpy as np
from absl import app, flags
from contenders import FOLDER, Contender
from PIL import Image
from sklearn.datasets import load_sample_images

PHOTOS = flags.DEFINE_integer("photos", 512, "Files to make.")
BATCH = flags.DEFINE_integer("batch", 32, "Images in a step.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of the images delivered.")
ROUNDS = flags.DEFINE_integer("rounds", 15, "Rounds of one turn for each contender.", lower_bound=2)
STEPS = flags.DEFINE_integer("steps", 32, "Batches in a turn.")
PEER_PYTHON = flags.DEFINE_string("peer_python", sys.executable, "Interpreter that has timm.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/input_pipeline.json.")

PHOTO_SIZE = (500, 375)  # width and height in pixels


def make_photos(folder):
    """Writes differing JPEG files of two classes, crops of two photographs."""
    rng = np.random.default_rng(0)
    for index in range(PHOTOS.value):
        label = index % 2
        photo = Image.fromarray(load_sample_images().images[label])
        left, top = (int(rng.integers(0, 40)) for _ in range(2))
        crop = photo.crop((left, top, left + 600, top + 387)).resize(PHOTO_SIZE)
        path = pathlib.Path(folder) / str(label) / f"{index:04}.jpg"
        path.parent.mkdir(exist_ok=True)
        crop.save(path, quality=90)


def main(_):
    """Measures augmented and plain batches."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        make_photos(folder)
        for split in ("train", "held_out"):
            common = {"folder": folder, "size": SIZE.value, "batch": BATCH.value, "split": split}
            group = [
                Contender("keras_senet", "pipeline_contender.py", common),
                Contender("timm", "timm_pipeline_contender.py", common, PEER_PYTHON.value),
            ]
            if split == "train":
                group.insert(1, Contender("bare loop", "bare_pipeline_contender.py", common))
            competed = contenders.compete([group], ROUNDS.value, STEPS.value)
            summaries = {contender.name: contender.summary() for contender in competed}
            for summary in summaries.values():
                summary["arguments"] = {**summary["arguments"], "folder": "made for the run"}
            results.append({"what": f"{split} images", "contenders": summaries})
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/input_pipeline.json")
    contenders.write(path, {"device": "cpu", "results": results})
    contenders.table(results)


if __name__ == "__main__":
    app.run(main)
