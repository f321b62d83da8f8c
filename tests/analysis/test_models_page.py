"""The page of all variants says what the values say."""

import importlib.util
import pathlib

import pytest

DOCS = pathlib.Path(__file__).parents[2] / "docs"


@pytest.mark.slow
def test_the_page_is_not_stale():
    spec = importlib.util.spec_from_file_location("generate_models", DOCS / "generate_models.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (DOCS / "models.md").read_text() == script.page(), "run python docs/generate_models.py"
