"""The same random weights and pixels give the logits of timm 1.0.31 and pytorchcv 0.0.74.

`tests/golden/make_golden.py` made the golden numbers. Our side calls what a user calls: a
weights file in the layout of the reference implementation, raw pixels in.
"""

import keras
import numpy as np
import pytest
from golden.random_tensors import image
from weights.reference_files import CIFAR, LARGE, LARGE_RESIDUAL, SMALL, golden, weights_file

CASES = [
    *(pytest.param(name, network, 1e-5, id=name) for name, network in (SMALL | LARGE).items()),
    *(
        pytest.param(name, network, 1e-4, id=name)
        for name, network in (CIFAR | LARGE_RESIDUAL).items()
    ),
]

AT_FIRST = [
    "small_basic",
    "small_legacy_seresnext",
    "small_ecaresnet",
    "small_resnetrs",
    "mobilenet_wd4",
    "shufflenetv2_wd2_se",
    "seresnet20_cifar10",
]
if keras.backend.backend() == "tensorflow":  # JAX compiles each for ten seconds, the first a minute
    AT_FIRST += [
        "small_regnety",
        "small_efficientnetv2_rw",
        "tf_mobilenetv3_small_minimal_100",
    ]


@pytest.mark.at_first(*AT_FIRST)
@pytest.mark.parametrize(("name", "network", "bound"), CASES)
def test_logits(name, network, bound, tmp_path):
    """Error of the logits over their largest, by image size; one model for all sizes."""
    path = weights_file(name, tmp_path)
    model = network(weights=path, input_shape=(None, None, 3), classifier_activation=None)
    path.unlink()
    logits, errors = golden()[1], {}
    for key in logits:
        if key.startswith(f"{name}/"):
            size = int(key.removeprefix(f"{name}/"))
            output = keras.ops.convert_to_numpy(model(image(size)))[0]
            errors[size] = np.abs(output - logits[key]).max() / np.abs(logits[key]).max()
    print(name, errors)
    assert max(errors.values()) <= bound
