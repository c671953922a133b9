"""What a check compares: a call of the answer, what is right, and what typical mistakes give.

A case is plain data. The cases of a notebook were drawn, with all that they expect, when the
notebook was written. So nothing here knows how to solve a problem.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from resode_course._feedback import Feedback

__all__ = [
    "AnswerError",
    "Case",
    "Feedback",
    "NotAttemptedError",
    "array",
    "numbers",
    "result",
    "same",
    "several",
]

NEAR = 1e-2  # relative: the first digits are right


class AnswerError(Exception):
    """A call of the answer gave nothing that a check could look at; the message is feedback."""


class NotAttemptedError(AnswerError):
    """The answer is still what the student edition hands out."""


def numbers(value: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return a value that came back as an array of real, finite numbers.

    Args:
        value: what the answer returned.
        shape: the expected shape; None stands for any length.

    Raises:
        AnswerError: if it is not numbers, not of this shape or not finite; the message is feedback.
    """
    expected = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise AnswerError(
            f"Expected real numbers of shape {expected}, got {value!r:.80}."
        ) from error
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, got) for got, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise AnswerError(f"Expected an array of shape {expected}, got {array.shape}.")
    if not np.isfinite(array).all():
        raise AnswerError("Some of the numbers that you return are infinite or not a number.")
    return array


def same(got: Any, expected: Any, tolerance: float = 1e-6, size: float | None = None) -> bool:
    """Return whether two arrays of one shape agree.

    Args:
        got: one of them.
        expected: the other.
        tolerance: how far they may be apart, relative to ``size``.
        size: by default the largest expected number.
    """
    size = max(np.abs(expected).max(initial=0.0), 1e-9) if size is None else size
    return bool((np.abs(np.subtract(got, expected)) <= tolerance * size).all())


def several(got: Any, names: Sequence[str]) -> tuple[Any, ...]:
    """Return a tuple of as many results as there are names.

    Raises:
        AnswerError: if it is something else.
    """
    items = tuple(got) if isinstance(got, tuple | list) or np.ndim(got) else ()
    if len(items) != len(names):
        raise AnswerError(f"Expected {len(names)} results, ({', '.join(names)}).")
    return items


def array(got: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Return one of several results as real numbers of a shape.

    Raises:
        AnswerError: if it is something else; the message names the result.
    """
    try:
        return numbers(got, shape)
    except AnswerError as error:
        raise AnswerError(f"Your {what.replace('_', ' ')}: {error}") from error


def result(value: Any, names: Sequence[str], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return one result of an answer as real numbers.

    Args:
        value: what the answer returned.
        names: the names of its results; none if it is a single one.
        name: which of them.
        shape: the expected shape.

    Raises:
        AnswerError: if it is something else.
    """
    if not names:
        return numbers(value, shape)
    return array(several(value, names)[list(names).index(name)], shape, name)


@dataclass(frozen=True)
class Case:
    """One call of the answer, and what one of its results is compared with.

    Attributes:
        arguments: what the answer is called with.
        expected: what is right, a number or an array.
        mistakes: what typical mistakes give, by the sentence that explains them; a function that
            returns them is called for a wrong answer only.
        otherwise: the sentence for any other result; ``{got}`` stands for the number returned.
        pick: the name of the result that is compared, if there are several.
        of: the names of all results, in order.
        tolerance: how far a result may be off, relative to ``size``.
        size: by default the largest expected number.
        where: what each sentence begins with, such as the case in words.
        below: in place of ``otherwise`` for a number that is too small.
        near: in place of ``otherwise`` for a result whose first digits are right.
        whole: the least whole number that makes sense, if the result counts something.
        first: a case that explains a wrong result, if it is wrong as well.
    """

    arguments: Sequence[Any]
    expected: Any
    mistakes: Mapping[str, Any] | Callable[[], Mapping[str, Any]]
    otherwise: str
    pick: str = ""
    of: Sequence[str] = ()
    tolerance: float = 1e-6
    size: float | None = None
    where: str = ""
    below: str = ""
    near: str = ""
    whole: int | None = None
    first: "Case | None" = None

    def feedback(self, answer: Any) -> Feedback:
        """Return None if the answer is right, else one sentence.

        Raises:
            AnswerError: if it returns something else than numbers of the right shape.
        """
        got = result(answer(*self.arguments), self.of, self.pick, np.shape(self.expected))
        if self.whole is not None and (got != np.round(got) or got < self.whole):
            what = f"Your {self.pick}" if self.pick else "Your answer"
            return f"{what} is {got:g}; expected a whole number of at least {self.whole}."
        if same(got, self.expected, self.tolerance, self.size):
            return None
        sentence = self._recognised(got)
        if sentence is None and self.first and self.first.feedback(answer) is not None:
            sentence = self.first.otherwise
        sentence = sentence or self._otherwise(got)
        return f"{self.where}: {sentence}" if self.where else sentence

    def _recognised(self, got: np.ndarray) -> Feedback:
        """The sentence of the mistake that a result equals."""
        known = self.mistakes() if callable(self.mistakes) else self.mistakes
        for sentence, value in known.items():
            if same(got, value, self.tolerance, self.size):
                return sentence
        return None

    def _otherwise(self, got: np.ndarray) -> str:
        """The sentence for a result that is no known mistake."""
        if self.near and same(got, self.expected, NEAR):
            return self.near
        if self.below and got < self.expected:
            return self.below
        return self.otherwise.replace("{got}", f"{got:.6g}") if got.ndim == 0 else self.otherwise
