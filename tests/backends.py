"""Tests that one backend runs."""

import keras
import pytest

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow's own, or the same on every backend"
)
