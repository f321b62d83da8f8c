"""What `import keras_senet` loads, and how fast, judged in fresh processes."""

import os
import subprocess
import sys

import pytest

import keras_senet


def run(code, backend):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_tensorflow_stays_out_under_jax():
    pytest.importorskip("jax")
    code = (
        "import sys, keras_senet\n"
        "model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()\n"
        "print(sorted({'tensorflow', 'torch'} & set(sys.modules)))"
    )
    assert run(code, "jax") == "[]"


def test_subpackages_load_on_first_use():
    code = (
        "import sys, keras_senet\n"
        "lazy = ['keras_senet.' + n for n in ('analysis', 'data', 'training', 'export')]\n"
        "before = [name for name in lazy if name in sys.modules]\n"
        "keras_senet.data, keras_senet.training, keras_senet.export, keras_senet.analysis\n"
        "print(before, all(name in sys.modules for name in lazy))"
    )
    assert run(code, "tensorflow") == "[] True"


def test_every_public_name_exists():
    for name in keras_senet.__all__:
        assert getattr(keras_senet, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        keras_senet.nonsense  # noqa: B018
