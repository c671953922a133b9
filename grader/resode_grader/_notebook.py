"""A submitted notebook as data: its cells in order, with the pictures that they hold.

Only JSON is read. Nothing of the notebook runs here, and its metadata decides nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "LARGEST",
    "Cell",
    "Notebook",
    "NotebookError",
    "Picture",
    "read_notebook",
]

LARGEST = 20_000_000  # bytes of a notebook; pictures in outputs count
FORMAT = 4  # of notebooks, in use since 2015
UNREADABLE = (
    "The file is not a notebook (.ipynb) that can be read; download it again from where you wrote "
    "it."
)


class NotebookError(Exception):
    """A file that is no notebook; the message is for the student."""


@dataclass(frozen=True)
class Picture:
    """A picture inside a notebook: what it says to be, and its bytes in base64, as they stand."""

    kind: str
    data: str


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        kind: "code", "markdown", "raw", or what else the file says.
        text: its source.
        answers: the label of the problem that it was handed out to answer, "" for other cells.
        role: what it was handed out as: "answer", "rubric", "model-answer", ... or "".
        title: what the instructor's edition says beside a rubric, "" elsewhere.
        printed: its output as text.
        pictures: those attached to it, and those of its output.
    """

    kind: str
    text: str
    answers: str = ""
    role: str = ""
    title: str = ""
    printed: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Notebook:
    """What a submission contains: its cells."""

    cells: tuple[Cell, ...]

    @property
    def code(self) -> tuple[str, ...]:
        """The code cells."""
        return tuple(cell.text for cell in self.cells if cell.kind == "code")


def read_notebook(path: Path) -> Notebook:
    """Read a notebook.

    Raises:
        NotebookError: if the file cannot be read as one, for whatever reason.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise NotebookError("The submission is a link or a folder, not a notebook.")
        size = path.stat().st_size
        if size > LARGEST:
            raise NotebookError(
                f"The notebook is larger than {LARGEST // 10**6} MB; clear its outputs and hand it "
                "in again."
            )
        if size == 0:
            raise NotebookError("The file is empty; save your notebook and hand it in again.")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        _check_format(content)
        return Notebook(tuple(_cell(cell) for cell in content["cells"]))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise NotebookError(f"The file cannot be read ({why}).") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotebookError(UNREADABLE) from error
    except (RecursionError, MemoryError) as error:  # brackets in brackets in brackets
        raise NotebookError(UNREADABLE) from error


def _check_format(content: dict[str, Any]) -> None:
    """Refuse a format whose cells stand elsewhere."""
    version = content.get("nbformat", FORMAT)
    if isinstance(version, int) and version < FORMAT:
        raise NotebookError(
            f"The notebook has the format {version}, expected {FORMAT}; open it in Jupyter, save "
            "it, and hand it in again."
        )


def _cell(cell: dict[str, Any]) -> Cell:
    """A cell as it stands in the file."""
    note = cell.get("metadata", {}).get("resode", {})
    role = str(note.get("role", ""))
    printed, drawn = _outputs(cell.get("outputs"))
    return Cell(
        kind=str(cell["cell_type"]),
        text=_text(cell.get("source", "")),
        answers=str(note.get("problem", "")) if role else "",
        role=role,
        title=str(note.get("title", "")),
        printed=printed,
        pictures=(*_pictures(cell.get("attachments")), *drawn),
    )


def _text(source: Any) -> str:
    """A cell's text, which the format allows in pieces."""
    return source if isinstance(source, str) else "".join(map(str, source))


def _outputs(outputs: Any) -> tuple[str, list[Picture]]:
    """What a cell printed, and what it drew; outputs that are none count as nothing."""
    printed, drawn = [], []
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        data = data if isinstance(data, dict) else {}
        pictures = _of_one(data)
        drawn += pictures
        if output.get("output_type") == "error":
            printed.append(f"{output.get('ename')}: {output.get('evalue')}")
        for text in (output.get("text"), None if pictures else data.get("text/plain")):
            if isinstance(text, str | list):
                printed.append(_text(text))
    return "\n".join(printed), drawn


def _pictures(attachments: Any) -> list[Picture]:
    """The pictures that a text cell carries with it."""
    bundles = attachments.values() if isinstance(attachments, dict) else ()
    return [picture for data in bundles for picture in _of_one(data)]


def _of_one(data: Any) -> list[Picture]:
    """The pictures among the forms in which one thing is stored."""
    items = data.items() if isinstance(data, dict) else ()
    return [
        Picture(str(kind), _text(content))
        for kind, content in items
        if str(kind).startswith("image/") and isinstance(content, str | list)
    ]
