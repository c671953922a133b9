"""The command line of the grader: ``resode-grade``."""

import argparse
import importlib.util
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from resode_course.coursework import PROBLEMS, problems_of
from resode_grader import _gradescope, _jail, _report, _syscalls
from resode_grader._batch import Batch, Task, find
from resode_grader._submission import Limits

__all__ = ["main"]

SHORTEST = 16  # characters of a key
COHORT = re.compile(r"[\w.-]+")


class UsageError(Exception):
    """Something on the command line that cannot work; the message ends with the mend."""


def main(arguments: list[str] | None = None) -> int:
    """Grade; return the exit status."""
    options = _parser().parse_args(arguments)
    _jail.hide()
    try:
        batch = _batch(options)
        if options.package:
            _gradescope.package(batch, options.package)
            print(f"Wrote {options.package}: upload it, and keep it secret, it contains the key.")
        elif options.gradescope:
            _one(batch, options)
        else:
            _folder(batch, options)
    except (UsageError, KeyError) as error:
        print(f"error: {error.args[0]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="resode-grade", description="Grade notebooks.")
    add = parser.add_argument
    add("submissions", type=Path, nargs="?", help="a folder of notebooks, or one notebook")
    add("--set", required=True, dest="number", help="the problem set: 1, 2, ...")
    add("--cohort", required=True, help="the class, as its notebooks name it")
    add("--key", type=Path, help="the class's secret key; else cohorts/COHORT.key")
    add("--out", type=Path, default=Path("grades.csv"), help="the table; files go beside it")
    add("--instructor", type=Path, help="the instructor edition, for the rubrics")
    add("--workers", type=int, default=os.cpu_count() or 1, help="submissions at a time")
    add("--seconds", type=float, default=Limits.seconds, help="for one submission")
    add("--memory", type=float, default=Limits.memory / 1e9, help="GB for one submission")
    add("--again", action="store_true", help="forget the results of an earlier run")
    add("--gradescope", type=Path, metavar="RESULTS", help="one notebook: write results.json")
    add("--package", type=Path, metavar="ZIP", help="write a package for Gradescope, grade nothing")
    add("--forget-key", action="store_true", help="delete the key's file once it is read")
    add("--also", action="append", default=[], metavar="PACKAGE", help="one more for the class")
    add("--problems", default="", help=argparse.SUPPRESS)
    return parser


def _batch(options: argparse.Namespace) -> Batch:
    """What is the same for all submissions."""
    if os.name != "posix":
        raise UsageError(
            f"got the system {os.name!r}, expected Linux or macOS; on Windows, grade in WSL."
        )
    if not COHORT.fullmatch(options.cohort):
        raise UsageError(
            f"got the cohort {options.cohort!r}, expected letters, digits, dots, dashes and "
            "underscores; rename it."
        )
    if not options.problems:
        problems_of(options.number)
    if not options.package and not (options.submissions and options.submissions.exists()):
        raise UsageError(f"got the submissions {options.submissions}, expected a folder; name one.")
    for name in options.also:
        if not (name.isidentifier() and importlib.util.find_spec(name)):
            raise UsageError(
                f"got --also {name}, expected the name by which an installed package is imported; "
                f"install it beside the grader: {sys.executable} -m pip install {name}"
            )
    limits = Limits.within(options.seconds, int(options.memory * 1e9))
    details = options.out.with_name(f"{options.out.stem}-details")
    key = _key(options)
    common = (options.number, options.cohort, key, details, limits, options.problems)
    return Batch(*common, also=options.also)


def _key(options: argparse.Namespace) -> str:
    """The class's secret."""
    path = options.key or Path("cohorts") / f"{options.cohort}.key"
    if not path.exists():
        raise UsageError(
            f"got no key at {path}; expected the file that decides the hidden inputs. "
            f"Make it once: make cohort NAME={options.cohort}"
        )
    key = path.read_text(encoding="utf-8").strip()
    if len(key) < SHORTEST or "\n" in key:
        raise UsageError(
            f"got a key of {len(key)} characters in {path}; expected one line of at "
            f"least {SHORTEST}. Make one: make cohort NAME={options.cohort}"
        )
    if options.forget_key:
        path.unlink()
    return key


def _problems(batch: Batch) -> Any:
    """The programming problems."""
    if batch.problems.startswith("resode_course.coursework."):
        return tuple(p for p in PROBLEMS.values() if p.label.split(".")[0] == batch.number)
    import importlib

    return importlib.import_module(batch.problems).PROBLEMS


def _folder(batch: Batch, options: argparse.Namespace) -> None:
    """Grade a folder and write the table, the students' files and the markers' files."""
    tasks = list(find(options.submissions))
    if not tasks:
        raise UsageError(f"got no notebook (.ipynb) below {options.submissions}; expected some.")
    if options.again:
        for task in tasks:
            batch.file(task).unlink(missing_ok=True)
    edition = options.instructor or Path(
        f"_build/assignments/{options.cohort}/instructor/set{batch.number}.ipynb"
    )
    written = _report.read_written(edition)
    machine = (_jail.landlock(), _syscalls.known(), bool(_jail.stranger()))
    print(_jail.protection(batch.command, *machine))
    if not written:
        print(
            f"No rubrics: {edition} is not there. Make it: make assignments COHORT={batch.cohort}"
        )
    _mention_others(options.submissions)
    results: dict[str, dict[str, Any]] = {}
    problems = _problems(batch)
    started = time.monotonic()

    def report(done: int, task: Task, result: dict[str, Any]) -> None:
        results[task.student] = result
        _report.write_files(options.out, result, written)
        rows = [results[name] for name in sorted(results)]
        _report.write_table(options.out, rows, problems, written)
        earned = sum(problem["earned"] for problem in result["problems"])
        seconds = time.monotonic() - started
        remark = f"  {result['remarks'][0]}" if result["remarks"] else ""
        name = task.student.encode(sys.stdout.encoding or "utf-8", "replace").decode(
            sys.stdout.encoding or "utf-8"
        )
        print(f"[{done}/{len(tasks)}] {seconds:.0f} s  {name}: {earned}{remark}", flush=True)

    batch.run(tasks, options.workers, report)
    print(f"Wrote {options.out}; beside it feedback for students and files for the marker.")


def _mention_others(folder: Path) -> None:
    """Say what is handed in and is no notebook: nobody should be overlooked."""
    others = [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".ipynb"]
    if others:
        shown = ", ".join(sorted(others)[:5])
        print(f"Not notebooks, left alone: {len(others)} files ({shown}).")


def _one(batch: Batch, options: argparse.Namespace) -> None:
    """Grade one notebook and write Gradescope's results."""
    given = options.submissions
    tasks = list(find(given)) if given.is_dir() else [Task(given, given.stem)]
    if len(tasks) == 1:
        with tempfile.TemporaryDirectory() as folder:
            batch.details = Path(folder)
            batch.run(tasks, 1, lambda _, __, result: _write_results(options.gradescope, result))
        return
    remark = f"Got {len(tasks)} notebooks (.ipynb), expected one; hand in again."
    nothing = {"remarks": [remark], "problems": []}
    _write_results(options.gradescope, nothing)


def _write_results(path: Path, result: dict[str, Any]) -> None:
    """Write Gradescope's results."""
    path.write_text(json.dumps(_gradescope.results(result), indent=1), encoding="utf-8")
