"""Memory that is not needed any more, back to the system."""

import contextlib
import ctypes
import gc

LARGE = 10_000_000  # weights: looking for lost objects takes as long as a small network's export


def release(count):
    """Lets go of what Python and its allocator keep for later.

    Layers refer to each other in circles, and Python looks for those it has lost too rarely for
    the size of their weights. What it frees the allocator of Linux keeps: a third of the most
    memory that an export takes.

    Args:
        count: Number of weights of the model that was worked on; after small ones nothing is done.
    """
    if count < LARGE:
        return
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another system's library
        ctypes.CDLL(None).malloc_trim(0)
