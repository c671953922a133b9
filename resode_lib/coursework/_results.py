"""How the checks of sets 2 and 3 look at answers that return several results."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from resode_lib.coursework._compare import numbers, recognised, same
from resode_lib.coursework._problem import AnswerError, Feedback

__all__ = ["ACTIVATIONS", "array", "compare", "several", "two_digits"]

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
