"""The list of a class: who should have handed in, and how the platform names them.

A roster is a CSV of one's own with the columns ``id,name,email,file``, all but one optional, or
what a platform exports: Canvas's gradebook (Student, ID, ..., Section) or the grading worksheet
of an assignment in Moodle (Identifier, Full name, Email address, ..., Grade).
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from resode_grader._folder import File
from resode_grader._text import cell

__all__ = ["Roster", "Student", "TableError", "owner", "read_roster", "read_table"]

COLUMNS = {  # what we call a column, and how others do, without capitals
    "name": ("name", "student", "full name", "student name"),
    "id": ("id", "identifier", "student id", "id number", "sis user id"),
    "email": ("email", "email address", "e-mail", "sis login id"),
    "file": ("file", "file prefix", "prefix"),
}
SHORTEST = 2  # characters of what a file's name may be recognised by
PARTICIPANT = re.compile(r"\D*(\d+)")  # Moodle writes "Participant 123", in any language


class TableError(Exception):
    """A table that cannot be used; the message says where and how to mend it."""


@dataclass(frozen=True)
class Student:
    """Somebody on the roster.

    Attributes:
        name: how the table calls the student; the only one of that name.
        called: the name as the roster has it; others may have the same.
        id: the number or short name that the platform uses.
        email: the address.
        file: what the names of the student's files begin with.
        cells: the row of the roster, by column.
    """

    name: str
    called: str = ""
    id: str = ""
    email: str = ""
    file: str = ""
    cells: tuple[tuple[str, str], ...] = ()

    @property
    def number(self) -> str:
        """The platform's number, without the words that Moodle puts before it."""
        found = PARTICIPANT.fullmatch(self.id)
        return found[1] if found else self.id


@dataclass(frozen=True)
class Roster:
    """The class.

    Attributes:
        students: in the order of the file.
        columns: the header.
    """

    students: tuple[Student, ...]
    columns: tuple[str, ...]

    @property
    def is_worksheet(self) -> bool:
        """Whether it is Moodle's grading worksheet, which takes marks back."""
        return {"Identifier", "Grade"} <= set(self.columns)


def read_table(path: Path, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV with the line of each.

    Commas, semicolons and tabs are understood, and UTF-8 and UTF-16, as spreadsheets write them.

    Args:
        path: the file.
        needed: columns of which at least one must be there.

    Raises:
        TableError: if it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TableError(
            f"{path} cannot be read ({error.strerror}); name a CSV file that is there."
        ) from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TableError(
            f"{path}:{line}: got letters that are not UTF-8; save it as 'CSV UTF-8'."
        ) from error
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    rows = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=separator, restkey="", restval=""
    )
    try:
        columns = [column.strip() for column in rows.fieldnames or ()]
        rows.fieldnames = columns
        found = [(rows.line_num, _stripped(row)) for row in rows]
    except csv.Error as error:
        raise TableError(f"{path}:{rows.line_num}: {error}; save it as CSV again.") from error
    if not {column.casefold() for column in columns} & set(needed):
        raise TableError(
            f"{path}: got the columns {columns}, expected {' or '.join(needed)} among them; add a "
            "first line with the names of the columns."
        )
    return [(line, row) for line, row in found if any(row.values())]


def _stripped(row: dict[str | None, str | list[str] | None]) -> dict[str, str]:
    """A row of texts; cells beyond the last column do not count."""
    return {key: value.strip() for key, value in row.items() if key and isinstance(value, str)}


