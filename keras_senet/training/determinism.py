"""The same numbers on every run."""

import os

import keras


def make_deterministic():
    """Lets the backend use algorithms that give the same bits every time, at a cost in speed.

    To be called before anything is computed. On TensorFlow it also switches off XLA's automatic
    use; on JAX it asks XLA for deterministic kernels on GPUs, those on CPUs are.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "jax":
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
