"""What is not trained: whole stages, or batch normalization."""

from keras import ops

from keras_senet.training.batch_norm import normalizations


def freeze_stages(model, stages):
    """Keeps the weights of some stages, statistics of normalization included.

    Args:
        model: A model of this package that is not compiled.
        stages: Names that their layers begin with, as `("stem", "stage2")`.

    Raises:
        ValueError: If the model has no such stage.

    Example:
        >>> freeze_stages(keras_senet.SEResNet50(), ("stem", "stage2", "stage3"))
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


def freeze_batch_norm(model):
    """Freezes all batch normalization from here on.

    Moving statistics normalize and stay as they are, and so do gamma and beta. A model that is
    compiled is compiled anew, with the optimizer's state of all other weights: call it between two
    calls of `model.fit`, the second with `initial_epoch`. (Keras does not notice the change in the
    middle of one, and on JAX its optimizer cannot leave out weights that it was built for.)

    Args:
        model: The model.

    Example:
        >>> model.fit(data, epochs=95)
        >>> freeze_batch_norm(model)
        >>> model.fit(data, initial_epoch=95, epochs=100)
    """
    for layer in normalizations(model):
        layer.trainable = False
    if not model.compiled:
        return
    before = model.optimizer
    model.compile_from_config(model.get_compile_config())
    if not before.built:
        return
    state = {variable.path: ops.convert_to_numpy(variable) for variable in before.variables}
    for variable in model.optimizer.variables:
        variable.assign(state[variable.path])
