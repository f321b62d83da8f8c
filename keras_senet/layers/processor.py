"""The processor that TensorFlow runs on, and whether it convolves fast in bfloat16."""

import functools
import pathlib
import platform


def is_cpu():
    """Whether TensorFlow has no accelerator."""
    import tensorflow as tf

    return {device.device_type for device in tf.config.list_logical_devices()} == {"CPU"}


@functools.cache
def convolves_bfloat16_slowly():
    """Whether this is a CPU that convolves in float32 faster than in bfloat16.

    True of all x86 processors except those with AMX, and AMD's with AVX-512 BF16. Measured with
    oneDNN on ResNet-50's convolutions: an Intel Xeon without AMX takes 1.8 times longer in
    bfloat16, one that also lacks AVX-512 BF16 takes 4 times longer; an AMD EPYC is faster in
    bfloat16. The processor's features decide and not a timing, so that equal machines give equal
    results.
    """
    if platform.machine() != "x86_64" or not is_cpu():
        return False
    try:
        return not _is_made_for_bfloat16(pathlib.Path("/proc/cpuinfo").read_text())
    except OSError:
        return False


def _is_made_for_bfloat16(cpuinfo):
    words = set(cpuinfo.split())
    return "amx_bf16" in words or {"AuthenticAMD", "avx512_bf16"} <= words
