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
from resode_grader._submission import Limits, Submission
from resode_grader.sets import PUBLIC, Part, Problem, mark_part, parameters_of

__all__ = ["grade", "main"]

CHECK_SECONDS = 60.0  # for one part: the calls of the answer have limits of their own
HIDDEN_ONLY = (
    "Right on the inputs of your own check, wrong on others: it must hold for all inputs that the "
    "statement allows."
)


def grade(path: Path, problems: Sequence[Problem], job: dict[str, Any]) -> dict[str, Any]:
    """Return everything about one submission as JSON can hold it.

    Args:
        path: the notebook.
        problems: the programming problems of the set.
        job: ``cohort``, ``key``, ``limits`` and ``command``.
    """
    started = time.monotonic()
    result: dict[str, Any] = {"remarks": [], "output": "", "problems": []}
    try:
        notebook = read_notebook(path)
        result["hash"] = hashlib.sha256(path.read_bytes()).hexdigest()
    except NotebookError as error:
        result["remarks"] = [str(error)]
        result["problems"] = [_nothing(problem, str(error)) for problem in problems]
        return result
    numbers = {problem.label: parameters_of(problem, job["cohort"]) for problem in problems}
    limits = Limits(**job["limits"])
    labels = {problem.name: problem.label for problem in problems}
    with Submission(notebook.code, numbers, labels, limits, job["command"]) as submission:
        result["problems"] = [_problem(problem, submission, job) for problem in problems]
        result["remarks"] = _remarks(submission, job["cohort"])
        result["output"] = submission.output.decode("utf-8", "replace")
    result["seconds"] = round(time.monotonic() - started, 1)
    return result


def _problem(problem: Problem, submission: Submission, job: dict[str, Any]) -> dict[str, Any]:
    """The marks of one problem."""
    try:
        answer = submission.answer(problem.name)
    except AnswerError as error:
        return _nothing(problem, str(error), not isinstance(error, NotAttemptedError))
    parts: list[dict[str, Any]] = []
    for part in problem.parts:
        stops = submission.stops
        hidden = _mark(problem, part, answer, job["cohort"], job["key"])
        if submission.stops > stops:  # the rest would hang or end in the same way
            reason = str(hidden.feedback)
            return _record(problem, parts + _same(problem.parts[len(parts) :], reason))
        told = _told(problem, part, hidden, answer, job["cohort"])
        parts.append(_part_record(hidden, told))
    return _record(problem, parts)


def _told(problem: Problem, part: Part, hidden: Mark, answer: Any, cohort: str) -> str | None:
    """What a student reads about a part: what the public inputs give.

    A sentence from hidden inputs could contain their values.
    """
    if hidden.feedback is None:
        return None
    return _mark(problem, part, answer, cohort, PUBLIC).feedback or HIDDEN_ONLY


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
        return Mark(part.title, part.points, "The check did not end with what it returned.")


@contextmanager
def _alarm() -> Any:
    """Raise `TimeoutError` after `CHECK_SECONDS`; checks must not take it for an answer's error."""

    def ring(*_: object) -> None:
        raise _CheckTimeoutError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, CHECK_SECONDS)
    try:
        yield
    except _CheckTimeoutError:
        raise TimeoutError from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class _CheckTimeoutError(BaseException):
    """No `Exception`, so that nothing between takes it for an error of its own."""


def _nothing(problem: Problem, reason: str, attempted: bool = True) -> dict[str, Any]:
    """No points, for one reason."""
    return _record(problem, _same(problem.parts, reason, attempted))


def _same(parts: Sequence[Part], reason: str, attempted: bool = True) -> list[dict[str, Any]]:
    """Parts that earn nothing, all for one reason."""
    marks = [Mark(part.title, part.points, reason, attempted) for part in parts]
    return [_part_record(mark, reason) for mark in marks]


def _record(problem: Problem, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """A problem with its parts."""
    return {
        "label": problem.label,
        "name": problem.name,
        "points": problem.points,
        "earned": sum(part["earned"] for part in parts),
        "attempted": any(part["attempted"] for part in parts),
        "parts": parts,
    }


def _remarks(submission: Submission, cohort: str) -> list[str]:
    """What the marker should know."""
    remarks = [submission.reason] if submission.reason else []
    if submission.failed:
        more = f" and {len(submission.failed) - 1} more" if len(submission.failed) > 1 else ""
        remarks.append(f"An error in {submission.failed[0]}{more}.")
    if submission.cohort not in (None, cohort):
        remarks.append(f"The notebook is of the cohort {submission.cohort!r}.")
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
