"""The compiled model of a run."""

import dataclasses
import logging

import keras

from keras_senet.architectures import SEConfig
from keras_senet.data.classes import mismatch
from keras_senet.training.batch_norm import freeze_batch_norm, zero_gamma
from keras_senet.training.judged import metric_names, metrics_of
from keras_senet.training.losses import loss
from keras_senet.training.numerics import POLICIES
from keras_senet.training.optimizers import optimizer
from keras_senet.weights.named_classes import name_classes

logger = logging.getLogger("keras_senet")


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
    """Raises a ValueError if two Keras metrics have one name."""
    names = own = ["loss", *metric_names(dataset)]
    for metric in metrics:
        if metric.name in names:
            raise ValueError(
                f"Argument `metrics` must hold names other than each other's and {own}. "
                f"Received: {metric.name!r}. Pass `name` to the metric."
            )
        names = [*names, metric.name]


def _anew(metric):
    """The same metric without the values that it holds, on the devices of the run."""
    return type(metric).from_config(metric.get_config())


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
