"""Writes the tables of the pages, each between its marks: `python docs/generate_tables.py`."""

import importlib
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).parent
TABLE = re.compile(r"(<!-- table (\w+)((?: \w+)*) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def pages():
    """The texts of all pages with tables, by path."""
    sys.path.insert(0, str(DOCS))
    try:
        texts = {path: path.read_text() for path in sorted(DOCS.glob("*.md"))}
        return {
            path: TABLE.sub(_filled, text) for path, text in texts.items() if TABLE.search(text)
        }
    finally:
        sys.path.remove(str(DOCS))


def _filled(match):
    begin, name, arguments, end = match.groups()
    module = importlib.import_module(f"tables.{name}")
    return f"{begin}\n{module.table(*arguments.split())}\n\n{end}"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
