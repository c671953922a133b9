"""The problem sets: parameters of a class and immediate checks, by label.

A notebook names its class once, ``COHORT = "book"``. Its numbers and the inputs of its checks come
from that name. A grader draws further inputs from a key that only the instructor has.
"""

import importlib
import pkgutil
import sys
from typing import Any

from resode_course.coursework._problem import (
    PUBLIC,
    AnswerError,
    Feedback,
    Mark,
    NotAttemptedError,
    Part,
    Problem,
    mark,
    mark_part,
    parameters_of,
    rng,
)

__all__ = [
    "PROBLEMS",
    "PUBLIC",
    "AnswerError",
    "Feedback",
    "Mark",
    "NotAttemptedError",
    "Part",
    "Problem",
    "check",
    "mark",
    "mark_part",
    "parameters",
    "parameters_of",
    "problems_of",
    "rng",
]


def _read_sets() -> dict[str, Problem]:
    """The problems of every module ``setN`` in this folder, by label."""
    found: dict[str, Problem] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if not name.startswith("set"):
            continue
        for problem in importlib.import_module(f"{__name__}.{name}").PROBLEMS:
            if problem.label in found:
                raise ValueError(f"{name} has a second problem {problem.label}; renumber one.")
            if problem.label.split(".")[0] != name.removeprefix("set"):
                raise ValueError(f"{name} has a problem {problem.label}; expected a number of it.")
            found[problem.label] = problem
    return found


PROBLEMS = _read_sets()


def problems_of(number: str) -> tuple[Problem, ...]:
    """Return the programming problems of a set, such as "1".

    Raises:
        KeyError: if there is no such set; the message lists those there are.
    """
    found = tuple(p for p in PROBLEMS.values() if p.label.split(".")[0] == number)
    if not found:
        sets = sorted({label.split(".")[0] for label in PROBLEMS})
        raise KeyError(f"there is no problem set {number!r}; there are {sets}.")
    return found


def parameters(label: str) -> dict[str, Any]:
    """Return the numbers of your class for a problem.

    Args:
        label: the problem's number, such as "1.2".

    Raises:
        KeyError: if there is no such problem.
        NameError: if the notebook does not say which class it belongs to.
    """
    return parameters_of(_problem(label), _cohort())


def check(label: str) -> None:
    """Print what your answer earns on the public inputs, and why not more.

    The mark is decided on other inputs, of the same kind.

    Args:
        label: the problem's number; the answer is looked up by the name that the statement gives.

    Raises:
        KeyError: if there is no such problem.
        NameError: if the notebook does not say which class it belongs to.
    """
    problem = _problem(label)
    answer = getattr(_notebook(), problem.name, ...)
    marks = mark(problem, answer, _cohort())
    print(report(problem, marks))


def report(problem: Problem, marks: tuple[Mark, ...]) -> str:
    """Return a line for the problem and one for each of its parts."""
    if not any(item.attempted for item in marks):
        return f"{problem.label} {problem.name}: not attempted."
    earned = sum(item.earned for item in marks)
    lines = [f"{problem.label} {problem.name}: {earned} of {problem.points} points."]
    for item in marks:
        outcome = "right." if item.feedback is None else f"not yet. {item.feedback}"
        lines.append(f"  {item.title} ({item.earned}/{item.points}): {outcome}")
    return "\n".join(lines)


def _problem(label: str) -> Problem:
    """The problem of this number."""
    if label not in PROBLEMS:
        raise KeyError(f"no problem has the number {label!r}; there are {sorted(PROBLEMS)}.")
    return PROBLEMS[label]


def _notebook() -> Any:
    """The module in which the cells of a notebook run."""
    return sys.modules["__main__"]


def _cohort() -> str:
    """The class that the notebook names."""
    cohort = getattr(_notebook(), "COHORT", None)
    if not isinstance(cohort, str):
        raise NameError(
            f"the notebook's COHORT is {cohort!r}; expected the name of your class. Run its first "
            "cell."
        )
    return cohort
