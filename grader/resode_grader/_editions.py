"""The editions of a problem set, as ``make assignments`` writes them.

instructor  its rubrics, with title and points of each written problem
student     what was handed out, so that all that differs is a student's own
solution    what is published after the deadline
"""

import re
from dataclasses import dataclass
from pathlib import Path

from resode_grader._notebook import Notebook, NotebookError, read_notebook
from resode_grader._packages import COURSE

__all__ = ["Editions", "EditionsError", "Written", "read_editions"]

POINTS = re.compile(r"\((\d+) points?\b")
KINDS = ("instructor", "student", "solution")


class EditionsError(Exception):
    """Editions that are there and cannot be used; the message ends with the mend."""


@dataclass(frozen=True)
class Written:
    """A problem that a person marks.

    Attributes:
        label: its number.
        title: its heading, with the points.
        points: full marks.
        rubric: how to mark it, Markdown.
    """

    label: str
    title: str
    points: int
    rubric: str


@dataclass(frozen=True)
class Editions:
    """What is there of the three editions.

    Attributes:
        folder: where they were looked for.
        written: the problems that a person marks.
        handed_out: the student edition.
        solution: the published solution.
        missing: the kinds that are not there.
    """

    folder: Path
    written: tuple[Written, ...] = ()
    handed_out: Notebook | None = None
    solution: Notebook | None = None
    missing: tuple[str, ...] = KINDS


def read_editions(folder: Path | None, cohort: str, number: str) -> Editions:
    """Read the editions of a set.

    Args:
        folder: with a folder for each edition; None for where ``make assignments`` writes them.
        cohort: the class.
        number: the set.

    Raises:
        EditionsError: if a file is there and is no edition.
    """
    usual = Path("_build/assignments") / cohort
    places = [folder] if folder else [usual, COURSE.parent / usual]
    place = next((place for place in places if place.is_dir()), places[0])
    if folder and not folder.is_dir():
        raise EditionsError(
            f"got no folder {folder}, expected one with {', '.join(KINDS)} in it; make it: make "
            f"assignments COHORT={cohort}"
        )
    files = {kind: place / kind / f"set{number}.ipynb" for kind in KINDS}
    notebooks = {kind: _read(path, cohort) for kind, path in files.items() if path.exists()}
    return Editions(
        place,
        _written(notebooks.get("instructor")),
        notebooks.get("student"),
        notebooks.get("solution"),
        tuple(kind for kind in KINDS if kind not in notebooks),
    )


def _read(path: Path, cohort: str) -> Notebook:
    """One edition."""
    try:
        return read_notebook(path)
    except NotebookError as error:
        raise EditionsError(
            f"got no notebook in {path}; write the editions again: make assignments COHORT={cohort}"
        ) from error


def _written(notebook: Notebook | None) -> tuple[Written, ...]:
    """The written problems, from their rubrics."""
    cells = notebook.cells if notebook else ()
    found = []
    for cell in cells:
        if cell.role == "rubric":
            points = POINTS.search(cell.title)
            if not points:
                raise EditionsError(
                    f"got a rubric with the title {cell.title!r}, expected one with its points, "
                    "such as 'Problem 1.6: why (10 points)'; write the editions again."
                )
            found.append(Written(cell.answers, cell.title, int(points[1]), cell.text))
    return tuple(found)
