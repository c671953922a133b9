"""The command line of the grader: ``resode-grade``."""

import argparse
import contextlib
import difflib
import importlib
import importlib.util
import json
import math
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from resode_grader import _gradescope, _jail, _syscalls
from resode_grader._batch import Batch, unmarked
from resode_grader._editions import EditionsError, read_editions
from resode_grader._entries import Entry, entries
from resode_grader._files import obstacle, write
from resode_grader._folder import read_folder
from resode_grader._marks import HandMark, MarksError, read_marks
from resode_grader._office import Office, anonymous_code
from resode_grader._roster import TableError, read_roster
from resode_grader._rows import Row, full_marks, points_text
from resode_grader._submission import Limits
from resode_grader._text import say
from resode_grader.sets import PROBLEMS, problems_of

__all__ = ["main"]

SHORTEST = 16  # characters of a key
COHORT = re.compile(r"[\w.-]+")
UNFINISHED = 1  # the exit status if somebody has no mark
WRONG = 2  # the exit status of a command that cannot work
STOPPED = 130  # the exit status after an interrupt


class UsageError(Exception):
    """Something on the command line that cannot work; the message ends with the mend."""


def main(arguments: list[str] | None = None) -> int:
    """Grade; return the exit status: 0 only if everybody has a mark."""
    options = _parser().parse_args(arguments)
    options.out = options.out or Path(f"grades-set{options.number}.csv")
    _jail.hide()
    try:
        with _stoppable():
            return _run(options)
    except (UsageError, EditionsError, TableError, MarksError) as error:
        say(f"error: {error}", error=True)
        return WRONG
    except OSError as error:  # a name that no disk takes, a folder that cannot be entered
        say(f"error: got {error.strerror} at {error.filename}; mend that.", error=True)
        return WRONG
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on from here.", error=True)
        return STOPPED
    finally:
        _let_go_of_output()


def _run(options: argparse.Namespace) -> int:
    """Do what is asked."""
    _check(options)
    batch = _batch(options)
    if options.package:
        _gradescope.package(batch, options.package)
        say(f"Wrote {options.package}: upload it, and keep it secret, it contains the key.")
        return 0
    if options.gradescope:
        return _one(batch, options)
    return _folder(batch, options)


