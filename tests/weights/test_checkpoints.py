"""PyTorch checkpoints as people have them: wrapped, averaged, with optimizers and settings.

Torch writes the files. What is read must equal what was put in, or be refused with the reason.
"""

import argparse
import collections
import datetime
import logging
import os
import pathlib

import numpy as np
import pytest

from keras_senet import SEResNet50
from keras_senet.weights.layouts.table import plain_names
from keras_senet.weights.load import open_weights
from keras_senet.weights.readers.tensors import read_tensors

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

MOST = 600  # characters of an error


def network(seed=0):
    """Tensors of a few layers, named as timm does."""
    rng = np.random.default_rng(seed)
    shapes = {"conv1.weight": (4, 3, 7, 7), "layer1.0.conv1.weight": (4, 4, 1, 1)}
    shapes |= {"layer1.0.bn1.running_var": (4,), "fc.weight": (5, 4), "fc.bias": (5,)}
    return {k: torch.from_numpy(rng.normal(size=s).astype("float32")) for k, s in shapes.items()}


def prefixed(prefix, state):
    return {prefix + name: value for name, value in state.items()}


def read(path):
    return plain_names(read_tensors(path), path)


def assert_read(path, state):
    found = read(path)
    assert found.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value.numpy())


def trained():
    """A network of PyTorch after a step, with its optimizer and scheduler."""
    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return module, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 3)


STATE, EMA = network(0), network(1)
_, OPTIMIZER, SCHEDULER = trained()
SETTINGS = {
    "epoch": 3,
    "arch": "seresnet50",
    "metric": np.float64(81.2),
    "steps": np.int64(7),
    "history": np.arange(3.0),
    "args": argparse.Namespace(lr=0.1, opt="sgd", betas=(0.9, 0.99), output=pathlib.Path("x")),
    "best": None,
    "losses": [1.0, 2.5],
    "rng": torch.get_rng_state(),
    "numpy_rng": np.random.get_state(),
    "date": datetime.datetime(2026, 1, 1),
    "counts": collections.defaultdict(list, {"a": [1]}),
    "names": {"cat", "dog"},
    "precision": torch.float16,
    "device": torch.device("cpu"),
    "optimizer": OPTIMIZER.state_dict(),
    "scaler": {"scale": 65536.0, "_growth_tracker": 0},
}
CONTAINERS = {
    "plain": STATE,
    "ordered": collections.OrderedDict(STATE),
    "model": {"model": STATE, **SETTINGS},
    "timm": {"state_dict": network(2), "state_dict_ema": STATE, **SETTINGS},
    "timm, older": {"state_dict": network(2), "model_ema": prefixed("module.", STATE)},
    "no average": {"state_dict": STATE, "state_dict_ema": None, "version": 2},
    "model_state_dict": {"model_state_dict": STATE, "optimizer_state_dict": OPTIMIZER.state_dict()},
    "net": {"net": STATE, "acc": 93.0, "epoch": 199},
    "net in parallel": {"net": prefixed("module.", STATE)},
    "deepspeed": {"module": STATE, "global_steps": 7},
    "an average in a wrapper": {"ema": {"module": STATE, "updates": 8}, "model": network(2)},
    "Lightning": {
        "state_dict": prefixed("model.", STATE),
        "hyper_parameters": {"lr": 0.1, "optimizer": argparse.Namespace(a=1)},
        "pytorch-lightning_version": "2.5",
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [OPTIMIZER.state_dict()],
        "loops": {"fit_loop": {"state_dict": {}}},
    },
    "an unknown name": {"student": STATE, "epoch": 2},
    "an optimizer as an object": {"state_dict": STATE, "opt": OPTIMIZER, "scheduler": SCHEDULER},
    "compiled in parallel": prefixed("_orig_mod.module.", STATE),
    "averaged by torch": {"n_averaged": torch.tensor(3), **prefixed("module.", STATE)},
    "counted": {**STATE, "total_ops": torch.zeros(1), "conv1.total_params": torch.zeros(1)},
    "batches counted": {**STATE, "bn1.num_batches_tracked": torch.tensor(3)},
    "settings between": {**STATE, "epoch": 3, "note": "text"},
    "parameters": {name: torch.nn.Parameter(value) for name, value in STATE.items()},
}


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("content", CONTAINERS)
def test_containers(content, legacy, tmp_path):
    path = tmp_path / "checkpoint.pth.tar"
    torch.save(CONTAINERS[content], path, _use_new_zipfile_serialization=not legacy)
    assert_read(path, STATE)


