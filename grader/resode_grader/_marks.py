"""Marks that a person gives: a CSV that the command makes once, reads, and never writes again.

    student,problem,line,points,comment
    Ada,1.6,,7,"The step in the middle is not justified."

A student and a problem may have several lines, such as one for each line of the rubric; their
points add up. A mark of a program takes the place of the command's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resode_grader._editions import Written
from resode_grader._files import table
from resode_grader._roster import read_table

__all__ = ["HandMark", "MarksError", "read_marks", "template"]

COLUMNS = ("student", "problem", "line", "points", "comment")
SHOWN = 10  # mistakes that one message lists


class MarksError(Exception):
    """Marks that cannot be used; the message lists the lines."""


@dataclass(frozen=True)
class HandMark:
    """What a person gave for one problem.

    Attributes:
        points: the sum over its lines.
        comments: for the student.
    """

    points: float
    comments: tuple[str, ...] = ()


def template(students: Iterable[str], written: Sequence[Written]) -> str:
    """Return the table to fill in: a line for each student and written problem."""
    rows = [(student, problem.label, "", "", "") for student in students for problem in written]
    return "\ufeff" + table([COLUMNS, *rows])


def read_marks(
    path: Path, students: Mapping[str, str], best: Mapping[str, float]
) -> dict[tuple[str, str], HandMark]:
    """Return the marks by student and problem; lines without points are not marked yet.

    Args:
        path: the table.
        students: the student's name by each name that the table may use.
        best: full marks by the label of the problem.

    Raises:
        MarksError: if a student or problem is unknown, points are no number or out of range, or a
            line stands twice.
        TableError: if it is no table.
    """
    faults: list[str] = []
    seen: dict[tuple[str, str, str], int] = {}
    found: dict[tuple[str, str], HandMark] = {}
    for number, row in read_table(path, ["points"]):
        fault, mark = _mark(row, students, best)
        student, label = students.get(row.get("student", ""), ""), row.get("problem", "")
        if fault:
            faults.append(f"line {number}: {fault}")
        if fault or mark is None:
            continue
        place = (student, label, row.get("line", ""))
        if place in seen:
            faults.append(
                f"line {number}: got {student!r}, problem {label} again, as in line {seen[place]}; "
                "delete one, or name the lines in the column 'line'."
            )
        seen[place] = number
        sofar = found.get((student, label), HandMark(0.0))
        points, comments = sofar.points + mark.points, sofar.comments + mark.comments
        found[student, label] = HandMark(points, comments)
        if points > best[label] + 1e-9:
            faults.append(
                f"line {number}: got {points:g} points in all, expected at most {best[label]:g} "
                f"for problem {label}."
            )
    if faults:
        more = f"\n... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise MarksError(
            f"{path} has mistakes; mend them, nothing was changed:\n"
            + "\n".join(faults[:SHOWN])
            + more
        )
    return found


def _mark(
    row: Mapping[str, str], students: Mapping[str, str], best: Mapping[str, float]
) -> tuple[str, HandMark | None]:
    """What is wrong with a line, or its mark, or neither if it has no points yet."""
    student, label, text = (row.get(name, "") for name in ("student", "problem", "points"))
    comment = row.get("comment", "")
    if not text and not comment:
        return "", None
    if student not in students:
        return f"got the student {student!r}, expected one of the table, written as there.", None
    if label not in best:
        return f"got the problem {label!r}, expected one of {', '.join(best)}.", None
    if not text:
        return f"got a comment for {student!r}, problem {label}, without points; add them.", None
    try:
        points = float(text.replace(",", "."))
    except ValueError:
        points = -1.0
    if not 0 <= points <= best[label]:  # not-a-number is in no range
        return f"got {text!r} points, expected a number from 0 to {best[label]:g}.", None
    return "", HandMark(points, (comment,) if comment else ())
