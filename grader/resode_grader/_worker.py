"""A trusted process that marks one submission after another: a JSON line in, a JSON line out.

It is a process of its own since an answer's value may be such that a check never ends, or fills the
memory. Then the command stops this process, explains the row, and starts another.
"""

import hashlib
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from resode_course.coursework.cases import AnswerError, NotAttemptedError
from resode_course.coursework.marks import Mark
from resode_grader import _jail, _processes
from resode_grader._notebook import NotebookError, read_notebook
from resode_grader._packages import DECLARED
from resode_grader._submission import Limits, Submission
from resode_grader.sets import PUBLIC, Part, Problem, mark_part, parameters_of

__all__ = ["grade", "main"]

CHECK_SECONDS = 60.0  # of the processor, for one part; calls of the answer have their own limits
NEVER_ENDED = "The check did not end with what it returned."
HIDDEN_ONLY = (
    "Right on the inputs of your own check, wrong on others: it must hold for all inputs that the "
    "statement allows."
)


def grade(path: Path, problems: Sequence[Problem], job: dict[str, Any]) -> dict[str, Any]:
    """Return everything about one submission as JSON can hold it.

    Args:
        path: the notebook.
        problems: the programming problems of the set.
        job: ``cohort``, ``key``, ``limits``, ``command`` and ``also``.
    """
    started = time.monotonic()
    result: dict[str, Any] = {"remarks": [], "output": "", "problems": []}
    try:
        notebook = read_notebook(path)
        result["hash"] = hashlib.sha256(path.read_bytes()).hexdigest()
    except NotebookError as error:
        result["remarks"] = [str(error)]
        result["problems"] = [_unreadable(problem, str(error)) for problem in problems]
        return result
    result |= _run(notebook.code, problems, job)
    result["seconds"] = round(time.monotonic() - started, 1)
    return result


def _run(code: Sequence[str], problems: Sequence[Problem], job: dict[str, Any]) -> dict[str, Any]:
    """What comes out of the code cells."""
    cohort, key = job["cohort"], job["key"]
    numbers = {problem.label: parameters_of(problem, cohort) for problem in problems}
    labels = {problem.name: problem.label for problem in problems}
    settings = (code, numbers, labels, Limits(**job["limits"]), job["command"])
    with Submission(*settings) as tested:
        marks = [_marks(problem, problem.parts, tested, cohort, key) for problem in problems]
    _processes.end_children()  # nothing that has met hidden inputs is left, whatever it started
    with Submission(*settings) as fresh:
        told = [
            _told(problem, of_problem, tested, fresh, cohort)
            for problem, of_problem in zip(problems, marks, strict=True)
        ]
    result = {
        "problems": [_record(*row) for row in zip(problems, marks, told, strict=True)],
        "remarks": _remarks(tested, job),
        "limits_met": tested.limits_met,
        "output": tested.output.decode("utf-8", "replace"),
    }
    if tested.starved:  # no fault of the student's
        remarks = [*result["remarks"], "Not marked: grade by hand."]
        return {**result, "problems": [], "remarks": remarks, "unmarked": True}
    return result


def _marks(
    problem: Problem, parts: Sequence[Part], submission: Submission, cohort: str, key: str
) -> list[Mark]:
    """The marks of some parts of a problem."""
    try:
        answer = submission.answer(problem.name)
    except AnswerError as error:
        return _same(parts, str(error), not isinstance(error, NotAttemptedError))
    marks: list[Mark] = []
    for part in parts:
        stops = submission.stops
        mark = _mark(problem, part, answer, cohort, key)
        if mark.feedback == NEVER_ENDED:  # perhaps within a call, whose reply nobody expects now
            submission.stop()
        marks.append(mark)
        if mark.feedback and submission.stops > stops:  # the rest would hang or end in the same way
            return marks + _same(parts[len(marks) :], mark.feedback)
    return marks


def _told(
    problem: Problem, marks: Sequence[Mark], tested: Submission, fresh: Submission, cohort: str
) -> list[str | None]:
    """What a student reads about each part: what the public inputs give.

    A sentence of a process that has met hidden inputs could contain them, even on public ones. So
    another process of the same notebook is asked, which never does; and the grader's own sentences
    stay: a limit that was met, say.
    """
    ours = {NEVER_ENDED, *tested.sentences}
    safe = [m.feedback is None or m.feedback in ours or not m.attempted for m in marks]
    asked = [part for part, known in zip(problem.parts, safe, strict=True) if not known]
    public = _marks(problem, asked, fresh, cohort, PUBLIC) if asked else []
    sentences = {mark.title: mark.feedback or HIDDEN_ONLY for mark in public}
    return [
        mark.feedback if known else sentences[mark.title]
        for mark, known in zip(marks, safe, strict=True)
    ]


