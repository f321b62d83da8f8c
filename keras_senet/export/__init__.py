"""Artefacts to deploy, each checked against the Keras model it came from."""

from keras_senet.export._quantization_aware import quantization_aware
from keras_senet.export.measure.benchmark import Timing, benchmark
from keras_senet.export.measure.latency_plot import plot_latencies
from keras_senet.export.measure.profile import OperatorTime, profile
from keras_senet.export.measure.sensitivity import BlockSensitivity, sensitivity
from keras_senet.export.onnx import to_onnx
from keras_senet.export.report import OutputReport, Report
from keras_senet.export.saved_model import to_saved_model
from keras_senet.export.sources import load_calibration, load_verification
from keras_senet.export.tflite_file import QUANTIZATIONS, to_tflite
from keras_senet.export.verification import verify
from keras_senet.export.web.folder import to_web
from keras_senet.surgery.fold import fold

__all__ = [
    "QUANTIZATIONS",
    "BlockSensitivity",
    "OperatorTime",
    "OutputReport",
    "Report",
    "Timing",
    "benchmark",
    "fold",
    "load_calibration",
    "load_verification",
    "plot_latencies",
    "profile",
    "quantization_aware",
    "sensitivity",
    "to_onnx",
    "to_saved_model",
    "to_tflite",
    "to_web",
    "verify",
]
