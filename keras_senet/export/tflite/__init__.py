"""How a TensorFlow Lite file comes about: converted, quantized, described."""
