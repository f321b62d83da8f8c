"""The model card of a run: what its model is, from its summary alone."""

import json
import pathlib

from keras_senet.files import replacing

NAME = "README.md"  # where hubs look for it
MARK = "<!-- From summary.json by keras_senet. Remove this line to keep changes of yours. -->"
FEW = 100  # so many classes are listed


def write_card(workdir: pathlib.Path) -> None:
    """Writes `README.md` from `summary.json`; one that does not hold `MARK` is left as it is.

    Args:
        workdir: Folder of the run.
    """
    path = workdir / NAME
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        return
    summary = json.loads((workdir / "summary.json").read_text())
    with replacing(path) as partial:
        partial.write_text(_card(summary), encoding="utf-8")


def _card(run):
    view, recipe, classes = run["view"], run["recipe"], run["classes"]
    names = ", ".join(classes) if len(classes) <= FEW else f"{len(classes)} classes"
    images = f"{run['training_images']} training and {run['held_out_images']} held-out images"
    figures = "\n".join(f"| {what} | {value:.2%} |" for what, value in _figures(run))
    return f"""---
library_name: keras
pipeline_tag: image-classification
tags: [keras, keras_senet, squeeze-and-excitation]
---
{MARK}

# {run["model"]} of {run["data"]}

An image classifier for Keras 3, trained with keras_senet. It takes raw RGB pixels in 0..255 and
normalizes them itself: call no `preprocess_input` before it.

```python
import keras
import keras_senet

model = keras.saving.load_model("model.keras")
image = keras_senet.load_image("photo.jpg", model)
names = keras_senet.weights.class_names(model)
print(keras_senet.decode_predictions(model.predict(image), top=1, labels=names))
```

| | |
|---|---|
{figures}
| parameters | {run["parameters"]:,} |
| view of an image | {_view(view)} |

Classes: {names}.

## Training

{images} of {run["data"]}; recipe `{recipe["name"]}`, {recipe["epochs"]} epochs, batch
{recipe["batch_size"]}, seed {run["seed"]}, precision {run["precision"]}, Keras
{run["versions"]["keras"]} on {run["versions"]["backend"]}. `summary.json` has all fields.

What the images show that others do not, and whom mistakes harm, the program cannot know: write it
here before you share the model.
"""


def _figures(run):
    """Pairs of what was measured and the share."""
    names = {
        "held_out_accuracy": "accuracy, held-out images",
        "held_out_mean_average_precision": "mean average precision, held-out images",
        "held_out_exact_match": "all labels right, held-out images",
        "test_accuracy": "accuracy, test images",
        "test_mean_average_precision": "mean average precision, test images",
        "test_exact_match": "all labels right, test images",
    }
    return [(text, run[name]) for name, text in names.items() if run.get(name) is not None]


def _view(view):
    return view if isinstance(view, str) else ", ".join(f"{key} {x}" for key, x in view.items())
