"""Broken and hostile files end in a clear error: no code runs, memory stays small."""

import json
import os
import pickle
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from weights import caffe_files
from weights.reference_files import tensors

safetensors = pytest.importorskip("safetensors.numpy")
h5py = pytest.importorskip("h5py")
torch = pytest.importorskip("torch")

BYTES_ALLOWED = 1_000_000_000
HUGE = 1 << 40


class Payload:
    """Unpickled, it would write a file: the sign that code ran."""

    def __init__(self, sign):
        self.sign = sign

    def __reduce__(self):
        return (os.system, (f"touch {self.sign}",))


class Bytes:
    """Unpickled, it would fill memory."""

    def __reduce__(self):
        return (bytearray, (20_000_000_000,))


class Names:
    """Pickles as a global that is on no list."""

    def __reduce__(self):
        return (getattr, ("text", "upper"))


def write_hdf5(folder):
    with h5py.File(folder / "secret.h5", "w") as file:
        file["conv1_conv/kernel:0"] = np.ones((7, 7, 3, 64), "float32")
    links = {
        "external_link": h5py.ExternalLink("secret.h5", "/conv1_conv/kernel:0"),
        "soft_link": h5py.SoftLink("/conv1_conv"),
    }
    for name, link in links.items():
        for suffix in (".h5", ".weights.h5"):
            with h5py.File(folder / f"{name}{suffix}", "w") as file:
                file["conv1_conv/kernel:0"] = np.ones(3, "float32")
                file["other"] = link
    with h5py.File(folder / "circle.h5", "w") as file:
        file.create_group("a")["b"] = file["/"]
    with h5py.File(folder / "external_data.h5", "w") as file:
        file.create_dataset("a", (4,), "float32", external=[(str(folder / "secret.h5"), 0, 16)])
    with h5py.File(folder / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout((7, 7, 3, 64), "float32")
        layout[:] = h5py.VirtualSource("secret.h5", "conv1_conv/kernel:0", (7, 7, 3, 64))
        file.create_virtual_dataset("a", layout)
    with h5py.File(folder / "unwritten.h5", "w") as file:
        file.create_dataset("a", (HUGE,), "float32", chunks=(1024,))
    with h5py.File(folder / "zip_bomb.h5", "w") as file:
        file.create_dataset("a", data=np.zeros(10_000_000, "float32"), compression="gzip")
    with h5py.File(folder / "text.h5", "w") as file:
        file["a"] = "text"
    with h5py.File(folder / "nan.weights.h5", "w") as file:
        file["layers/conv2d/vars/0"] = np.full(3, np.nan, "float32")
    (folder / "secret.h5").rename(folder / "secret.kept")


def write_torch(folder, sign):
    weight = torch.ones(4, 3)
    torch.save({"conv1.weight": Payload(sign)}, folder / "payload.pth")
    (folder / "payload_plain.pth").write_bytes(pickle.dumps(Payload(sign)))
    torch.save(
        {"conv1.weight": Payload(sign)},
        folder / "payload_legacy.pth",
        _use_new_zipfile_serialization=False,
    )
    torch.save({"conv1.weight": Bytes()}, folder / "bytearray.pth")
    torch.save({"conv1.weight": Names()}, folder / "getattr.pth")
    torch.save({"a": weight[:1, :1].expand(HUGE >> 8, 4)}, folder / "stride_0.pth")
    torch.save({"a": "text"}, folder / "text.pth")
    torch.save([weight], folder / "list.pth")
    torch.save({"layer1.0.conv1.weight": weight}, folder / "missing.pth")
    with (
        zipfile.ZipFile(folder / "text.pth") as source,
        zipfile.ZipFile(folder / "zip_bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in source.namelist():
            bomb.writestr(name, source.read(name))
        bomb.writestr("text/data/0", bytes(200_000_000))


def write_safetensors(folder):
    ones = {"layer1.0.conv1.weight": np.ones((4, 3), "int32")}
    safetensors.save_file(ones, folder / "integers.safetensors")
    safetensors.save_file({"layer1.0.x": np.ones(3)}, folder / "unknown.safetensors")
    for name, fields in {
        "huge_shape": {"dtype": "F32", "shape": [HUGE], "data_offsets": [0, 4 * HUGE]},
        "overlap": {"dtype": "F32", "shape": [2], "data_offsets": [4, 2]},
        "strange_dtype": {"dtype": "PY", "shape": [1], "data_offsets": [0, 4]},
    }.items():
        header = json.dumps({"layer1.0.conv1.weight": fields}).encode()
        content = len(header).to_bytes(8, "little") + header + bytes(4)
        (folder / f"{name}.safetensors").write_bytes(content)
    (folder / "header.safetensors").write_bytes((1 << 62).to_bytes(8, "little"))


def write_caffe(folder):
    kernel = np.ones((4, 3, 3, 3))
    good = caffe_files.message("conv2_1_1x1_reduce", "Convolution", [kernel])
    (folder / "twice.caffemodel").write_bytes(good + good)
    (folder / "layer_kind.caffemodel").write_bytes(caffe_files.message("x", "Python", [kernel]))
    # Two dimensions of the shape, made larger.
    (folder / "huge_shape.caffemodel").write_bytes(
        good.replace(b"\x08\x04\x08\x03", b"\x08\x7f\x08\x7f")
    )
    (folder / "huge_field.caffemodel").write_bytes(b"\xa2\x06\xff\xff\xff\xff\x7f" + good)
    (folder / "varint.caffemodel").write_bytes(b"\xff" * 30)
    (folder / "empty.caffemodel").write_bytes(b"")
    (folder / "many.caffemodel").write_bytes(b"\xa2\x06\x00" * 1_000_000)
    (folder / "missing.caffemodel").write_bytes(good)


def write_nan(folder):
    """Whole networks with which nothing is wrong but one value that is not finite."""
    state = {name: torch.from_numpy(value) for name, value in tensors("small_seresnet").items()}
    state["layer4.0.conv2.weight"][3, 2, 1, 0] = float("nan")
    torch.save(state, folder / "nan.pth")
    rng = np.random.default_rng(0)
    with (folder / "nan.caffemodel").open("wb") as file:
        for name, kind, blob_shapes in caffe_files.layers("SE-ResNet-50"):
            if not re.match(r"conv1/|conv\d_1_|classifier", name):
                continue  # one block a stage
            blobs = caffe_files.random_blobs(kind, blob_shapes, rng, last=False)
            if name == "conv5_1_3x3":
                blobs[0][3, 2, 1, 0] = np.nan
            file.write(caffe_files.message(name, kind, blobs))


def truncate(folder):
    """Good files of each kind, cut at every tenth."""
    whole = {
        "safetensors": folder / "integers.safetensors",
        "pth": folder / "missing.pth",
        "caffemodel": folder / "missing.caffemodel",
        "h5": folder / "text.h5",
    }
    for suffix, path in whole.items():
        content = path.read_bytes()
        for tenth in range(1, 10):
            cut = folder / f"cut{tenth}.{suffix}"
            cut.write_bytes(content[: len(content) * tenth // 10])


CHECK = """
import json, pathlib, resource, sys
import torch, h5py, safetensors.numpy  # counted apart: readers, not files
import keras_senet
from keras_senet.weights import labels
from keras_senet.weights.readers.caffe import _messages
_messages()
network = keras_senet.SEResNet50.replace(depths=(1, 1, 1, 1))
network(classes=5)
answers = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if path.suffix == ".kept":
        continue
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        network(weights=path, input_shape=(32, 32, 3))
        answer = "loaded"
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    answers[path.name] = answer, grown * 1024
print(json.dumps(answers))
"""


@pytest.mark.slow
def test_hostile_files(tmp_path):
    folder, sign = tmp_path / "files", tmp_path / "code_ran"
    folder.mkdir()
    write_hdf5(folder)
    write_torch(folder, sign)
    write_safetensors(folder)
    write_caffe(folder)
    write_nan(folder)
    truncate(folder)
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    for name, (answer, grown) in answers.items():
        print(f"{name:28} {grown / 1e6:7.1f} MB  {answer[:150]}")
        assert answer.startswith("ValueError: "), name
        # The error says which file, or which tensor of it.
        assert name in answer or "No weights" in answer or "tensor" in answer.lower(), name
        assert grown < BYTES_ALLOWED, name
    for name in ("nan.pth", "nan.caffemodel", "nan.weights.h5"):
        assert "not finite" in answers[name][0], name
    assert "for the shape (127, 127, 3, 3)" in answers["huge_shape.caffemodel"][0]
    assert len(answers) >= 30
    assert not sign.exists()
