"""What the checks of all problem sets share: is it numbers of a shape, and are they right?"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from resode_course import _feedback
from resode_course._feedback import Feedback
from resode_course.coursework._problem import AnswerError

__all__ = [
    "ACTIVATIONS",
    "array",
    "compare",
    "numbers",
    "recognised",
    "same",
    "several",
    "two_digits",
]

ACTIVATIONS = {
    "tanh": np.tanh,
    "arctan": np.arctan,
    "sin": np.sin,
    "softplus": lambda u: np.log1p(np.exp(u)) - np.log(2),
}
"""Smooth activations with ``sigma(0) = 0``; all of them take complex numbers."""


def two_digits(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number with two digits after the point, so that a statement can show it."""
    return round(float(rng.uniform(low, high)), 2)


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


def same(got: Any, expected: Any, tolerance: float = 1e-6) -> bool:
    """Return whether two arrays of one shape agree, relative to the largest expected number."""
    size = np.abs(expected).max(initial=0.0)
    return bool((np.abs(np.subtract(got, expected)) <= tolerance * max(size, 1e-9)).all())


def recognised(
    got: Any,
    expected: Any,
    mistakes: Mapping[str, Any],
    otherwise: str,
    tolerance: float = 1e-6,
) -> Feedback:
    """Return None if the answer is right, or the sentence of the mistake that it equals.

    Args:
        got: the answer, of the shape of ``expected``.
        expected: what is right.
        mistakes: what typical mistakes give, by the sentence that explains them.
        otherwise: the sentence for an answer that is none of these.
        tolerance: how far right may be from right, relative to the largest expected number.
    """
    right = partial(same, tolerance=tolerance)
    return _feedback.recognised(got, expected, mistakes, otherwise, right)


def several(got: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return a tuple of as many results as there are names.

    Raises:
        AnswerError: if it is something else.
    """
    if not isinstance(got, tuple | list) or len(got) != len(names):
        raise AnswerError(f"Expected {len(names)} results, ({', '.join(names)}).")
    return tuple(got)


def array(got: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Return one of several results as real numbers of a shape.

    Raises:
        AnswerError: if it is something else; the message names the result.
    """
    try:
        return numbers(got, shape)
    except AnswerError as error:
        raise AnswerError(f"Your {what}: {error}") from error


def compare(
    got: Any,
    right: Any,
    mistakes: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    otherwise: str,
    *,
    what: str,
    tolerance: float = 1e-6,
) -> Feedback:
    """Return None if one of several results is right, or the sentence of the mistake it equals.

    Args:
        got: what the answer returned.
        right: what is right.
        mistakes: what typical mistakes give, by the sentence that explains them; a function that
            returns them is called for a wrong answer only.
        otherwise: the sentence for an answer that is none of these.
        what: the name of the result, for errors.
        tolerance: relative to the largest entry.

    Raises:
        AnswerError: if it is not an array of the right shape.
    """
    found = array(got, np.shape(right), what)
    if same(found, right, tolerance):
        return None
    known = mistakes() if callable(mistakes) else mistakes
    return recognised(found, right, known, otherwise, tolerance)
