"""Numerics of a run: its precision, and the same bits on every run."""

import os

import keras

POLICIES = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}
PRECISIONS = ("auto", *POLICIES)
AMPERE = 8  # first compute capability with bfloat16 in its tensor cores


def resolve(precision):
    """Resolves `"auto"`: bfloat16 where all accelerators have it, float32 elsewhere.

    Args:
        precision: `"auto"`, `"float32"`, `"bfloat16"` or `"float16"`.

    Returns:
        `"float32"`, `"bfloat16"` or `"float16"`.

    Raises:
        ValueError: If it is none of these.

    Example:
        >>> resolve("float16")
        'float16'
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"Argument `precision` must be one of {PRECISIONS}. Received: {precision!r}"
        )
    if precision != "auto":
        return precision
    return "bfloat16" if _has_bfloat16() else "float32"


def _has_bfloat16():
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        devices = jax.local_devices()
        return all(
            device.platform == "tpu"
            or (device.platform == "gpu" and float(device.compute_capability) >= AMPERE)
            for device in devices
        )
    if backend == "tensorflow":
        import tensorflow as tf

        details = map(
            tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU")
        )
        capabilities = [detail.get("compute_capability", (0, 0))[0] for detail in details]
        return bool(capabilities) and min(capabilities) >= AMPERE
    return False


def make_deterministic() -> None:
    """Makes the backend compute the same bits on every run, at a cost in speed.

    Call it before anything is computed. On TensorFlow it also switches off the automatic use of
    XLA; on JAX it asks XLA for deterministic GPU kernels, CPU kernels being deterministic already.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "jax":
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