@pytest.mark.parametrize(
    "name",
    ["x.pth", "x.pt", "x.bin", "x.ckpt", "x.tar", "epoch=3.ckpt", "X.PTH", "X.PTH.TAR", "a.b.Pt"],
)
def test_suffixes(name, tmp_path):
    torch.save({"state_dict": STATE}, tmp_path / name)
    assert_read(tmp_path / name, STATE)


def test_suffixes_of_safetensors(tmp_path):
    for name in ("x.safetensors", "X.SAFETENSORS", "x-00001-of-00001.safetensors"):
        safetensors.save_file(STATE, tmp_path / name)
        assert_read(tmp_path / name, STATE)


def test_what_is_chosen_is_said(tmp_path, caplog):
    path = tmp_path / "x.pth"
    torch.save(CONTAINERS["timm"], path)
    with caplog.at_level(logging.WARNING, "keras_senet"):
        read_tensors(path)
    assert "the averaged weights 'state_dict_ema' are read, as timm does" in caplog.text
    torch.save(CONTAINERS["settings between"], path)
    read_tensors(path)
    assert "no tensor is passed over: 'epoch', 'note'" in caplog.text
    torch.save(CONTAINERS["counted"], path)
    read(path)
    assert "2 counters such as 'total_ops' are no weights" in caplog.text


def test_an_average_that_is_not_read_is_said(tmp_path, caplog):
    """torch_ema keeps its average as a list, without names."""
    average = {"decay": 0.99, "shadow_params": list(STATE.values())}
    torch.save({"model": STATE, "ema": average}, tmp_path / "x.pth")
    with caplog.at_level(logging.WARNING, "keras_senet"):
        assert_read(tmp_path / "x.pth", STATE)
    assert "averaged weights 'ema' in a form that is not read" in caplog.text


PREFIXES = (
    *("module.", "model.", "backbone.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod."),
    *("encoder.", "net.", "features.", "model.model.model.", "anything-0.else."),
)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes(prefix, tmp_path):
    safetensors.save_file(prefixed(prefix, STATE), tmp_path / "x.safetensors")
    assert_read(tmp_path / "x.safetensors", STATE)


