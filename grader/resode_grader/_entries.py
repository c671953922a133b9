"""The rows of a class: each student with the notebook that counts, and what else was handed in.

Everything in the folder belongs to a row, and everybody on the roster has one. A row without a
notebook says why.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from resode_grader._files import file_names
from resode_grader._folder import File
from resode_grader._roster import Roster, Student, owner
from resode_grader._text import cell

__all__ = ["Entry", "entries"]


@dataclass(frozen=True)
class Entry:
    """A row.

    Attributes:
        student: the name in the table.
        file: the name of the files that are written for the row, without its ending.
        notebook: the one that counts; None if there is none that can be read.
        beside: what else was handed in.
        remarks: what the marker should know.
        late: by how much, and who says so; "" if in time or nobody asked.
        member: the student on the roster.
        fault: why there is nothing to grade, "" if there is.
    """

    student: str
    file: str = ""
    notebook: File | None = None
    beside: tuple[File, ...] = ()
    remarks: tuple[str, ...] = ()
    late: str = ""
    member: Student | None = None
    fault: str = ""

    @property
    def path(self) -> Path:
        """Where the notebook is."""
        return self.notebook.path if self.notebook else Path()


@dataclass
class _Pile:
    """What one student handed in, before it is sorted."""

    files: list[File]
    member: Student | None = None
    remark: str = ""


def entries(
    files: Sequence[File], roster: Roster | None = None, deadline: datetime | None = None
) -> list[Entry]:
    """Return the rows: those of the roster in its order, then those of nobody on it."""
    piles: dict[str, _Pile] = {}
    if roster:
        piles = {student.name: _Pile([], student) for student in roster.students}
    others = _sort_by_owner(files, roster, piles)
    others = _sort_by_name(others, piles, bool(roster))
    for file in others:
        _beside(file, piles).files.append(file)
    rows = [_entry(name, pile, deadline) for name, pile in piles.items()]
    names = file_names(row.student for row in rows)
    return [replace(row, file=names[row.student]) for row in rows]


def _sort_by_owner(
    files: Iterable[File], roster: Roster | None, piles: dict[str, _Pile]
) -> list[File]:
    """Put files on the piles of the roster; return those of nobody."""
    if not roster:
        return list(files)
    left = []
    for file in files:
        student, doubt = owner(file, roster.students)
        if student:
            piles[student.name].files.append(file)
        elif doubt:
            piles[_new(_title(file), piles)] = _Pile([file], remark=doubt)
        else:
            left.append(file)
    return left


def _sort_by_name(files: list[File], piles: dict[str, _Pile], is_roster: bool) -> list[File]:
    """Begin a pile for every person that a platform names, and for every other notebook."""
    remark = "Nobody on the roster." if is_roster else ""
    left = []
    people: dict[str, str] = {}
    for file in files:
        origin = file.origin
        if origin:
            if origin.person not in people:
                people[origin.person] = _new(origin.person, piles)
                piles[people[origin.person]] = _Pile([], remark=remark)
            piles[people[origin.person]].files.append(file)
        elif file.is_notebook:
            piles[_new(_title(file), piles)] = _Pile([file], remark=remark)
        else:
            left.append(file)
    return left


def _title(file: File) -> str:
    """What a row of this file alone is called: its path, without the ending of a notebook."""
    return file.name[: -len(".ipynb")] or file.name if file.is_notebook else file.name


def _new(name: str, piles: dict[str, _Pile]) -> str:
    """A name for the table that no pile has."""
    number, wanted = 1, cell(name) or "?"
    name = wanted
    while name in piles:
        number += 1
        name = f"{wanted} ({number})"
    return name


def _beside(file: File, piles: dict[str, _Pile]) -> _Pile:
    """The pile that a file without a person belongs to.

    That is the notebook which it is called after, or the only student in its folder or above it.
    Otherwise somebody handed in this file and no notebook: then it is a pile of its own.
    """
    folder = PurePosixPath(file.name).parent
    near = {name: pile for name, pile in piles.items() if _is_in(pile, folder)}
    stem = PurePosixPath(file.name).name
    called = [
        (len(s), name) for name, pile in near.items() for s in _stems(pile) if _starts(stem, s)
    ]
    if called:
        return near[max(called)[1]]
    while len(folder.parts) > 0:
        near = {name: pile for name, pile in piles.items() if _is_in(pile, folder)}
        if len(near) == 1:
            return next(iter(near.values()))
        if near:
            break
        folder = folder.parent
    own = PurePosixPath(file.name).parent.as_posix()
    name = _new(file.name if own == "." or near else own, piles)
    piles[name] = _Pile([])
    return piles[name]


def _is_in(pile: _Pile, folder: PurePosixPath) -> bool:
    """Whether a student has something in this very folder."""
    return any(PurePosixPath(file.name).parent == folder for file in pile.files)


def _stems(pile: _Pile) -> list[str]:
    """The names of a student's notebooks without their endings."""
    return [PurePosixPath(file.name).stem for file in pile.files if file.is_notebook]


def _starts(name: str, stem: str) -> bool:
    """Whether a file is called after another: ``ann.pdf`` or ``ann-proofs.pdf`` after ``ann``."""
    return name.startswith(stem) and not name[len(stem) : len(stem) + 1].isalnum()


def _entry(name: str, pile: _Pile, deadline: datetime | None) -> Entry:
    """The row of a pile: the newest notebook that can be read counts."""
    notebooks = sorted((file for file in pile.files if file.is_notebook), key=_age)
    readable = [file for file in notebooks if not file.fault]
    remarks = [pile.remark] if pile.remark else []
    counts = readable[-1] if readable else None
    if len(readable) > 1:
        left = ", ".join(file.name for file in readable[:-1])
        remarks.append(f"{len(readable)} notebooks: the newest counts, {counts.name}, not {left}.")
    beside = tuple(file for file in pile.files if file is not counts and file not in readable)
    if counts and beside:  # said here too: it may be somebody else's, by another name
        remarks.append(f"Also handed in: {', '.join(file.name for file in beside)}.")
    return Entry(
        student=name,
        notebook=counts,
        beside=beside,
        remarks=tuple(remarks),
        late=_late(counts, deadline) if counts else "",
        member=pile.member,
        fault="" if counts else _fault(pile.files),
    )


def _fault(files: Sequence[File]) -> str:
    """Why there is no notebook to grade."""
    if not files:
        return "Nothing handed in."
    told = ", ".join(f"{f.name} is {f.fault}" if f.fault else f.name for f in files[:5])
    more = f" and {len(files) - 5} more" if len(files) > 5 else ""
    return f"No notebook (.ipynb) that can be read; handed in: {told}{more}."


def _age(file: File) -> tuple[float, list[tuple[int, str]]]:
    """When a file was handed in; of one time, by its name, numbers in it as numbers."""
    parts = re.findall(r"\d+|\D+", PurePosixPath(file.name).stem)
    natural = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return _time(file)[0], natural


def _time(file: File) -> tuple[float, str]:
    """When a file was handed in, and who says so."""
    origin = file.origin
    if origin and origin.time:
        return origin.time, "the platform's file name"
    return file.time, "the file's time"


def _late(file: File, deadline: datetime | None) -> str:
    """By how much a file is late."""
    origin = file.origin
    if deadline and origin and origin.late:
        return "late (the platform's file name)"
    time, source = _time(file)
    minutes = round((time - deadline.timestamp()) / 60) if deadline else 0
    if minutes <= 0:
        return ""
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    told = f"{days} d {hours} h" if days else f"{hours} h {minutes} min"
    return f"{told} ({source})"
