"""Several replicas under tf.distribute train as one device does."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")
def test_two_replicas_train_like_one_device_and_share_their_statistics():
    script = pathlib.Path(__file__).parent / "two_replicas.py"
    output = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    seen = json.loads(output.stdout.splitlines()[-1])
    assert seen["replicas"]
    assert seen["between_replicas"] == 0
    np.testing.assert_allclose(*seen["losses"], rtol=1e-5)
    assert seen["one_to_two"] < 1e-5
