"""How checks look at what an answer returned; whatever cannot be looked at is feedback."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from resode_lib.coursework._problem import AnswerError, Feedback

__all__ = ["ACTIVATIONS", "array", "compare", "near", "several"]

ACTIVATIONS = {
    "tanh": np.tanh,
    "arctan": np.arctan,
    "sin": np.sin,
    "softplus": lambda u: np.log1p(np.exp(u)) - np.log(2),
}
"""Smooth activations with ``sigma(0) = 0``; all of them take complex numbers."""


def array(got: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Return what came back as real numbers of a shape.

    Raises:
        AnswerError: if it is something else; the message says what was expected.
    """
    try:
        numbers = np.asarray(got, dtype=float)
    except (TypeError, ValueError) as error:
        raise AnswerError(f"Expected real numbers as {what}, got {type(got).__name__}.") from error
    if numbers.shape != shape:
        expected = f"an array of shape {shape}" if shape else "one number"
        raise AnswerError(f"Expected {expected} as {what}, got the shape {numbers.shape}.")
    if not np.isfinite(numbers).all():
        raise AnswerError(f"There is an infinite number or none at all (NaN) in {what}.")
    return numbers


def several(got: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return a tuple of as many results as there are names.

    Raises:
        AnswerError: if it is something else.
    """
    if not isinstance(got, tuple | list) or len(got) != len(names):
        raise AnswerError(f"Expected {len(names)} results, ({', '.join(names)}).")
    return tuple(got)


def near(got: Any, right: Any, tolerance: float) -> bool:
    """Whether the largest distance is small against the largest entry."""
    got, right = np.asarray(got, dtype=float), np.asarray(right, dtype=float)
    # Without the last term nothing but an exact zero would be near zero.
    allowed = tolerance * np.abs(right).max(initial=0.0) + 1e-12
    return got.shape == right.shape and bool(np.abs(got - right).max(initial=0.0) <= allowed)


def compare(
    got: Any,
    right: Any,
    mistakes: Mapping[str, Any],
    otherwise: str,
    *,
    what: str,
    tolerance: float = 1e-6,
) -> Feedback:
    """Return None if the answer is right, or the sentence of the mistake that it equals.

    Args:
        got: what the answer returned.
        right: what is right.
        mistakes: what typical mistakes give, by the sentence that explains them.
        otherwise: the sentence for an answer that is none of these.
        what: the name of the result, for errors.
        tolerance: relative to the largest entry.

    Raises:
        AnswerError: if the answer is not an array of the right shape.
    """
    numbers = array(got, np.shape(right), what)
    if near(numbers, right, tolerance):
        return None
    for sentence, value in mistakes.items():
        if near(numbers, value, tolerance):
            return sentence
    return otherwise
