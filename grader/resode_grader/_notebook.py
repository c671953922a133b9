"""A submitted notebook as text: its code cells in order, and what it says under a heading.

Only JSON is read. Nothing of the notebook runs here, and its metadata decides nothing.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["LARGEST", "Notebook", "NotebookError", "read_notebook"]

LARGEST = 20_000_000  # bytes of a notebook; pictures in outputs count
HEADING = re.compile(r"^#{1,6}\s+Problem\s+(?P<label>\d+\.\d+)\b", re.MULTILINE)
EMPTY = "*Your answer here.*"


class NotebookError(Exception):
    """A file that is no notebook; the message is for the student."""


@dataclass(frozen=True)
class Notebook:
    """What a submission contains.

    Attributes:
        code: the code cells.
        written: the text cells that follow the heading of each problem, by its label.
    """

    code: tuple[str, ...]
    written: dict[str, str]


def read_notebook(path: Path) -> Notebook:
    """Read a notebook.

    Raises:
        NotebookError: if the file cannot be read as one.
    """
    if path.is_symlink() or not path.is_file():
        raise NotebookError("The submission is a link or a folder, not a notebook.")
    if path.stat().st_size > LARGEST:
        raise NotebookError(
            f"The notebook is larger than {LARGEST // 10**6} MB; clear its outputs and hand it in "
            "again."
        )
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        triples = [_triple(cell) for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotebookError(
            "The file is not a notebook (.ipynb) that can be read; download it again from where "
            "you wrote it."
        ) from error
    code = tuple(text for kind, text, _ in triples if kind == "code")
    return Notebook(code, _written(triples))


def _text(source: Any) -> str:
    """A cell's text, which the format allows in pieces."""
    return source if isinstance(source, str) else "".join(map(str, source))


def _triple(cell: dict[str, Any]) -> tuple[str, str, str]:
    """A cell's kind and text, and the label of the problem that it was handed out to answer."""
    note = cell.get("metadata", {}).get("resode", {})
    label = note.get("problem", "") if note.get("role") == "answer" else ""
    return str(cell["cell_type"]), _text(cell.get("source", "")), str(label)


def _written(triples: list[tuple[str, str, str]]) -> dict[str, str]:
    """For each problem the text that answers it.

    That is every text cell below the heading, and the cell that was handed out for the answer,
    wherever it is now.
    """
    found: dict[str, list[str]] = {}
    current = ""
    for kind, text, own in triples:
        headings = HEADING.findall(text) if kind == "markdown" else []
        label = own or current
        if headings:
            current = headings[-1]
            found.setdefault(current, [])
        elif kind in ("markdown", "raw") and label and text.strip() not in ("", EMPTY):
            found.setdefault(label, []).append(text.strip())
    return {label: "\n\n".join(texts) for label, texts in found.items()}
