"""Cells of the ablations: each one training run and one file, and never run twice."""

import contextlib
import dataclasses
import json
import math
import multiprocessing
import os
import pathlib
import tempfile

import keras

from keras_senet.architectures import Architecture, SEConfig
from keras_senet.files import replacing
from keras_senet.training import Diverged, Recipe


@dataclasses.dataclass(frozen=True)
class Cell:
    """One design and one seed.

    Attributes:
        network: The network, with its SE design.
        data: Name of the data set, see `keras_senet.data.load`.
        image_size: Pixels.
        recipe: How to train.
        seed: Seed of weights, order and augmentation.
    """

    network: Architecture
    data: str
    image_size: int
    recipe: Recipe
    seed: int

    @property
    def name(self):
        """Names design and seed; tables that share a design share the cell."""
        se = self.network.se
        if se is None:
            return f"plain-seed{self.seed}"
        stages = "all" if se.stages is None else "".join(map(str, se.stages))
        if not isinstance(se, SEConfig):
            return f"{_kind(se)}-stages_{stages}-{se.placement}-seed{self.seed}"
        parts = (f"r{se.reduction:g}", se.squeeze, se.gate, f"stages_{stages}", se.placement)
        start = () if se.start is None else (f"start{se.start:g}",)
        return f"{'-'.join((*parts, *start))}-seed{self.seed}"

    @property
    def settings(self):
        """All that the outcome depends on, as text."""
        return str(self)

    def finished(self, folder):
        """The contents of the cell's file in `folder`, `None` if there is no file.

        Raises:
            ValueError: If the file is of a run with other settings.
        """
        path = self._path(folder)
        if not path.exists():
            return None
        found = json.loads(path.read_text())
        if found["settings"] != self.settings:
            raise ValueError(
                f"{path} is of a run with other settings. Expected {self.settings}. Received "
                f"{found['settings']}. Choose another --workdir."
            )
        return found

    def run(self, folder):
        """Trains the network and writes the file; a run that diverges has no accuracy there."""
        import keras_senet

        dataset = keras_senet.data.load(self.data, image_size=self.image_size)
        shape = (self.image_size, self.image_size, 3)
        model = self.network(input_shape=shape, classes=len(dataset.class_names))
        found = {
            "settings": self.settings,
            "accuracy": None,
            "parameters": sum(math.prod(weight.shape) for weight in model.trainable_weights),
        }
        # Some designs do diverge, ReLU gates for one: that is an outcome of an ablation.
        with tempfile.TemporaryDirectory() as workdir, contextlib.suppress(Diverged):
            result = keras_senet.training.train(
                self.network, dataset, self.recipe, workdir, seed=self.seed
            )
            found["accuracy"] = result.accuracy
        with replacing(self._path(folder)) as partial:
            partial.write_text(json.dumps(found, indent=2) + "\n")

    def _path(self, folder):
        return pathlib.Path(folder) / f"{self.name}.json"


def _kind(se):
    """`"eca"`, and the fields in which it differs from that: `"eca-kernel_size_5"`."""
    changed = [
        f"{field.name}_{getattr(se, field.name)}"
        for field in dataclasses.fields(se)
        if field.name not in ("placement", "stages") and getattr(se, field.name) != field.default
    ]
    return "-".join((type(se).__name__.removesuffix("Config").lower(), *changed))


def run_cells(cells, folder, jobs=1):
    """Runs the cells that have no file yet.

    Killed at any moment, it loses the cells under way and no finished one.

    Args:
        cells: `Cell`s.
        folder: Folder of their files.
        jobs: Processes to share the work.

    Raises:
        RuntimeError: If a process failed.
        ValueError: If a file in the folder is of a run with other settings.
    """
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    cells = list({cell.name: cell for cell in cells}.values())
    open_cells = [cell for cell in cells if cell.finished(folder) is None]
    print(f"{len(cells)} cells, {len(cells) - len(open_cells)} finished before.", flush=True)
    if jobs == 1:
        _work(open_cells, folder)
        return
    # TensorFlow does not survive a fork.
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_share, args=(open_cells[index::jobs], folder, jobs), daemon=True)
        for index in range(min(jobs, len(open_cells)))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("A process of the ablation failed; see its message above.")


def _share(cells, folder, jobs):
    """The work of one of several processes."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // jobs))
    _work(cells, folder)


def _work(cells, folder):
    # One line a cell instead of Keras' progress bars.
    keras.config.disable_interactive_logging()
    parent = multiprocessing.parent_process()
    for cell in cells:
        # A worker whose parent is gone stops after the cell under way.
        if parent is not None and not parent.is_alive():
            return
        cell.run(folder)
        accuracy = cell.finished(folder)["accuracy"]
        print(f"{cell.name}: {'diverged' if accuracy is None else f'{accuracy:.2%}'}", flush=True)
