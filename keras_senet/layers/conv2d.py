"""Convolution that trains fast on a CPU, in groups and in bfloat16."""

import functools
import logging
import typing
from collections.abc import MutableMapping

import keras
from keras import ops

from keras_senet.layers import facts, processor
from keras_senet.layers.quick_build import QuickBuild

logger = logging.getLogger("keras_senet")


@keras.saving.register_keras_serializable(package="keras_senet")
class Conv2D(QuickBuild, keras.layers.Conv2D):
    """`keras.layers.Conv2D`, fast in groups on every backend and in bfloat16 on every CPU.

    Arguments, weights, file format and results are those of the Keras layer.

    Keras compiles every grouped convolution on TensorFlow with XLA, whose code for a CPU is slow:
    the gradient takes some hundred times longer than that of TensorFlow's own kernel. With groups
    this layer runs

    - on TensorFlow its own kernel, or group by group where that kernel has no gradient (without
      oneDNN) and in models that are compiled as a whole (`jit_compile=True`) for a CPU,
    - on JAX the native convolution, or group by group on a CPU,
    - on PyTorch what Keras runs.

    Many CPUs convolve slower in bfloat16 than in float32. There, on TensorFlow, this layer casts
    bfloat16 images to float32, convolves them with the float32 weights and rounds the result to
    bfloat16. TensorFlow's bfloat16 convolution also sums in float32, but rounds the weights first.

    Attributes:
        network: Description of the whole network, a JSON text, in the network's first convolution;
            `None` in all others. It is written into weights files, and a file whose description
            differs in what the network computes is refused.

    Example:
        >>> Conv2D(64, 3, groups=32)(keras.ops.ones((1, 8, 8, 64))).shape
        TensorShape([1, 6, 6, 64])
    """

    def __init__(self, *args: typing.Any, network: str | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.network = network

    # Whether grouped convolutions are TensorFlow's own operation in any case: for a converter,
    # which reads the graph and neither runs nor differentiates it.
    only_written = False

    def add_weight(self, *args: typing.Any, name: str | None = None, **kwargs) -> keras.Variable:
        """As of every Keras layer; the kernel is cast where it is used, if at all."""
        autocast = {"autocast": False} if name == "kernel" else {}
        return super().add_weight(*args, name=name, **kwargs, **autocast)

    def get_config(self) -> dict:
        """All constructor arguments, for serialization; `network` only where it is not `None`."""
        own = {} if self.network is None else {"network": self.network}
        return {**super().get_config(), **own}

    def save_own_variables(self, store: MutableMapping) -> None:
        """Writes the weights, and the description of the network."""
        super().save_own_variables(store)
        if self.network is not None:
            facts.write(store, facts.parse(self.network))

    def load_own_variables(self, store: MutableMapping) -> None:
        """Reads the weights.

        Raises:
            ValueError: If the file says that its network computes something else.
        """
        if self.network is not None:
            own = facts.parse(self.network)["computation"]
            if facts.check(store, own, "a network") is None and "0" in store:
                logger.warning("%s, and is assumed to be of %s.", facts.UNSAID, facts.told(own))
        super().load_own_variables(store)

    def convolution_op(
        self, inputs: keras.KerasTensor, kernel: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Convolves `(N, H, W, C)` with `(kh, kw, C / groups, filters)`."""
        if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(inputs.dtype)):
            inputs = ops.cast(inputs, self.compute_dtype)  # a kernel of integers would be 0
        if (
            keras.backend.backend() == "tensorflow"
            and inputs.dtype == "bfloat16"
            and processor.convolves_bfloat16_slowly()
        ):
            return ops.cast(self._convolve(ops.cast(inputs, "float32"), kernel), "bfloat16")
        return self._convolve(inputs, kernel)

    def _convolve(self, inputs, kernel):
        kernel = ops.cast(kernel, inputs.dtype)
        backend = keras.backend.backend()
        if self.groups == 1 or self.data_format != "channels_last":
            return super().convolution_op(inputs, kernel)
        if backend == "tensorflow" and (
            self.only_written or _tensorflow_kernel_is_best(kernel.dtype)
        ):
            return self._tensorflow_kernel(inputs, kernel)
        if backend == "tensorflow" or (backend == "jax" and _jax_runs_on_cpu()):
            return self._group_by_group(inputs, kernel)
        return super().convolution_op(inputs, kernel)

    def _tensorflow_kernel(self, inputs, kernel):
        import tensorflow as tf

        return tf.nn.conv2d(
            inputs,
            kernel,
            strides=self.strides,
            padding=self.padding.upper(),
            dilations=self.dilation_rate,
        )

    def _group_by_group(self, inputs, kernel):
        pairs = zip(
            ops.split(inputs, self.groups, -1), ops.split(kernel, self.groups, -1), strict=True
        )
        return ops.concatenate([super(Conv2D, self).convolution_op(x, k) for x, k in pairs], -1)


def _tensorflow_kernel_is_best(dtype):
    import tensorflow as tf
    from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

    compiled = GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())
    return not (compiled and processor.is_cpu()) and _tensorflow_gradient_works(dtype)


@functools.cache
def _tensorflow_gradient_works(dtype):
    """Whether TensorFlow's own kernel differentiates a grouped convolution of a `tf.DType`.

    It does with oneDNN (the default on x86 Linux) in some of them and on GPUs, it raises
    elsewhere. Tried once in a tiny eager step, outside of whatever graph is being traced.
    """
    import tensorflow as tf

    with tf.init_scope():
        try:
            tf.raw_ops.Conv2DBackpropFilter(
                input=tf.ones((1, 3, 3, 4), dtype),
                filter_sizes=(3, 3, 2, 4),
                out_backprop=tf.ones((1, 3, 3, 4), dtype),
                strides=(1, 1, 1, 1),
                padding="SAME",
            )
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            return False
    return True


@functools.cache
def _jax_runs_on_cpu():
    import jax

    return jax.default_backend() == "cpu"
