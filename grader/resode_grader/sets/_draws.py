"""What the draws of several problem sets share."""

import numpy as np

__all__ = ["ACTIVATIONS", "count", "derivative", "two_digits"]

ACTIVATIONS = {
    "tanh": np.tanh,
    "arctan": np.arctan,
    "sin": np.sin,
    "softplus": lambda u: np.log1p(np.exp(u)) - np.log(2),
}
"""Smooth activations with ``sigma(0) = 0``; all of them take complex numbers."""


def derivative(activation: str, u: np.ndarray) -> np.ndarray:
    """Return the derivative of an activation, by an imaginary step."""
    return ACTIVATIONS[activation](u + 1e-30j).imag / 1e-30


def two_digits(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number with two digits after the point, so that a statement can show it."""
    return round(float(rng.uniform(low, high)), 2)


def count(needed: float) -> tuple[float, float]:
    """Return the next whole number above, and how far an answer may be from it.

    What is needed may be off in its fourth digit: near a whole number two answers are right. Then
    both are half a step away from what is returned.
    """
    low, high = np.ceil(needed * (1 - 2e-4)), np.ceil(needed * (1 + 2e-4))
    return float(low + high) / 2, float(high - low) / 2 + 0.1
