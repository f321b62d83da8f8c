"""The network's tensors among what training saves: optimizers, averages, epochs, settings."""

import logging

logger = logging.getLogger("keras_senet")

# Names of a dict of tensors in a checkpoint. An exponential average of the weights comes before
# the weights, as in timm, whose validation and released weights are of the average.
AVERAGES = ("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "params_ema", "ema")
NETWORKS = (
    "state_dict",
    "model",
    "model_state_dict",
    "model_state",
    "net",
    "network",
    "module",
    "params",
    "weights",
)
OTHERS = ("optim", "sched", "lr_", "scaler", "amp", "rng")  # beginnings of names


def find_state_dict(content, is_tensor, path):
    """The state_dict of the network in what `torch.load` returned.

    Args:
        content: Dict of tensors, or a dict that has one in it.
        is_tensor: Function from a value to whether it is a tensor.
        path: Path of the file, for messages.

    Returns:
        A dict from names to tensors.

    Raises:
        ValueError: If there is no state_dict, or it cannot be known which of several is the
            network's.
    """
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} holds a {type(content).__name__}. Expected a dict of tensors (a state_dict)."
        )
    found = dict(_nested(content, is_tensor))
    name = _chosen(found, any(map(is_tensor, content.values())), path)
    _warn_of_average(content, found, path)
    state = content if name is None else found[name]
    others = [key for key, value in state.items() if not _is_entry(key, value, is_tensor)]
    if len(others) == len(state):
        first = next(iter(others), None)
        kind = type(state.get(first)).__name__
        raise ValueError(
            f"{path} holds {first!r}, a {kind}. Expected tensors only. If these are arrays, turn "
            "each into a tensor with torch.as_tensor and save them again."
        )
    if others:
        logger.warning("%s: what is no tensor is passed over: %s.", path, _listed(others))
    return {key: value for key, value in state.items() if key not in others}


def _is_entry(key, value, is_tensor):
    return isinstance(key, str) and is_tensor(value)


def _nested(content, is_tensor, prefix=""):
    """Pairs of a dotted name and a dict with tensors in it."""
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, dict):
            continue
        if any(map(is_tensor, value.values())):
            if prefix or not key.lower().startswith(OTHERS):
                yield f"{prefix}{key}", value
        elif key in (*AVERAGES, *NETWORKS) and not prefix.count(".") > 1:
            yield from _nested(value, is_tensor, f"{prefix}{key}.")


def _chosen(found, has_tensors, path):
    """The name of the network's state_dict, `None` if the whole content is one."""
    for known in (AVERAGES, NETWORKS):
        names = [name for name in found if name.split(".")[0] in known]
        if len(names) > 1:
            _refuse(names, path)
        if names:
            if known is AVERAGES:
                logger.warning(
                    "%s: the averaged weights %r are read, as timm does.", path, names[0]
                )
            return names[0]
    if has_tensors and not found:
        return None
    if has_tensors or len(found) > 1:
        _refuse([*found, *(["the top level"] if has_tensors else [])], path)
    return next(iter(found), None)


def _warn_of_average(content, found, path):
    """Warns of an average that is no state_dict, such as the list of torch_ema."""
    read = {name.split(".")[0] for name in found}
    unread = [key for key in AVERAGES if content.get(key) is not None and key not in read]
    if unread:
        logger.warning(
            "%s has averaged weights %r in a form that is not read: the weights without average "
            "are taken.",
            path,
            unread[0],
        )


def _refuse(names, path):
    raise ValueError(
        f"{path} holds tensors in several places: {_listed(names)}. Which are the network's is "
        "not in the file. Save the state_dict of the network alone."
    )


def _listed(names, most=5):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
