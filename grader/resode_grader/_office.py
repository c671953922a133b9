"""All that is written about a class, from its rows; it may be written as often as one likes."""

import hashlib
import hmac
import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from resode_grader import _marking, _similarity, _statistics, _table
from resode_grader._editions import Editions
from resode_grader._entries import Entry
from resode_grader._feedback import feedback
from resode_grader._files import write
from resode_grader._marks import template
from resode_grader._notebook import NotebookError, read_notebook
from resode_grader._roster import Roster
from resode_grader._rows import Row
from resode_grader._text import say
from resode_grader.sets import Problem

__all__ = ["Office", "anonymous_code"]

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no letter that looks like another


@dataclass(frozen=True)
class Office:
    """Where a class's files go, and what they are made from.

    Attributes:
        out: the table of marks; the other files stand beside it under its name.
        marks: the table that people fill in.
        number: the set.
        problems: those that the command marks.
        editions: what was handed out, rubrics, the solution.
        roster: the class, if there is a list of it.
    """

    out: Path
    marks: Path
    number: str
    problems: Sequence[Problem]
    editions: Editions
    roster: Roster | None = None

    @property
    def title(self) -> str:
        """The name of the set."""
        return f"Set {self.number}"

    @property
    def programs(self) -> list[str]:
        """The labels of the programs."""
        return [problem.label for problem in self.problems]

    def beside(self, what: str) -> Path:
        """A file or folder beside the table."""
        return self.out.with_name(f"{self.out.stem}-{what}")

    def write_all(self, rows: Sequence[Row]) -> list[str]:
        """Write everything; return what could not be written, and why.

        One file that fails keeps no other from being written.
        """
        faults: list[str] = []

        def attempt(path: Path, make: Callable[[], str | bytes]) -> None:
            try:
                write(path, make())
            except Exception as error:  # full disks, and what a submission makes us stumble over
                why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
                faults.append(f"{path} could not be written ({why}).")

        labels = list(rows[0].best) if rows else []
        attempt(self.out, lambda: _table.marks(rows, labels, self.roster))
        self._write_students(rows, attempt)
        self._write_class(rows, attempt)
        self._write_marks(rows, faults)
        if self.roster:
            attempt(self.beside("canvas.csv"), lambda: self._exported(_table.canvas, rows))
            attempt(self.beside("moodle.csv"), lambda: self._exported(_table.moodle, rows))
        # Last, since it reads code of students in this process.
        attempt(self.beside("similar.csv"), lambda: _similarity.similar_table(self._pairs(rows)))
        return faults

    def _write_students(self, rows: Iterable[Row], attempt: Callable[..., None]) -> None:
        """A page for each student, and one for the marker."""
        feedbacks, markings = self.beside("feedback"), self.beside("marking")
        written = self.editions.written
        for row in rows:
            page = feedbacks / f"{row.entry.file}.html"
            attempt(page, lambda row=row: feedback(row, written, self.title))
            page = markings / f"{row.code or row.entry.file}.html"
            attempt(page, lambda row=row: _marking.marking(row, self.editions, markings))
        attempt(markings / "index.html", lambda: _marking.contents(rows, written))
        attempt(self.beside("feedback.zip"), lambda: self._archive(rows))

    def _write_class(self, rows: Sequence[Row], attempt: Callable[..., None]) -> None:
        """What concerns all of them."""
        attempt(self.beside("class.html"), lambda: _statistics.page(rows, self.title))
        if any(row.code for row in rows):
            attempt(self.beside("names.csv"), lambda: _table.codes(rows))

    def _write_marks(self, rows: Sequence[Row], faults: list[str]) -> None:
        """The table to fill in, if it is not there yet."""
        if not self.editions.written:
            return
        try:
            if self.marks.exists() and self.marks.stat().st_size:
                return
            names = [row.code or row.student for row in rows]
            write(self.marks, template(names, self.editions.written))
            say(f"Marks and comments of the proofs go into {self.marks}.")
        except OSError as error:
            faults.append(f"{self.marks} could not be written ({error.strerror}).")

    def _exported(self, kind: Callable[..., str], rows: Sequence[Row]) -> str:
        """A table for a platform."""
        return kind(rows, self.title, self.programs, self.roster)

    def _archive(self, rows: Iterable[Row]) -> bytes:
        """The feedback of all in one file, in folders that Moodle takes back if it named them."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for row in rows:
                page = feedback(row, self.editions.written, self.title)
                entry = zipfile.ZipInfo(f"{_folder(row.entry, self.number)}.html")
                entry.external_attr = 0o600 << 16
                archive.writestr(entry, page.encode("utf-8", "backslashreplace"))
        return buffer.getvalue()

    def _pairs(self, rows: Iterable[Row]) -> list[_similarity.Pair]:
        """Answers that are alike."""
        notebooks = {}
        for row in rows:
            if row.entry.notebook:
                with suppress(NotebookError):
                    notebooks[row.student] = read_notebook(row.entry.path)
        return _similarity.pairs(notebooks, self.editions.solution, self.problems)


def anonymous_code(key: str, number: str, student: str) -> str:
    """Return what stands for a student's name: the same in every run, and nobody else can tell."""
    message = f"{number}\n{student}".encode("utf-8", "backslashreplace")
    digest = hmac.new(key.encode(), message, hashlib.sha256).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:8])


def _folder(entry: Entry, number: str) -> str:
    """The name in the archive, without its ending.

    Moodle takes feedback from folders called as in its download, such as
    ``Jane Doe_123_assignsubmission_file_`` (https://docs.moodle.org/en/Assignment_settings,
    "Feedback files"; its importer: moodle, mod/assign/feedback/file/importziplib.php).
    """
    files = [file for file in (entry.notebook, *entry.beside) if file]
    origin = next((file.origin for file in files if file.origin), None)
    if origin and origin.platform == "Moodle":
        return f"{origin.who}_{origin.id}_assignsubmission_file_/feedback-set{number}"
    return entry.file
