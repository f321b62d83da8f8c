"""The Python parts of the page "From model to phone", run in order."""

import pathlib
import re

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "phone.md"


def test_the_python_parts_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(code, names)
    assert names["report"].partitions == 1
    assert names["report"].undelegated == ()
    assert names["labels"] == [str(digit) for digit in range(10)]
    assert "stage" in capsys.readouterr().out
