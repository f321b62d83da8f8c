"""How a TensorFlow Lite file is made: converted, quantized, described."""
