"""`train`: from an architecture and a data set to the files of a run."""

import contextlib
import logging
import os
import pathlib
import warnings
from collections.abc import Callable, Sequence

import keras

from keras_senet.architectures import Architecture
from keras_senet.data import Dataset, View
from keras_senet.extras import check_installed
from keras_senet.training import distribution
from keras_senet.training.best import write_best
from keras_senet.training.check import check, check_quantization, check_types
from keras_senet.training.checkpoints import Checkpoints
from keras_senet.training.evaluation import evaluate
from keras_senet.training.folder import check_workdir, locked
from keras_senet.training.identity import identify
from keras_senet.training.judged import judged_by
from keras_senet.training.label_evaluation import MultiLabelEvaluation
from keras_senet.training.model import check_metrics, compiled_model
from keras_senet.training.model_card import write_card
from keras_senet.training.model_file import write_model
from keras_senet.training.numerics import resolve
from keras_senet.training.recipe import Recipe
from keras_senet.training.report import write_report
from keras_senet.training.results import Result, write_curves, write_summary
from keras_senet.training.run import Run
from keras_senet.training.saving import Saving
from keras_senet.training.stopping import Stopping
from keras_senet.training.unseen import warn_of_copies
from keras_senet.weights.named_classes import seal_names

logger = logging.getLogger("keras_senet")


def train(
    architecture: Architecture,
    dataset: Dataset,
    recipe: Recipe,
    workdir: str | os.PathLike,
    *,
    weights: str | os.PathLike | None = None,
    precision: str = "auto",
    seed: int = 0,
    resume: str = "auto",
    saving: Saving = Saving(),  # noqa: B008 (frozen)
    devices: Sequence[str] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    metrics: Sequence[keras.metrics.Metric] = (),
    quantize: Callable[[keras.Model, Dataset], keras.Model] | None = None,
) -> Result:
    """Trains a network and writes the files of the run; the same call resumes a stopped run.

    Classes and numbers of images are logged before the first step. A test split is evaluated once,
    at the end.

    Args:
        architecture: A `keras_senet.architectures.Architecture`.
        dataset: A `keras_senet.data.Dataset`.
        recipe: A `Recipe`.
        workdir: Folder for the files, created if it is missing; `~` is the home folder. All
            processes of the run must share it; a second run in it is refused.
        weights: Path of the weights to start from; `None` for random ones.
        precision: `"float32"`, `"bfloat16"`, `"float16"`, or `"auto"`: bfloat16 on accelerators
            that have it, float32 elsewhere.
        seed: Seed of weights, order and augmentation.
        resume: `"auto"`: continue from the newest checkpoint in the folder, if there is one;
            `"must"`: raise an error without one; `"never"`: remove them and start anew.
        saving: When to save checkpoints, a `Saving`.
        devices: Names of the devices to train on together; by default all accelerators.
        callbacks: Keras callbacks, called after the run's own and before its checkpoints. One that
            sets `model.stop_training` ends the run. The variables of a callback, its attribute
            `variables`, are saved and restored with the run; what else it holds begins anew when
            the run is resumed, as does `on_train_begin` where normalization is frozen.
        metrics: Keras metrics of targets `(B, K)` and outputs `(B, K)` that average by
            `sample_weight`, beside loss and accuracy; where an image has any number of labels,
            beside mean average precision and exact match.
        quantize: What makes the network, with its weights, and the data set one that computes with
            the rounding of int8, `keras_senet.export.quantization_aware`: for recipes whose
            `quantization_aware` is true, and for them alone.

    Returns:
        A `Result`.

    Raises:
        ValueError: If an argument is invalid, network, data, recipe and weights do not fit one
            another, or the folder holds another run.
        Diverged: If loss, weights or moving statistics are not finite, or the loss stays high; the
            last checkpoint is kept.
        Preempted: After SIGTERM, once the state is saved.
        KeyboardInterrupt: After Ctrl-C, once the state is saved.
        OSError: If the folder cannot be written, or another process trains in it.

    Example:
        >>> network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
        >>> recipe = keras_senet.training.DIGITS.replace(epochs=1, warmup_epochs=0)
        >>> result = train(network, keras_senet.data.load("digits"), recipe, "runs/digits")
        >>> 0 <= result.accuracy <= 1
        True
    """
    check_types(
        architecture=architecture,
        dataset=dataset,
        recipe=recipe,
        saving=saving,
        callbacks=callbacks,
        metrics=metrics,
    )
    for package in ("filelock", "matplotlib", "rich"):  # not after hours of training
        check_installed(package, "train", "Training")
    distribution.check_together()
    workdir = pathlib.Path(workdir).expanduser()
    check_workdir(workdir)
    if recipe.augmentation is None:  # what a run did is said, and compared when it goes on
        recipe = recipe.replace(augmentation=dataset.augmentation)
    check_metrics(metrics, dataset)
    check_quantization(recipe, quantize, weights, precision)
    precision = "float32" if recipe.quantization_aware else resolve(precision)
    keras.utils.set_random_seed(seed)
    processes = distribution.process()[1]
    with contextlib.ExitStack() as held, Stopping(processes) as stopping:
        with distribution.replicas(devices) as replicas:
            check(dataset, recipe, replicas=replicas, processes=processes)
            logger.info("%s", dataset)
            if distribution.process()[0] == 0:
                warn_of_copies(dataset)
            steps = len(dataset.training) // recipe.batch_size
            model = compiled_model(
                architecture,
                dataset,
                recipe,
                weights=weights,
                precision=precision,
                steps_per_epoch=steps,
                metrics=metrics,
                quantize=quantize,
            )
            dataset = _in_view_of(dataset, model)
            run = Run(
                model,
                dataset,
                recipe,
                seed,
                steps_per_epoch=steps * recipe.accumulation_steps,
                process=distribution.process(),
                checkpoints=Checkpoints(workdir / "checkpoints", saving.keep),
                identity=identify(architecture, dataset, recipe, weights, precision, seed),
                callbacks=callbacks,
            )
            if run.writes:
                held.enter_context(locked(workdir))
            run.begin(resume)
            with dataset.bad_images.unwrapped():
                run.fit(saving, stopping)
                run.finish()
        return _results(run, workdir)


