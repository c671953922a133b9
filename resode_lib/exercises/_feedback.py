"""What all checks of exercises share."""

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["Feedback", "close", "recognised"]

Feedback = str | None
"""None for a right answer, otherwise one sentence that says what is wrong."""


def close(got: Any, expected: Any, tolerance: float = 1e-6) -> bool:
    """Return whether two answers agree, absolutely and relatively, in value and shape."""
    got, expected = np.asarray(got), np.asarray(expected)
    return got.shape == expected.shape and bool(
        np.allclose(got, expected, rtol=tolerance, atol=tolerance)
    )


def recognised(got: Any, expected: Any, mistakes: Mapping[str, Any], otherwise: str) -> Feedback:
    """Return None if the answer is right, or the sentence of the mistake that it equals.

    Args:
        got: the answer.
        expected: what is right.
        mistakes: what typical mistakes give, by the sentence that explains them.
        otherwise: the sentence for an answer that is none of these.
    """
    if close(got, expected):
        return None
    if np.shape(got) != np.shape(expected):
        return f"Expected an array of shape {np.shape(expected)}, got {np.shape(got)}."
    for sentence, value in mistakes.items():
        if close(got, value):
            return sentence
    return otherwise
