"""The compiled model of a run."""

import dataclasses
import inspect
import logging

import keras
import numpy as np

from keras_senet.architectures import SEConfig
from keras_senet.data.classes import mismatch
from keras_senet.mistakes import first_line
from keras_senet.training.batch_norm import freeze_batch_norm, zero_gamma
from keras_senet.training.judged import metric_names, metrics_of
from keras_senet.training.losses import loss
from keras_senet.training.numerics import POLICIES
from keras_senet.training.optimizers import optimizer
from keras_senet.weights.named_classes import name_classes

logger = logging.getLogger("keras_senet")
FEW = 32  # classes that metrics are tried on


def compiled_model(
    architecture,
    dataset,
    recipe,
    *,
    weights,
    precision,
    steps_per_epoch,
    metrics=(),
    quantize=None,
):
    """Builds a network for a data set and compiles it as a recipe says.

    Args:
        architecture: A `keras_senet.architectures.Architecture`.
        dataset: A `keras_senet.data.Dataset`.
        recipe: A `Recipe`.
        weights: Path of the weights to start from; `None` for random ones.
        precision: `"float32"`, `"bfloat16"` or `"float16"`.
        steps_per_epoch: Updates of the weights in an epoch.
        metrics: Keras metrics beside those of every run.
        quantize: Function of the network and the data set to the network to train, or `None`.

    Returns:
        A `keras.Model` whose optimizer and metrics have their variables.
    """
    model = _build(architecture, dataset, recipe, weights, POLICIES[precision])
    if quantize is not None:
        model = quantize(model, dataset)
    if recipe.zero_gamma and weights is None:  # trained branches stay
        zero_gamma(model)
    if recipe.freeze_stages:
        freeze_stages(model, recipe.freeze_stages)
    if recipe.freeze_bn_from == 0:
        freeze_batch_norm(model)
    # Weighted, since the last batch of validation is padded with images of weight 0.
    model.compile(
        optimizer(recipe, steps_per_epoch),
        loss(recipe, dataset.training.labels, len(dataset.class_names)),
        weighted_metrics=[*metrics_of(dataset), *map(_anew, metrics)],
    )
    create_variables(model)
    return model


def check_metrics(metrics, dataset):
    """Raises a ValueError for Keras metrics that `history.csv` would show wrong figures of.

    These are two of one name, metrics that cannot be made anew, do not take the run's targets, or
    do not average by `sample_weight`: the last batch of validation is padded with images of weight
    0, and the others of it may weigh more than 1.

    Args:
        metrics: Keras metrics.
        dataset: The `Dataset` whose classes K the targets `(B, K)` have.
    """
    names = own = ["loss", *metric_names(dataset)]
    for metric in metrics:
        if metric.name in names:
            raise ValueError(
                f"Argument `metrics` must hold names other than each other's and {own}. "
                f"Received: {metric.name!r}. Pass `name` to the metric."
            )
        names = [*names, metric.name]
        _check_weighting(metric, len(dataset.class_names))


def _check_weighting(metric, classes):
    """Gives new ones of a metric some images alone, and the same in a batch that is padded."""
    few = min(classes, FEW)
    truths = np.tile(np.arange(few), 2)
    named = np.append(np.arange(few), np.arange(few) + 1) % classes  # half of them right
    real, rest = len(truths), few + 1  # and not as many in all as classes
    targets = np.zeros((real + rest, classes), "float32")
    targets[np.arange(real), truths] = 1
    scores = np.full(targets.shape, 0.1 / classes, "float32")
    scores[np.arange(len(scores)), np.append(named, np.zeros(rest, int))] = 0.9
    weights = np.append(np.full(real, 1.25), np.zeros(rest)).astype("float32")
    alone, padded = _anew(metric), _anew(metric)
    try:
        alone.update_state(targets[:real], scores[:real])
        padded.update_state(targets, scores, sample_weight=weights)
        pairs = zip(
            *(keras.tree.flatten(one.result()) for one in (alone, padded)),
            strict=True,
        )
        pairs = [tuple(map(keras.ops.convert_to_numpy, pair)) for pair in pairs]
    except Exception as error:  # of any type: a user's code, and every backend's
        raise ValueError(
            f"Metric {metric.name!r} does not take targets (B, K) of {classes} classes, one-hot or "
            f"of 0 and 1, and outputs (B, K): {first_line(error)}"
        ) from error
    if not all(np.allclose(*pair, rtol=1e-3, atol=1e-4, equal_nan=True) for pair in pairs):
        raise ValueError(
            f"Metric {metric.name!r} does not average by `sample_weight`, as it must: the last "
            "batch of validation is padded with images of weight 0, and counts would be wrong. Use "
            "the argument in `update_state`, or judge the trained model by `evaluate`."
        )


def _anew(metric):
    """The same metric without the values that it holds, on the devices of the run."""
    kind, config = type(metric), metric.get_config()
    arguments = inspect.signature(kind.__init__).parameters.values()
    missing = [
        one.name
        for one in list(arguments)[1:]
        if one.name not in config and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    if missing and not kind.__module__.startswith("keras."):
        raise ValueError(
            f"Metric {metric.name!r} cannot be made anew: `get_config` of class {kind.__name__} "
            f"lacks its argument {missing[0]!r}. Return it there."
        )
    try:
        return kind.from_config(config)
    except TypeError as error:
        raise ValueError(
            f"Metric {metric.name!r} cannot be made anew: {first_line(error)}. Class "
            f"{kind.__name__} must take all that its `get_config` returns, `name` and `dtype` too."
        ) from error


def create_variables(model):
    """Gives optimizer and metrics the variables that Keras would create in the first step."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    guess = keras.ops.zeros((1, model.output.shape[-1]))
    model.compute_metrics(None, guess, guess)
    model.reset_metrics()


def freeze_stages(model, stages):
    """Freezes whole stages: their weights and moving statistics do not change.

    Args:
        model: A model of this package, before it is compiled.
        stages: Names that their layers begin with, as `("stem", "stage2")`.

    Raises:
        ValueError: If the model has no such stage.

    Example:
        >>> freeze_stages(keras_senet.SEResNet20(), ("stem", "stage2"))
    """
    for stage in stages:
        layers = [layer for layer in model.layers if layer.name.split("_")[0] == stage]
        if not layers:
            names = dict.fromkeys(layer.name.split("_")[0] for layer in model.layers[2:])
            raise ValueError(
                f"{model.name} has no stage {stage!r} to freeze. Expected one of: "
                f"{', '.join(names)}"
            )
        for layer in layers:
            layer.trainable = False


def _build(architecture, dataset, recipe, weights, policy):
    for field in ("dropout", "stochastic_depth"):
        if getattr(recipe, field) is not None:
            architecture = architecture.replace(**{field: getattr(recipe, field)})
    se = architecture.se
    starts_new = recipe.gate_start is not None and weights is None  # trained gates stay
    if starts_new and isinstance(se, SEConfig) and se.use_bias and se.start is None:
        architecture = architecture.replace(se=dataclasses.replace(se, start=recipe.gate_start))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        size = dataset.image_size
        model = architecture(
            weights=weights,
            input_shape=(size, size, 3),
            classes=len(dataset.class_names),
            classifier_activation=recipe.activation,
        )
    finally:
        keras.config.set_dtype_policy(before)
    if weights is not None and (sentence := mismatch(model, dataset)):
        logger.warning(
            "%s The classifier begins with the weights of the model's classes.", sentence
        )
    name_classes(model, dataset.class_names, multi_label=dataset.multi_label)
    return model
