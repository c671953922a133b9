"""What all checks share, of exercises and of problem sets."""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import numpy as np

__all__ = ["NO_RETURN", "Feedback", "close", "first_wrong", "given", "recognised"]

Feedback = str | None
"""None for a right answer, otherwise one sentence that says what is wrong."""

NO_RETURN = "Your function returns None; is its return statement missing?"


def first_wrong(check: Callable[..., Iterator[Feedback]]) -> Callable[..., Feedback]:
    """Make a check of a generator that yields feedback, one case after the other.

    The check stops at the first case that is wrong and returns its sentence; later cases are not
    computed. If all are right it returns None.
    """

    @wraps(check)
    def checked(*args: Any, **kwargs: Any) -> Feedback:
        return next((feedback for feedback in check(*args, **kwargs) if feedback is not None), None)

    return checked


def given(answer: Any) -> Any:
    """Return an answer that is a value; of a function without arguments, what it returns."""
    return answer() if callable(answer) else answer


def close(got: Any, expected: Any, tolerance: float = 1e-6) -> bool:
    """Return whether two answers agree, absolutely and relatively, in value and shape."""
    got, expected = np.asarray(got), np.asarray(expected)
    return got.shape == expected.shape and bool(
        np.allclose(got, expected, rtol=tolerance, atol=tolerance)
    )


def recognised(
    got: Any,
    expected: Any,
    mistakes: Mapping[str, Any],
    otherwise: str,
    same: Callable[[Any, Any], bool] = close,
) -> Feedback:
    """Return None if the answer is right, or the sentence of the mistake that it equals.

    Args:
        got: the answer.
        expected: what is right.
        mistakes: what typical mistakes give, by the sentence that explains them.
        otherwise: the sentence for an answer that is none of these.
        same: whether the answer is as good as another value.
    """
    if got is None:
        return NO_RETURN
    if np.shape(got) != np.shape(expected):
        return f"Expected an array of shape {np.shape(expected)}, got {np.shape(got)}."
    if same(got, expected):
        return None
    for sentence, value in mistakes.items():
        if same(got, value):
            return sentence
    return otherwise
