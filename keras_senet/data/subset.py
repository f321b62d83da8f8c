"""Some of many images that stand for all, whatever their order."""

import numpy as np


def evenly_spaced(count: int, limit: int | None) -> np.ndarray:
    """Positions in `range(count)`, at most `limit` of them, from the first to the last.

    The first ones would be those of one class wherever images are in the order of their classes.

    Args:
        count: How many there are.
        limit: How many to take at most, `None` for all.

    Returns:
        `(N,)` int64, ascending.

    Example:
        >>> evenly_spaced(10, 4)
        array([0, 3, 6, 9])
    """
    taken = count if limit is None else min(limit, count)
    return np.linspace(0, count - 1, taken).astype(int)
