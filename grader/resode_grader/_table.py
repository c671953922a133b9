"""The table of marks, and the tables that learning platforms import.

Canvas: the gradebook's export, with columns of our own behind those that say who. It needs
Student, ID and Section, and takes full marks from a row "Points Possible" (Instructor Guide, "How
do I import grades in the Gradebook?", https://community.canvaslms.com; the columns as its
importer reads them: canvas-lms, lib/gradebook_importer.rb). An empty cell clears what is there,
so who has no mark at all is left out.

Moodle: the grading worksheet of an assignment, with the column Grade filled in
(https://docs.moodle.org/en/Assignment_settings, "Offline grading worksheet"; as its importer
reads it: moodle, mod/assign/feedback/offline/importgradeslib.php); or, with another roster, a
table for the gradebook, students by address or ID number
(https://docs.moodle.org/en/Grade_import).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from resode_grader._files import table
from resode_grader._roster import Roster, Student
from resode_grader._rows import Row, points_text
from resode_grader._text import cell

__all__ = ["canvas", "codes", "marks", "moodle"]

MARK = "\ufeff"  # tells Excel that this is UTF-8
WHO = ("Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section")


def marks(rows: Iterable[Row], labels: Sequence[str], roster: Roster | None) -> str:
    """Return the table of marks: a line for each student."""
    who = ["id", "email"] if roster else []
    head = ["student", *who, *labels, "total so far", "out of", "to mark", "late", "remark"]
    lines: list[list[Any]] = [head]
    for row in rows:
        member = row.entry.member or Student("")
        about = [cell(member.id), cell(member.email)] if roster else []
        points = [points_text(row.points[label]) for label in labels]
        total = "" if row.total is None else points_text(row.total)
        rest = [total, points_text(row.out_of), " ".join(row.open), cell(row.entry.late)]
        lines.append([row.student, *about, *points, *rest, cell(" ".join(row.remarks))])
    return MARK + table(lines)


def canvas(rows: Iterable[Row], title: str, programs: Sequence[str], roster: Roster) -> str:
    """Return a table for Canvas: a column for the programs, and one for the proofs once marked.

    Args:
        rows: the class.
        title: of the set, which names the columns.
        programs: the labels of the problems that the command marks.
        roster: Canvas's gradebook, or one's own.
    """
    known = [column for column in WHO if column in roster.columns]
    who = known if {"Student", "ID", "Section"} <= set(known) else ["Student", "ID", "Section"]
    rows = [row for row in rows if row.entry.member and row.total is not None]
    parts = _parts(rows, title, programs)
    full = ["Points Possible", *[""] * (len(who) - 1), *(full for _, full, _ in parts)]
    lines: list[list[Any]] = [[*who, *(name for name, _, _ in parts)], full]
    for row in rows:
        member = row.entry.member
        about = dict(member.cells) if who == known else _about(member)
        points = [points_text(row.earned(labels)) for _, _, labels in parts]
        lines.append([*(cell(about.get(column, "")) for column in who), *points])
    return table(lines)


def _about(member: Student) -> dict[str, str]:
    """The columns that Canvas needs, from a roster of one's own."""
    return {"Student": member.called, "ID": member.id, "Section": ""}


def moodle(rows: Iterable[Row], title: str, programs: Sequence[str], roster: Roster) -> str:
    """Return a table for Moodle: its worksheet with the marks, or one for the gradebook.

    Args:
        rows: the class.
        title: of the set, which names the columns.
        programs: the labels of the problems that the command marks.
        roster: Moodle's worksheet, or one's own.
    """
    rows = [row for row in rows if row.entry.member]
    if roster.is_worksheet:
        lines: list[list[Any]] = [list(roster.columns)]
        for row in rows:
            about = dict(row.entry.member.cells)
            if row.total is not None:
                about["Grade"] = points_text(row.total)
            lines.append([cell(about.get(column, "")) for column in roster.columns])
        return table(lines)
    parts = _parts(rows, title, programs)
    lines = [["Full name", "ID number", "Email address", *(name for name, _, _ in parts)]]
    for row in (row for row in rows if row.total is not None):
        member = row.entry.member
        about = [cell(text) for text in (member.called, member.id, member.email)]
        lines.append([*about, *(points_text(row.earned(labels)) for _, _, labels in parts)])
    return table(lines)


def _parts(
    rows: Sequence[Row], title: str, programs: Sequence[str]
) -> list[tuple[str, str, list[str]]]:
    """The columns: name, full marks and problems of the programs, and of the proofs once marked."""
    best = rows[0].best if rows else {}
    proofs = [label for label in best if label not in programs]
    parts = [(f"{title} programs", list(programs))]
    if any(row.earned(proofs) is not None for row in rows) and proofs:
        parts.append((f"{title} proofs", proofs))
    return [
        (name, points_text(sum(best[label] for label in labels)), labels)
        for name, labels in parts
        if best
    ]


def codes(rows: Iterable[Row]) -> str:
    """Return who is who where marking is anonymous."""
    return MARK + table([("code", "student"), *((row.code, row.student) for row in rows)])
