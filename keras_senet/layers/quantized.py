"""Convolutions and matrix products that compute with kernels rounded to int8, for training."""

import keras
from keras import ops

from keras_senet.layers.conv2d import Conv2D
from keras_senet.layers.fake_quantize import quantized_kernel


@keras.saving.register_keras_serializable(package="keras_senet")
class QuantizedConv2D(Conv2D):
    """`Conv2D` whose kernel is rounded as int8 would hold it, a scale for each filter.

    The kernel itself is in float32, and its gradient passes through the rounding.
    """

    def convolution_op(
        self, inputs: keras.KerasTensor, kernel: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Convolves `(N, H, W, C)` with the rounded `(kh, kw, C / groups, filters)`."""
        return super().convolution_op(inputs, quantized_kernel(kernel))


@keras.saving.register_keras_serializable(package="keras_senet")
class QuantizedDepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """`keras.layers.DepthwiseConv2D` whose kernel is rounded to int8, a scale for each output."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, H, W, C)` to `(N, H', W', C * depth_multiplier)`."""
        *window, channels, multiplier = self.kernel.shape
        kernel = ops.reshape(self.kernel, (*window, channels * multiplier))
        outputs = ops.depthwise_conv(
            inputs,
            ops.reshape(quantized_kernel(kernel), (*window, channels, multiplier)),
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        return self.activation(outputs + self.bias if self.use_bias else outputs)


@keras.saving.register_keras_serializable(package="keras_senet")
class QuantizedDense(keras.layers.Dense):
    """`keras.layers.Dense` whose kernel is rounded as int8 would hold it, a scale for each unit."""

    def call(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """`(N, ..., C)` to `(N, ..., units)`."""
        outputs = ops.matmul(inputs, quantized_kernel(self.kernel))
        return self.activation(outputs + self.bias if self.use_bias else outputs)
