"""Names of tensors as people have them: behind the prefix of a wrapper, with counters between."""

import logging
import re

logger = logging.getLogger("keras_senet")

COUNTERS = re.compile(r"(.*\.)?num_batches_tracked")  # of PyTorch's batch normalization
# Of tools that count operations (thop) and average weights (torch.optim.swa_utils).
TALLIES = re.compile(r"(.*\.)?(total_ops|total_params|n_averaged)")


def plain_names(tensors, layouts, path):
    """The tensors under the names of their layout.

    A wrapper's prefix that all names begin with is taken off: `module.` (DataParallel),
    `_orig_mod.` (torch.compile), `model.` (Lightning), `backbone.`, or any other. It is found by
    the name that marks a layout, so that a layout whose names have a common beginning keeps it.

    Args:
        tensors: Dict from names to arrays.
        layouts: The layouts to look for.
        path: Of the file, for messages.

    Returns:
        A dict from names to arrays, without counters that are no weights.

    Raises:
        ValueError: If the file has a layout behind several prefixes, or other tensors beside it.
    """
    tallies = [name for name in tensors if TALLIES.fullmatch(name)]
    if tallies:
        logger.warning(
            "%s: %d counters such as %r are no weights and passed over.",
            path,
            len(tallies),
            tallies[0],
        )
    weights = {
        name: value
        for name, value in tensors.items()
        if not COUNTERS.fullmatch(name) and name not in tallies
    }
    prefixes = _prefixes(weights, layouts)
    if len(prefixes) > 1:
        raise ValueError(
            f"{path} has several networks: their tensors begin with "
            f"{' and '.join(map(repr, prefixes))}. Expected one. Save the one that is wanted alone."
        )
    prefix = next(iter(prefixes), "")
    others = [name for name in weights if not name.startswith(prefix)]
    if others:
        raise ValueError(
            f"Tensors of {path} begin with {prefix!r}, but {len(others)} of {len(weights)} do "
            f"not, such as {others[0]!r}. Expected one common prefix. Save the network alone, or "
            "rename them."
        )
    return {name.removeprefix(prefix): value for name, value in weights.items()}


def _prefixes(names, layouts):
    """What is before the marks of layouts, sorted."""
    marks = [re.compile(rf"(.*\.)?{layout.mark.removeprefix('^')}") for layout in layouts]
    matches = (mark.match(name) for mark in marks for name in names)
    return sorted({match[1] or "" for match in matches if match})
