"""Every example of a docstring is run, each in an empty folder."""

import doctest
import importlib
import importlib.util
import pathlib
import pkgutil

import keras
import numpy as np
import pytest

import keras_senet

if keras.backend.backend() != "tensorflow":
    pytest.skip("examples show what TensorFlow prints", allow_module_level=True)

# What every example may use beside the names of its own module.
COMMON = {"keras": keras, "np": np, "keras_senet": keras_senet}
# More than 2.5 s: they train, or convert and quantize.
SLOW = {
    "GateLogger",
    "benchmark",
    "diagnose",
    "evaluate",
    "excitations",
    "profile",
    "quantization_aware",
    "search",
    "sensitivity",
    "to_onnx",
    "to_saved_model",
    "to_tflite",
    "train",
    "usefulness",
    "verify",
}
PACKAGES = {"to_onnx": ("tf2onnx", "onnxruntime")}
ROOT = pathlib.Path(keras_senet.__file__).parent
HAS_HUB = importlib.util.find_spec("keras_hub") is not None
MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages([str(ROOT)], "keras_senet.")
    if found.name != "keras_senet.hub" or HAS_HUB
]
EXAMPLES = [
    test
    for module in (keras_senet, *MODULES)
    for test in doctest.DocTestFinder().find(module, extraglobs=COMMON)
    if test.examples
]


def params():
    for example in EXAMPLES:
        slow = pytest.mark.slow if example.name.split(".")[-1] in SLOW else ()
        yield pytest.param(example, id=example.name, marks=slow)


@pytest.mark.parametrize("example", params())
def test_example(example, tmp_path, monkeypatch):
    for package in PACKAGES.get(example.name.split(".")[-1], ()):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    assert not runner.run(example, out=report.append).failed, "".join(report)


def test_none_is_left_out():
    """As many are found as the files hold."""
    found = {path: 0 for path in ROOT.rglob("*.py") if path.stem != "hub" or HAS_HUB}
    for test in EXAMPLES:
        found[pathlib.Path(test.filename)] += len(test.examples)
    assert found == {path: path.read_text().count(">>> ") for path in found}
