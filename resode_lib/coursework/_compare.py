"""What the checks of all problem sets share: is it an array of numbers, and is it the right one?"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from resode_lib.coursework._problem import AnswerError, Feedback

__all__ = ["numbers", "recognised", "same"]


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
    if same(got, expected, tolerance):
        return None
    for sentence, value in mistakes.items():
        if same(got, value, tolerance):
            return sentence
    return otherwise
