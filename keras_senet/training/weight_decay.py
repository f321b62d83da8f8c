"""Which weights decay."""

DECAYED = ("all", "kernels")


def decays(variables, decayed):
    """One truth value for each variable: whether weight decay applies to it.

    Args:
        variables: Variables of a model.
        decayed: `"all"`, as Caffe's and PyTorch's optimizers do unless told otherwise, or
            `"kernels"`: none on biases and on normalization.

    Returns:
        A tuple of booleans.

    Raises:
        ValueError: If `decayed` is neither.
    """
    if decayed not in DECAYED:
        raise ValueError(f"Argument `decayed` must be one of {DECAYED}. Received: {decayed!r}")
    # The variable's own name: a layer may be called anything.
    return tuple(
        decayed == "all" or variable.path.split("/")[-1] == "kernel" for variable in variables
    )