def read_roster(path: Path) -> Roster:
    """Read a class.

    Raises:
        TableError: if it is no roster, or names one person twice.
    """
    needed = [name for names in COLUMNS.values() for name in names]
    rows = [(n, row) for n, row in read_table(path, needed) if not _is_note(row)]
    students: dict[str, Student] = {}
    for line, row in rows:
        found = {what: _first(row, names) for what, names in COLUMNS.items()}
        called = found["name"] or found["id"] or found["email"] or found["file"]
        name = cell(called)
        if not name:
            raise TableError(f"{path}:{line}: got a row without name and id; add one.")
        if name in students and found["id"]:
            name = cell(f"{called} ({found['id']})")
        if name in students:
            raise TableError(f"{path}:{line}: got {name!r} twice; give each an id of its own.")
        students[name] = Student(name, called, **_others(found), cells=tuple(row.items()))
    if not students:
        raise TableError(f"{path}: got nobody, expected a row for each student; add them.")
    return Roster(tuple(students.values()), tuple(rows[0][1]))


def _others(found: dict[str, str]) -> dict[str, str]:
    """What a roster says beside the name."""
    return {what: found[what] for what in ("id", "email", "file")}


def _is_note(row: dict[str, str]) -> bool:
    """Whether Canvas added a row: full marks, how marks are posted, a made-up student."""
    first = row.get("Student", "-")
    return (
        first.startswith("Points Possible")
        or first == "Student, Test"
        or not (first or row.get("ID"))
    )


def _first(row: dict[str, str], names: Iterable[str]) -> str:
    """The first column of these names that says something."""
    folded = {column.casefold(): value for column, value in row.items()}
    return next((folded[name] for name in names if folded.get(name)), "")


def owner(file: File, students: Sequence[Student]) -> tuple[Student | None, str]:
    """Return whose file this is, or nobody and why not.

    The column ``file`` counts most, then the platform's number, id and address, then the name. Two
    students who fit equally well get nothing.
    """
    scores = [(_fit(file, student), student) for student in students]
    best = max((score for score, _ in scores), default=(0, 0))
    if best <= (0, 0):
        return None, ""
    fitting = [student for score, student in scores if score == best]
    if len(fitting) > 1:
        names = " or ".join(student.name for student in fitting[:3])
        return None, f"It could be of {names}; say whose it is in the roster's column 'file'."
    return fitting[0], ""


def _fit(file: File, student: Student) -> tuple[int, int]:
    """How well a file's name fits a student: the kind of evidence, and how long it is."""
    parts = _folded(file.name).split("/")
    whole = _folded(file.name)
    if student.file and _begins(whole, _folded(student.file)):
        return 4, len(student.file)
    origin = file.origin
    if origin and origin.id and origin.id == student.number:
        return 3, 0
    names = {student.id, student.email, student.email.partition("@")[0]}
    found = [len(n) for n in names if any(_begins(part, _folded(n)) for part in parts)]
    if origin and _folded(origin.who) in {_folded(name) for name in names if name}:
        found.append(len(origin.who))
    if found:
        return 2, max(found)
    called = _spellings(student.called)
    who = [_letters(origin.who)] if origin else []
    stems = [*map(_letters, [*parts[:-1], parts[-1].rsplit(".", 1)[0]]), *who]
    if not called.isdisjoint(stems):
        return 1, len(student.called)
    begins = any(_begins(part, _folded(student.called)) for part in parts)
    return 0, len(student.called) if begins else 0


def _begins(text: str, start: str) -> bool:
    """Whether a text begins with these whole words."""
    end = len(start)
    return end >= SHORTEST and text.startswith(start) and not text[end : end + 1].isalnum()


@cache
def _folded(text: str) -> str:
    """Text in which capitals, and how accents are stored, make no difference."""
    return unicodedata.normalize("NFC", text).casefold()


@cache
def _letters(text: str) -> str:
    """Only the letters and digits of a text."""
    return "".join(letter for letter in _folded(text) if letter.isalnum())


@cache
def _spellings(name: str) -> frozenset[str]:
    """The letters of a name, as written and with the last name first."""
    last, comma, first = name.partition(",")
    words = f"{first} {last}".split() if comma else name.split()
    turned = [words[-1:], words[:-1]] if words else []
    texts = (name, " ".join(words), "".join(w for part in turned for w in part))
    return frozenset(found for text in texts if len(found := _letters(text)) >= SHORTEST)
