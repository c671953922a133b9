"""What an answer earns, part by part.

An answer is plain data or a function from plain data to plain data. So a grader can call it in
another process, and looks at what comes back in this one.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from resode_course._plain import NotPlainError, plain
from resode_course.coursework.cases import AnswerError, Feedback, NotAttemptedError

__all__ = ["DrawnPart", "DrawnProblem", "Mark", "Property", "local"]


class Property(Protocol):
    """What a part asks of an answer: a case, or one of `resode_course.coursework.properties`."""

    def feedback(self, answer: Any) -> Feedback:
        """Return None if the answer has it, else one sentence."""


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


@dataclass(frozen=True)
class DrawnPart:
    """One line of the mark, with inputs that are drawn.

    Attributes:
        title: what the points are for, in a few words.
        points: what this part is worth.
        cases: what is asked of the answer; the first that it lacks gives the sentence.
    """

    title: str
    points: int
    cases: Iterable[Any]

    def mark(self, answer: Any) -> Mark:
        """Return what an answer earns; an exception becomes feedback."""
        attempted = True
        try:
            given = local(answer)
            sentences = (case.feedback(given) for case in self.cases)
            feedback = next((one for one in sentences if one is not None), None)
        except NotAttemptedError as error:
            feedback, attempted = str(error), False
        except AnswerError as error:
            feedback = str(error)
        except Exception as error:  # a case that met something it did not think of
            name = type(error).__name__
            feedback = f"The check could not use what your answer returned ({name})."
        return Mark(self.title, self.points, feedback, attempted)


@dataclass(frozen=True)
class DrawnProblem:
    """A programming problem as one class gets it.

    Attributes:
        label: its number, such as "1.2".
        name: the name that the answer has in the notebook.
        parameters: the numbers of the class.
        parts: what the points are for.
    """

    label: str
    name: str
    parameters: dict[str, Any]
    parts: Sequence[DrawnPart]

    def marks(self, answer: Any) -> tuple[Mark, ...]:
        """Return what each part of an answer earns."""
        return tuple(part.mark(answer) for part in self.parts)

    def report(self, answer: Any) -> str:
        """Return a line for the problem and one for each of its parts."""
        marks = self.marks(answer)
        if not any(item.attempted for item in marks):
            return f"{self.label} {self.name}: not attempted."
        earned, points = (sum(getattr(item, n) for item in marks) for n in ("earned", "points"))
        lines = [f"{self.label} {self.name}: {earned} of {points} points."]
        for item in marks:
            outcome = "right." if item.feedback is None else f"not yet. {item.feedback}"
            lines.append(f"  {item.title} ({item.earned}/{item.points}): {outcome}")
        return "\n".join(lines)


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
