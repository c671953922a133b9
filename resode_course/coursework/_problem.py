"""A problem of a problem set: what a class gets to see, and how an answer earns its points.

An answer is plain data or a function from plain data to plain data. So the code of a student can
run in another process, while what is right stays in this one.
"""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from resode_course._feedback import Feedback
from resode_course._plain import NotPlainError, plain

__all__ = [
    "PUBLIC",
    "AnswerError",
    "Feedback",
    "Mark",
    "NotAttemptedError",
    "Part",
    "Problem",
    "local",
    "mark",
    "mark_part",
    "parameters_of",
    "rng",
]

PUBLIC = "public"
"""In place of a class's secret key: the inputs that a student's own check draws."""


class AnswerError(Exception):
    """A call of the answer gave nothing that a check could look at; the message is feedback."""


class NotAttemptedError(AnswerError):
    """The answer is still what the student edition hands out."""


@dataclass(frozen=True)
class Part:
    """One line of the mark.

    Attributes:
        title: what the points are for, in a few words.
        points: what this part is worth.
        check: ``(answer, parameters, rng) -> None`` if right, else one specific sentence. ``rng``
            draws the inputs. It calls the answer with plain data only, and looks at what returns.
    """

    title: str
    points: int
    check: Callable[[Any, dict[str, Any], np.random.Generator], Feedback]


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


@dataclass(frozen=True)
class Mark:
    """What one part of an answer earned.

    Attributes:
        title: the part's title.
        points: what the part is worth.
        feedback: None if right, else why not.
        attempted: whether there was an answer to look at.
    """

    title: str
    points: int
    feedback: Feedback
    attempted: bool = True

    @property
    def earned(self) -> int:
        """The points: all of them or none."""
        return self.points if self.feedback is None else 0


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


def local(answer: Any) -> Any:
    """Return the answer as a grader sees it: it takes and returns plain data only.

    Args:
        answer: a function, or plain data; ``...`` and None count as not attempted.

    Raises:
        NotAttemptedError: if there is no answer yet.
        AnswerError: if the answer is neither a function nor plain data.
    """
    if answer is None or answer is ...:
        raise NotAttemptedError("not attempted")
    if not callable(answer):
        return _returned(answer)

    def call(*arguments: Any, **named: Any) -> Any:
        # Copies: an answer that writes into its arguments must not change what it is compared with.
        arguments, named = copy.deepcopy((arguments, named))
        try:
            value = answer(*arguments, **named)
        except NotImplementedError as error:
            raise NotAttemptedError("not attempted") from error
        except AnswerError:  # from a proxy, whose messages are complete
            raise
        except Exception as error:  # whatever a student's code raises is feedback, not a crash
            message = f"Your answer raised {type(error).__name__}: {error}"
            raise AnswerError(message) from error
        if value is None or value is ...:
            raise NotAttemptedError("not attempted")
        return _returned(value)

    return call


def _returned(value: Any) -> Any:
    """A value as plain data."""
    try:
        return plain(value)
    except NotPlainError as error:
        raise AnswerError(f"Your answer {error}") from error


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
    draws = rng(cohort, problem.label, key, part.title)
    attempted = True
    try:
        feedback = part.check(local(answer), parameters_of(problem, cohort), draws)
    except NotAttemptedError as error:
        feedback, attempted = str(error), False
    except AnswerError as error:
        feedback = str(error)
    except Exception as error:  # a check that met something it did not think of
        feedback = f"The check could not use what your answer returned ({type(error).__name__})."
    return Mark(part.title, part.points, feedback, attempted)
