"""Python of README.md and docs/*.md: names and arguments exist; what is cheap runs, in order."""

import ast
import importlib.util
import inspect
import pathlib
import re

import keras
import numpy as np
import pytest

import keras_senet

if keras.backend.backend() != "tensorflow":
    pytest.skip("pages export to TensorFlow Lite", allow_module_level=True)

ROOT = pathlib.Path(__file__).parents[1]
# Of the blocks that are not run, a phrase of each and why.
NOT_RUN = {
    'weights="timm/seresnet50.a1_in1k"': "fetches weights",
    'weights="timm/ecaresnet50t.ra2_in1k"': "fetches weights",
    'weights="imagenet"': "fetches weights",
    "keras.applications.ResNet50()": "fetches weights",
    "cifar10.load_data()": "fetches the photographs",
    'weights="legacy_seresnet50.safetensors"': "a user's file",
    'weights="se_resnet50.safetensors"': "trains for hours",
    "DIGITS.replace(epochs=20)": "trains for minutes; `make demo` does it",
    "quantize=keras_senet.export.quantization_aware": "trains for minutes",
    "patience=5": "trains for minutes",
    "search(model, data": "exports a network for each block: minutes",
    "smaller.fit": "trains for a minute",
    "keras_hub": "needs KerasHub; tests/test_hub.py runs it",
    "export.to_web": "fetches LiteRT.js; tests/export/test_browser.py runs it",
    "network_alone": "continues it",
    'load("runs/digits/served")': "a served model of `make demo`",
    "HfApi()": "uploads a model",
    "while trains(2 * batch)": "takes all memory there is",
}
SLOW = {
    "architecture.md",
    "attention.md",
    "data.md",
    "dense.md",
    "excitation.md",
    "export.md",
    "index.md",
    "phone.md",
    "plain_keras.md",
    "quick_start.md",
    "training.md",
}


def blocks(path):
    return re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)


PAGES = {
    path.name: found
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if (found := blocks(path))
}
RUN = {
    page: chosen
    for page, found in PAGES.items()
    if (chosen := [code for code in found if not any(phrase in code for phrase in NOT_RUN)])
}


class Resolver(ast.NodeVisitor):
    """Follows dotted names from what a page imports, and binds the arguments of calls."""

    def __init__(self):
        self.names = {}

    def visit_Import(self, node):
        if "hub" in ast.unparse(node) and importlib.util.find_spec("keras_hub") is None:
            return
        exec(compile(ast.Module([node], []), "page", "exec"), self.names)

    visit_ImportFrom = visit_Import

    def visit_Assign(self, node):
        self.generic_visit(node)
        for target in node.targets:
            for name in (x.id for x in ast.walk(target) if isinstance(x, ast.Name)):
                self.names.pop(name, None)

    def visit_Attribute(self, node):
        self.generic_visit(node)
        self.value(node)

    def visit_Call(self, node):
        self.generic_visit(node)
        function = self.value(node.func)
        if function is None or any(isinstance(x, ast.Starred) for x in node.args):
            return
        keywords = {keyword.arg: None for keyword in node.keywords if keyword.arg}
        try:
            signature = inspect.signature(function)
        except ValueError:  # NumPy's before 2.4 have none
            return
        signature.bind(*node.args, **keywords)
        if function == getattr(getattr(function, "__self__", None), "replace", None):
            assert keywords.keys() <= function.__self__.__dataclass_fields__.keys()

    def value(self, node):
        """What an expression is, `None` where only running it tells."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute) and (owner := self.value(node.value)) is not None:
            return getattr(owner, node.attr)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "replace":
            return self.value(node.func.value)  # a value of the same kind
        return None


@pytest.mark.parametrize("page", PAGES)
def test_names_and_arguments_exist(page):
    resolver = Resolver()
    for code in PAGES[page]:
        resolver.visit(ast.parse(code))


def test_each_reason_is_needed():
    code = "".join(code for found in PAGES.values() for code in found)
    assert [phrase for phrase in NOT_RUN if phrase not in code] == []


def test_no_table_is_stale():
    """Each is in the committed page as its results have it."""
    path = ROOT / "docs" / "generate_tables.py"
    spec = importlib.util.spec_from_file_location("generate_tables", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found = script.pages()
    assert len(found) >= 3
    for page, text in found.items():
        assert page.read_text() == text, f"{page.name}: run python docs/generate_tables.py"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What readers have: photos of two classes, others with two labels, and a trained network."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").symlink_to(ROOT / "docs")  # of a checkout
    (tmp_path / "cat.jpg").symlink_to(ROOT / "docs" / "images" / "cat.jpg")
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.full((40, 30, 3), number)
            keras.utils.save_img(tmp_path / "photos" / name / f"{number}.png", pixels)
    (tmp_path / "street").mkdir()
    table = ["image,person,car"]
    for number in range(20):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 30, 3))
        keras.utils.save_img(tmp_path / "street" / f"{number}.png", pixels)
        table.append(f"{number}.png,{number % 2},{number // 2 % 2}")
    (tmp_path / "street" / "labels.csv").write_text("\n".join(table))
    (tmp_path / "runs" / "digits").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.slow if page in SLOW else ()) for page in RUN]
)
def test_blocks_run(page, folder, capsys):
    keras_senet.SEResNet20().save(folder / "runs" / "digits" / "model.keras")
    images, labels = keras_senet.data.load("digits").held_out_arrays(20)
    names = {"x": images, "y": labels % 2, "x_held_out": images, "y_held_out": labels % 2}
    for code in RUN[page]:
        exec(compile(code, page, "exec"), names)
    if page == "cifar10.md":
        assert "[[('3', 'cat', 0.9" in capsys.readouterr().out
    if page == "phone.md":
        assert names["report"].partitions == 1
        assert names["report"].undelegated == ()
        assert names["labels"] == [str(digit) for digit in range(10)]
        assert "stage" in capsys.readouterr().out