def _parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="resode-grade",
        description="Grade a folder of notebooks. Run it as often as you like: only what is new or "
        "has changed is graded, and marks that people gave are merged.",
        epilog="Exit status: 0 if everybody has a mark, 1 if not (their names come last), 2 if the "
        "command cannot work, 130 if it was stopped.",
    )
    add = parser.add_argument
    add("submissions", type=Path, nargs="?", help="a folder of notebooks, or one notebook")
    add("--set", required=True, dest="number", help="the problem set: 1, 2, ...")
    add("--cohort", required=True, help="the class, as its notebooks name it")
    add("--key", type=Path, help="the class's secret key; else cohorts/COHORT.key")
    add("--out", type=Path, help="the table, files go beside it; else grades-setN.csv")
    add("--editions", type=Path, help="what make assignments wrote; else _build/assignments/COHORT")
    people = parser.add_argument_group("the class")
    add = people.add_argument
    add("--roster", type=Path, help="CSV: id,name,email,file; or an export of Canvas or Moodle")
    add("--marks", type=Path, help="CSV with marks of proofs; else OUT-marks.csv, made once")
    add("--deadline", help="such as 2027-03-01T23:59, for the column 'late'")
    add("--anonymous", action="store_true", help="codes in place of names for the marker")
    again = parser.add_argument_group("grading again")
    again.add_argument("--only", nargs="+", metavar="NAME", help="grade these students again")
    again.add_argument("--again", action="store_true", help="grade everybody again")
    limits = parser.add_argument_group("limits")
    add = limits.add_argument
    add("--workers", type=int, default=os.cpu_count() or 1, help="submissions at a time")
    add("--seconds", type=float, default=Limits.seconds, help="for one submission")
    add("--memory", type=float, default=Limits.memory / 1e9, help="GB for one submission")
    add("--also", action="append", default=[], metavar="PACKAGE", help="one more for the class")
    scope = parser.add_argument_group("Gradescope")
    add = scope.add_argument
    add("--package", type=Path, metavar="ZIP", help="write a package to upload, grade nothing")
    add("--gradescope", type=Path, metavar="RESULTS", help="one notebook: write results.json")
    add("--forget-key", action="store_true", help="delete the key's file once it is read")
    add("--problems", default="", help=argparse.SUPPRESS)
    return parser


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot work before anything starts."""
    if os.name != "posix":
        raise UsageError(
            f"got the system {os.name!r}, expected Linux or macOS; on Windows, grade in WSL."
        )
    _check_class(options)
    for name, least in (("workers", 1), ("seconds", 1), ("memory", 0.1)):
        value = getattr(options, name)
        if not (value >= least and math.isfinite(value)):
            raise UsageError(f"got --{name} {value:g}, expected at least {least:g}.")
    if options.package:
        return
    if not (options.submissions and options.submissions.exists()):
        raise UsageError(f"got the submissions {options.submissions}, expected a folder; name one.")
    if not options.gradescope:
        _check_out(options)


def _check_class(options: argparse.Namespace) -> None:
    """Refuse a class and a set that there cannot be."""
    if not COHORT.fullmatch(options.cohort):
        raise UsageError(
            f"got the cohort {options.cohort!r}, expected letters, digits, dots, dashes and "
            "underscores; rename it."
        )
    try:
        if not options.problems:
            problems_of(options.number)
    except KeyError as error:
        raise UsageError(error.args[0]) from error
    for name in options.also:
        if not (name.isidentifier() and importlib.util.find_spec(name)):
            raise UsageError(
                f"got --also {name}, expected the name by which an installed package is imported; "
                f"install it beside the grader: {sys.executable} -m pip install {name}"
            )


def _check_out(options: argparse.Namespace) -> None:
    """Refuse a table that cannot be written, or that would lie among the submissions."""
    folder, out = options.submissions.resolve(), options.out.resolve()
    if folder in out.parents:
        raise UsageError(
            f"got --out {options.out} inside the submissions; name a place outside of them."
        )
    details = options.out.with_name(f"{options.out.stem}-details") / "probe"
    for path in (options.out, details):
        if why := obstacle(path):
            raise UsageError(f"got --out {options.out}, but cannot write {path}: {why}; mend that.")


def _batch(options: argparse.Namespace) -> Batch:
    """What is the same for all submissions."""
    limits = Limits.within(options.seconds, int(options.memory * 1e9))
    details = options.out.with_name(f"{options.out.stem}-details")
    key = _key(options)
    common = (options.number, options.cohort, key, details, limits, options.problems)
    return Batch(*common, also=options.also)


def _key(options: argparse.Namespace) -> str:
    """The class's secret."""
    path = options.key or Path("cohorts") / f"{options.cohort}.key"
    mend = f"Make it once: make cohort NAME={options.cohort}"
    if not path.is_file():
        raise UsageError(
            f"got no key at {path}; expected the file that decides the hidden inputs. {mend}"
        )
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"got a key at {path} that cannot be read ({error}). {mend}") from error
    if len(key) < SHORTEST or "\n" in key:
        raise UsageError(
            f"got a key of {len(key)} characters in {path}; expected one line of at "
            f"least {SHORTEST}. {mend}"
        )
    if options.forget_key:
        path.unlink()
    return key


def _problems(batch: Batch) -> Any:
    """The programming problems."""
    if batch.problems.startswith("resode_grader.sets."):
        return tuple(p for p in PROBLEMS.values() if p.label.split(".")[0] == batch.number)
    return importlib.import_module(batch.problems).PROBLEMS


