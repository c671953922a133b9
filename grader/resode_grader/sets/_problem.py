"""A problem of a problem set: what its numbers and inputs are drawn from, and what is right.

A notebook holds the cases that one draw gives, see `resode_course.coursework`. How they are drawn,
and so how the problem is solved, stays on this side.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from resode_course.coursework.marks import DrawnPart, DrawnProblem, Mark, Property
from resode_course.coursework.sheets import Sheet

__all__ = [
    "PUBLIC",
    "Part",
    "Problem",
    "drawn",
    "mark",
    "mark_part",
    "parameters_of",
    "rng",
    "sheet_of",
]

PUBLIC = "public"
"""In place of a class's secret key: the inputs that a student's own check has."""


@dataclass(frozen=True)
class Part:
    """One line of the mark.

    Attributes:
        title: what the points are for, in a few words.
        points: what this part is worth.
        cases: ``(parameters, rng) -> cases``, what is asked of an answer. ``rng`` draws the inputs.
            They are drawn one after the other, as far as the answer is right.
    """

    title: str
    points: int
    cases: Callable[[dict[str, Any], np.random.Generator], Iterable[Property]]


@dataclass(frozen=True)
class Problem:
    """A programming problem.

    Attributes:
        label: its number, such as "1.2".
        name: the name that the answer has in the notebook.
        points: full marks, the sum over the parts.
        draw: ``rng -> parameters``, the numbers of one class, which the statement shows.
        parts: what the points are for.
    """

    label: str
    name: str
    points: int
    draw: Callable[[np.random.Generator], dict[str, Any]]
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        """Refuse points that do not add up, and parts that feedback could not tell apart."""
        total = sum(part.points for part in self.parts)
        if total != self.points:
            raise ValueError(
                f"problem {self.label} is worth {self.points} points, but its parts add up to "
                f"{total}; change one of them."
            )
        titles = [part.title for part in self.parts]
        if len(set(titles)) < len(titles):
            raise ValueError(f"problem {self.label} has two parts of the same title: {titles}.")


def rng(*words: str) -> np.random.Generator:
    """Return the generator that belongs to these words, the same on every machine.

    Args:
        words: such as a cohort, a problem's label and a secret key; none contains a line end.
    """
    digest = hashlib.sha256("\n".join(words).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def parameters_of(problem: Problem, cohort: str) -> dict[str, Any]:
    """Return the numbers of a class; a fresh copy each time."""
    return problem.draw(rng(cohort, problem.label))


def drawn(problem: Problem, part: Part, cohort: str, key: str = PUBLIC) -> DrawnPart:
    """Return a part with the inputs of a class; each is drawn when it is looked at, once.

    Args:
        problem: the problem.
        part: one of its parts.
        cohort: the class, which has numbers of its own.
        key: what the inputs are drawn from.
    """
    draws = rng(cohort, problem.label, key, part.title)
    return DrawnPart(part.title, part.points, part.cases(parameters_of(problem, cohort), draws))


def sheet_of(number: str, problems: Sequence[Problem], cohort: str) -> Sheet:
    """Return what the notebooks of a class hold: public inputs, and all that they expect.

    Args:
        number: the set, such as "1".
        problems: its programming problems.
        cohort: the class.
    """
    found = []
    for problem in problems:
        parts = (drawn(problem, part, cohort) for part in problem.parts)
        whole = tuple(DrawnPart(part.title, part.points, tuple(part.cases)) for part in parts)
        numbers = parameters_of(problem, cohort)
        found.append(DrawnProblem(problem.label, problem.name, numbers, whole))
    return Sheet(number, cohort, tuple(found))


def mark(problem: Problem, answer: Any, cohort: str, key: str = PUBLIC) -> tuple[Mark, ...]:
    """Return what each part of an answer earns.

    Args:
        problem: the problem.
        answer: the student's function or data, or a proxy that stands for it.
        cohort: the class, which decides the parameters.
        key: what the test inputs are drawn from.
    """
    return tuple(mark_part(problem, part, answer, cohort, key) for part in problem.parts)


def mark_part(problem: Problem, part: Part, answer: Any, cohort: str, key: str) -> Mark:
    """Return what one part earns; an exception becomes feedback.

    Args:
        problem: the problem.
        part: one of its parts.
        answer: what the student wrote, a value or a function.
        cohort: the class, which has numbers of its own.
        key: what hidden inputs are drawn from.
    """
    return drawn(problem, part, cohort, key).mark(answer)