@pytest.mark.parametrize(
    "names",
    [
        ("features.init_block.conv.weight", "features.stage1.unit1.body.conv1.conv.weight"),
        ("features.stage1.unit1.dw_conv.conv.weight", "features.init_block.conv.weight"),
        ("features.stage1.unit1.compress_conv1.weight", "features.final_block.conv.weight"),
        ("layer0.conv1.weight", "layer1.0.conv1.weight"),
        ("conv_stem.weight", "blocks.0.0.conv_dw.weight"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_layout_keeps_its_own_names(names, prefix):
    tensors = {prefix + name: np.ones(1) for name in names}
    assert tuple(plain_names(tensors, "x")) == names


TWO = {**prefixed("encoder_q.", STATE), **prefixed("encoder_k.", EMA)}
REFUSED = {
    "two prefixes": (TWO, "'encoder_k.' and 'encoder_q.'"),
    "beside a prefix": (
        {**prefixed("model.", STATE), "criterion.weight": torch.ones(5)},
        "begin with 'model.', but 1 of 6 do not, such as 'criterion.weight'",
    ),
    "with and without": ({**STATE, **prefixed("teacher.", EMA)}, "'' and 'teacher.'"),
    "a GAN": (
        {"generator": STATE, "discriminator": EMA, "epoch": 3},
        "several places: 'generator', 'discriminator'",
    ),
    "a GAN in a model": ({"model": {"g": STATE, "d": EMA}}, "'model.g', 'model.d'"),
    "two known names": ({"model": STATE, "net": EMA}, "several places: 'model', 'net'"),
    "two averages": ({"ema": STATE, "model_ema": EMA}, "several places: 'ema', 'model_ema'"),
    "no tensors": ({"epoch": 3}, "holds 'epoch', a int. Expected tensors only"),
    "nothing": ({}, "Expected tensors only"),
    "a tensor": (torch.ones(3), "holds a Tensor"),
    "a list": ([STATE], "holds a list"),
    "numbers for names": ({3: torch.ones(2)}, "Expected tensors only"),
}


@pytest.mark.parametrize("content", REFUSED)
def test_what_is_unclear_is_refused(content, tmp_path):
    tensors, message = REFUSED[content]
    torch.save(tensors, tmp_path / "x.pth")
    with pytest.raises(ValueError) as error:
        read(tmp_path / "x.pth")
    assert message in str(error.value)
    assert len(str(error.value)) < MOST


def test_tied_tensors_and_averages_are_counted_once(tmp_path):
    tied = torch.arange(40_000.0).reshape(200, 200)
    state = {**STATE, "a.weight": tied, "b.weight": tied, "c.weight": tied.t()[:1]}
    torch.save({"model": state, "copy": {"all": tied}, "momentum": [tied, tied]}, tmp_path / "x.pt")
    found = read_tensors(tmp_path / "x.pt")
    assert np.shares_memory(found["a.weight"], found["b.weight"])
    assert_read(tmp_path / "x.pt", state)


@pytest.mark.parametrize("shape", [(4, 100_000), (100_000, 4)])
def test_a_number_repeated_is_refused(shape, tmp_path):
    torch.save({**STATE, "a": torch.ones(1, 1).expand(shape)}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match="larger than the file"):
        read_tensors(tmp_path / "x.pth")


class Network(torch.nn.Module):
    """A user's class, which a file of a whole network names."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 1)


class Payload:
    """Unpickled, it would write a file."""

    def __init__(self, sign):
        self.sign = sign

    def __reduce__(self):
        return (os.system, (f"touch {self.sign}",))


CODE = {
    "module": lambda sign: Network(),
    "module of torch": lambda sign: torch.nn.Linear(3, 2),
    "module in a dict": lambda sign: {"model": torch.nn.Conv2d(3, 4, 1), "epoch": 3},
    "payload beside": lambda sign: {"state_dict": STATE, "args": Payload(sign)},
    "payload in a namespace": lambda sign: {
        "model": STATE,
        "args": argparse.Namespace(a=Payload(sign)),
    },
    "a class of the user": lambda sign: {"state_dict": STATE, "config": Payload},
    "a function": lambda sign: {"state_dict": STATE, "fn": os.path.join},
}


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("content", CODE)
def test_code_is_refused_with_two_lines(content, legacy, tmp_path):
    sign, path = tmp_path / "code_ran", tmp_path / "x.pth"
    torch.save(CODE[content](sign), path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError) as error:
        open_weights(path, SEResNet50)
    text = str(error.value)
    assert "not a PyTorch checkpoint of plain tensors" in text
    assert "torch.load('x.pth', map_location='cpu', weights_only=False)" in text
    assert "safetensors.torch.save_file(state, 'x.safetensors')" in text
    assert (".state_dict()" in text) == content.startswith("module")
    assert len(text) < MOST
    assert not sign.exists()


def test_the_two_lines_convert(tmp_path, monkeypatch):
    path = tmp_path / "x.pth"
    torch.save(torch.nn.Linear(3, 2), path)
    with pytest.raises(ValueError) as error:
        read_tensors(path)
    monkeypatch.chdir(tmp_path)
    exec("\n".join(line.strip() for line in str(error.value).splitlines()[-2:]), {
        "torch": torch, "safetensors": __import__("safetensors.torch")
    })  # fmt: skip
    assert set(read_tensors(tmp_path / "x.safetensors")) == {"weight", "bias"}


def test_programs_protocols_and_shards_are_refused(tmp_path):
    with torch.no_grad():
        torch.jit.trace(torch.nn.Linear(3, 2), torch.ones(1, 3)).save(tmp_path / "x.pt")
    with pytest.raises(ValueError, match=r"TorchScript program(.|\n)*torch\.jit\.load\('x\.pt'"):
        read_tensors(tmp_path / "x.pt")
    torch.save(STATE, tmp_path / "y.pth", pickle_protocol=4)
    with pytest.raises(ValueError, match=r"protocol 4(.|\n)*weights_only=False"):
        read_tensors(tmp_path / "y.pth")
    for name in ("model-00001-of-00003.safetensors", "model.safetensors.index.json"):
        (tmp_path / name).write_bytes(b"{}")
        with pytest.raises(ValueError, match=r"one of several files(.|\n)*save_file\(state"):
            read_tensors(tmp_path / name)