def _results(run, workdir):
    """Writes the files of the run, the model first: whatever fails after it costs nothing."""
    dataset, batch_size = run.dataset, run.recipe.batch_size
    judged, last = judged_by(dataset), run.position.rows[-1]
    if run.process[1] == 1:
        seal_names(run.model)  # for who trains the model on, on classes of the same number
    if run.writes:
        write_model(run.model, workdir / "model.keras")
        write_curves(run.position.rows, workdir, judged)
    accuracy = last["val_exact_match" if dataset.multi_label else "val_accuracy"]
    mean_precision = last.get("val_mean_average_precision")
    evaluation, test, bad_images = None, None, dataset.bad_images
    if run.process[1] == 1:  # several processes cannot read the weights outside of `fit`
        evaluation = evaluate(run.model, dataset, batch_size)
        if isinstance(evaluation, MultiLabelEvaluation):
            accuracy = evaluation.exact_match
            mean_precision = evaluation.mean_average_precision
        else:
            accuracy = evaluation.top1
        if dataset.test is not None:
            test = evaluate(run.model, dataset, batch_size, split="test")
            bad_images = {**bad_images, **test.unreadable}
    elif dataset.test is not None and run.writes:
        warnings.warn(
            "Several processes do not judge the test split. Evaluate model.keras on it.",
            stacklevel=3,
        )
    unreadable = dataset.unreadable(dataset.held_out)
    seconds = run.position.seconds
    result = Result(run.model, accuracy, seconds, workdir, test, unreadable, mean_precision)
    if run.writes:
        description = run.identity.description
        write_summary(result, run.position, description, bad_images, judged, evaluation)
        write_card(workdir)
        if run.process[1] == 1:
            write_best(run, workdir / "best.keras")
    if evaluation is not None:
        write_report(workdir, evaluation, test)
    return result


def _in_view_of(dataset, model):
    """The data set in the view that the run evaluates in; the model records this view.

    Crop and interpolation are the data set's if it has a view, else those of the network's weights.
    Images that are held as pixels have the right size already and are seen whole.
    """
    view, of_weights = dataset.seen, View.of(model)
    if dataset.view is None and of_weights is not None:
        crop = 1.0 if dataset.held_out.holds_pixels else of_weights.crop
        view = of_weights.replace(size=dataset.image_size, crop=crop)
    view.write_to(model)
    return dataset.seen_by(model)
