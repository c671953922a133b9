"""What a student changed: every cell that differs from the notebook that was handed out.

Nothing that a student wrote may be missed, wherever it stands. So we do not look for answers; we
take away what was handed out, and all that is left is shown, once, beside its problem.
"""

import base64
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from resode_grader._notebook import Cell, Notebook, Picture

__all__ = ["Piece", "answers"]

HEADING = re.compile(r"^#{1,6}\s+Problem\s+(?P<label>\d+\.\d+)\b", re.MULTILINE)
INLINE = re.compile(r"data:(image/[\w.+-]+);base64,([A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class Piece:
    """A cell that differs.

    Attributes:
        number: the place of the cell in the notebook, from 1.
        kind: "code", "markdown", ...
        lines: its text, line by line, and whether the line was handed out.
        printed: its output as text.
        pictures: all that it shows.
    """

    number: int
    kind: str
    lines: tuple[tuple[str, bool], ...]
    printed: str
    pictures: tuple[Picture, ...]


def answers(
    notebook: Notebook, handed_out: Notebook | None, labels: Iterable[str]
) -> dict[str, list[Piece]]:
    """Return what differs by the label of its problem, "" for what stands before all problems.

    Args:
        notebook: the submission.
        handed_out: the student edition; without it all cells differ.
        labels: of all problems of the set; other headings are a student's own words.
    """
    labels = set(labels)
    known = handed_out.cells if handed_out else ()
    same = Counter((cell.kind, _squeezed(cell.text)) for cell in known)
    lines = {line.strip() for cell in known for line in cell.text.splitlines()} - {""}
    found: dict[str, list[Piece]] = {}
    current = ""
    for number, cell in enumerate(notebook.cells, 1):
        said = [label for label in HEADING.findall(cell.text) if label in labels]
        key = (cell.kind, _squeezed(cell.text))
        if is_same := same[key] > 0:
            same[key] -= 1
            current = said[-1] if said and cell.kind == "markdown" else current
        elif cell.kind == "markdown" and said and cell.answers not in labels:
            current = said[-1]  # a statement that was written into, or an answer put elsewhere
        label = cell.answers if cell.answers in labels else current
        if not is_same and _says_something(cell) or cell.pictures:
            found.setdefault(label, []).append(_piece(number, cell, lines))
    return found


def _squeezed(text: str) -> str:
    """Text without what an editor may change by itself: spaces and lines at its ends."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _says_something(cell: Cell) -> bool:
    """Whether there is anything to see."""
    return bool(cell.text.strip() or cell.printed.strip() or cell.pictures)


def _piece(number: int, cell: Cell, handed_out: set[str]) -> Piece:
    """A cell as it is shown: pictures inside its text stand below it."""
    inside: list[Picture] = []

    def taken_out(found: re.Match[str]) -> str:
        try:
            base64.b64decode(found[2], validate=True)
        except ValueError:  # words, then, and no picture
            return found[0]
        inside.append(Picture(found[1], found[2]))
        return f"(picture {len(inside)} below)"

    text = INLINE.sub(taken_out, cell.text)
    shown = tuple((line, line.strip() in handed_out) for line in text.splitlines())
    return Piece(number, cell.kind, shown, cell.printed, (*inside, *cell.pictures))