def _part_record(mark: Mark, told: str | None) -> dict[str, Any]:
    """A part as JSON can hold it: what the student may read, and what only the marker may."""
    return {
        "title": mark.title,
        "points": mark.points,
        "earned": mark.earned,
        "attempted": mark.attempted,
        "feedback": told,
        "hidden": mark.feedback,
    }


def _mark(problem: Problem, part: Part, answer: Any, cohort: str, key: str) -> Mark:
    """Mark a part within a time that a check of a right answer never needs."""
    try:
        with _alarm():
            return mark_part(problem, part, answer, cohort, key)
    except TimeoutError:
        return Mark(part.title, part.points, NEVER_ENDED)


@contextmanager
def _alarm() -> Any:
    """Raise `TimeoutError` after `CHECK_SECONDS`; checks must not take it for an answer's error.

    Only the check's own time counts, not the answer's, and not what neighbours take.
    """

    def ring(*_: object) -> None:
        raise _CheckTimeoutError

    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, CHECK_SECONDS)
    try:
        yield
    except _CheckTimeoutError:
        raise TimeoutError from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


class _CheckTimeoutError(BaseException):
    """No `Exception`, so that nothing between takes it for an error of its own."""


def _unreadable(problem: Problem, reason: str) -> dict[str, Any]:
    """No points, since there is no notebook."""
    marks = _same(problem.parts, reason)
    return _record(problem, marks, [reason] * len(marks))


def _same(parts: Sequence[Part], reason: str, attempted: bool = True) -> list[Mark]:
    """Marks of parts that earn nothing, all for one reason."""
    return [Mark(part.title, part.points, reason, attempted) for part in parts]


def _record(problem: Problem, marks: Sequence[Mark], told: Sequence[str | None]) -> dict[str, Any]:
    """A problem with its parts."""
    return {
        "label": problem.label,
        "name": problem.name,
        "points": problem.points,
        "earned": sum(mark.earned for mark in marks),
        "attempted": any(mark.attempted for mark in marks),
        "parts": [_part_record(mark, text) for mark, text in zip(marks, told, strict=True)],
    }


def _remarks(submission: Submission, job: dict[str, Any]) -> list[str]:
    """What the marker should know."""
    remarks = [submission.reason] if submission.reason else []
    if submission.limits_met:
        remarks.append(f"Limits of time: {', '.join(submission.limits_met)}.")
    if submission.failed:
        more = f" and {len(submission.failed) - 1} more" if len(submission.failed) > 1 else ""
        remarks.append(f"An error in {submission.failed[0]}{more}.")
    remarks += _packages(submission, {*DECLARED, *job["also"]})
    if submission.cohort not in (None, job["cohort"]):
        remarks.append(f"The notebook is of the cohort {submission.cohort!r}.")
    return remarks


def _packages(submission: Submission, declared: set[str]) -> list[str]:
    """Which packages were wanted and not there, or are there and were not agreed on."""
    names = dict.fromkeys(name.partition(".")[0] for name in submission.missing)
    remarks = [
        f"{name} is not among the packages of this grading environment; what needs it was passed "
        "over."
        for name in names
        if name not in declared
    ]
    further = [name for name in submission.imported if name not in declared]
    if further:
        remarks.append(f"Not among the packages of the class, but installed: {', '.join(further)}.")
    return remarks


def main() -> None:
    """Read jobs until there are no more."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing else that prints gets among the replies
    _jail.hide()
    job = json.loads(sys.stdin.readline())
    _jail.limit(2 * job["limits"]["memory"], 10**10, 10**6)
    _jail.adopt()
    sys.path[:0] = job.get("path", [])
    problems = importlib.import_module(job["problems"]).PROBLEMS
    for line in sys.stdin:
        result = grade(Path(os.fsdecode(bytes.fromhex(line.strip()))), problems, job)
        _processes.end_children()
        replies.write(json.dumps(result) + "\n")
        replies.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # the command has gone
        main()