@dataclass
class _Class:
    """A class while it is graded.

    Attributes:
        office: what is written about it.
        rows: everybody.
        marks: what people gave, by student and problem.
        codes: what stands for names, by student; empty where names are shown.
        results: what is graded so far, by student.
    """

    office: Office
    rows: list[Entry]
    marks: dict[tuple[str, str], HandMark]
    codes: dict[str, str]
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def table(self) -> list[Row]:
        """Everybody with all that is known; who is not graded yet has a sentence."""
        best = full_marks(self.office.problems, self.office.editions.written)
        later = unmarked("Not graded yet: the command was stopped before; run it again.")
        return [
            Row(
                entry,
                self.results.get(entry.student, later),
                {label: mark for (who, label), mark in self.marks.items() if who == entry.student},
                best,
                self.codes.get(entry.student, ""),
            )
            for entry in self.rows
        ]


def _folder(batch: Batch, options: argparse.Namespace) -> int:
    """Grade a folder and write all that belongs to it."""
    group = _class(batch, options)
    chosen = _chosen(group.rows, options.only)
    _announce(batch, group.office)
    before = {entry.student: batch.earlier(entry) for entry in group.rows}
    names = {entry.student for entry in chosen}
    for entry in group.rows:
        if entry.student not in names:
            group.results[entry.student] = _left_alone(batch, entry, before[entry.student])
    started = time.monotonic()
    changes: list[str] = []

    def report(done: int, entry: Entry, result: dict[str, Any]) -> None:
        group.results[entry.student] = result
        if changed := _difference(before[entry.student], result):
            changes.append(f"{entry.student}: {changed}")
        say(f"[{done}/{len(chosen)}] {time.monotonic() - started:.0f} s  {_told(entry, result)}")

    try:
        batch.run(chosen, options.workers, report, again=bool(options.only) or options.again)
    except KeyboardInterrupt:
        group.office.write_all(group.table())
        raise
    for change in changes:
        say(f"Changed: {change}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    say(f"{time.monotonic() - started:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processors.")
    return _finish(group)


def _announce(batch: Batch, office: Office) -> None:
    """Say what protects this machine, and which editions are not there."""
    machine = (_jail.landlock(), _syscalls.known(), bool(_jail.stranger()))
    say(_jail.protection(batch.command, *machine))
    if missing := office.editions.missing:
        say(
            f"No {' and no '.join(missing)} edition of set {batch.number} in "
            f"{office.editions.folder}: make assignments COHORT={batch.cohort}"
        )


def _told(entry: Entry, result: dict[str, Any]) -> str:
    """One result as a line."""
    earned = points_text(sum(problem["earned"] for problem in result["problems"]))
    remark = "".join(f"  {remark}" for remark in result["remarks"][:1])
    return f"{entry.student}: {'-' if result.get('unmarked') else earned}{remark}"


def _class(batch: Batch, options: argparse.Namespace) -> _Class:
    """Read everything that people wrote, and refuse it now if it cannot be used."""
    roster = read_roster(options.roster) if options.roster else None
    files = read_folder(options.submissions)
    if not files:
        raise UsageError(f"got nothing below {options.submissions}; expected notebooks (.ipynb).")
    rows = entries(files, roster, _deadline(options.deadline))
    editions = read_editions(options.editions, batch.cohort, batch.number)
    marks = options.marks or options.out.with_name(f"{options.out.stem}-marks.csv")
    office = Office(options.out, marks, batch.number, _problems(batch), editions, roster)
    codes = {}
    if options.anonymous:
        codes = {e.student: anonymous_code(batch.key, batch.number, e.student) for e in rows}
    given: dict[tuple[str, str], HandMark] = {}
    if marks.exists() and marks.stat().st_size:
        best = full_marks(office.problems, editions.written)
        given = read_marks(marks, _accepted(rows, codes), best)
    elif options.marks:
        say(f"There is no {marks} yet; it is made now.")
    return _Class(office, rows, given, codes)


def _accepted(rows: Sequence[Entry], codes: dict[str, str]) -> dict[str, str]:
    """The names by which a table of marks may call a student."""
    names = {code: student for student, code in codes.items()}
    for entry in rows:
        names[entry.student] = entry.student
        if entry.member and entry.member.id:
            names.setdefault(entry.member.id, entry.student)
    return names


def _deadline(text: str | None) -> datetime | None:
    """When a set was due."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise UsageError(
            f"got the deadline {text!r}, expected a date and a time such as 2027-03-01T23:59."
        ) from error


def _chosen(rows: list[Entry], only: list[str] | None) -> list[Entry]:
    """The students to grade: all, or those that are named."""
    if not only:
        return rows
    known = {entry.student: entry for entry in rows}
    known |= {entry.member.id: entry for entry in rows if entry.member and entry.member.id}
    known |= {entry.notebook.name: entry for entry in rows if entry.notebook}
    for name in only:
        if name not in known:
            near = ", ".join(difflib.get_close_matches(name, known, 3, 0.3)) or "none is like it"
            raise UsageError(f"got --only {name!r}, expected a name of the table ({near}).")
    return list(dict.fromkeys(known[name] for name in only))


def _left_alone(batch: Batch, entry: Entry, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """The result of somebody who is not graded this time."""
    if entry.fault:
        return unmarked(entry.fault)
    if not earlier:
        return unmarked("Not graded yet: run the command without --only.")
    if batch.kept(entry):
        return earlier
    remark = "Graded with another version, other limits or another file; run without --only."
    return {**earlier, "remarks": [*earlier["remarks"], remark]}


def _difference(before: dict[str, Any] | None, after: dict[str, Any]) -> str:
    """What is different from the last result, "" if nothing or there was none."""
    if not before:
        return ""
    old, new = ({p["label"]: p["earned"] for p in r["problems"]} for r in (before, after))
    changed = [
        f"{label} {points_text(old.get(label)) or '-'} -> {points_text(new.get(label)) or '-'}"
        for label in dict.fromkeys([*old, *new])
        if old.get(label) != new.get(label)
    ]
    return ", ".join(changed)


def _finish(group: _Class) -> int:
    """Write everything; say who has no mark and what could not be written."""
    rows, office = group.table(), group.office
    faults = office.write_all(rows)
    strangers = [r.student for r in rows if office.roster and not r.entry.member]
    if strangers:
        say(f"Nobody on the roster: {', '.join(strangers)}.")
    absent = [row for row in rows if not row.is_mark(office.programs)]
    say(f"{len(rows)} rows, {len(rows) - len(absent)} with marks: {office.out}")
    if absent:
        say(f"Without a mark, {len(absent)}:")
        for row in absent:
            say(f"  {row.student}: {' '.join(row.remarks)}")
    for fault in faults:
        say(f"error: {fault}", error=True)
    if faults:
        say("The results are kept: mend that, and run the same command again.", error=True)
        if any(fault.startswith(f"{office.out} ") for fault in faults):
            for row in rows:
                say(f"  {row.student}: {points_text(row.total) or 'no mark'}")
    return UNFINISHED if absent or faults else 0


def _one(batch: Batch, options: argparse.Namespace) -> int:
    """Grade one notebook and write Gradescope's results, whatever happens."""
    found = [row for row in entries(read_folder(options.submissions)) if row.notebook]
    results: list[dict[str, Any]] = []
    if len(found) == 1:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            batch.details = Path(folder)
            batch.run(found, 1, lambda _, __, result: results.append(result))
    else:
        remark = f"Got {len(found)} notebooks (.ipynb), expected one; hand in again."
        results.append({"remarks": [remark], "problems": []})
    text = json.dumps(_gradescope.results(results[0]), indent=1)
    write(options.gradescope, text)
    return 0


@contextlib.contextmanager
def _stoppable() -> Any:
    """Take a closed terminal and a polite request to end for an interrupt."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    except ValueError:  # not the main thread: then nobody sends signals here
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _let_go_of_output() -> None:
    """If nobody reads our output any more, let Python not complain about it at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
