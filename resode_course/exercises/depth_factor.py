"""Checks for the exercises on the factor L."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from resode_course._feedback import Feedback, close, first_wrong, recognised

__all__ = ["CHECKS"]


@first_wrong
def check_power(factor: Callable) -> Iterator[Feedback]:
    """Check ``factor(depth, gamma)`` on networks that take one step with it."""
    for gamma in (1.0, 0.5, 0.0, 0.75):
        falls = [_first_fall(depth, gamma, float(factor(depth, gamma))) for depth in (4, 64)]
        if min(falls) > 0 and abs(falls[1] / falls[0] - 1) < 0.01:
            continue
        quotient = factor(64, gamma) / factor(4, gamma)
        mistakes = {
            "That balances one entry of the gradient; there are L layers, and each has such "
            "entries.": 16**gamma,
            "That makes up for the residuals, as if there were one layer; L layers add up.": 16
            ** (2 * gamma),
            "The power has the wrong sign.": 16 ** (1 - 2 * gamma),
        }
        for sentence, value in mistakes.items():
            if close(quotient, value):
                yield f"For gamma = {gamma:g}: {sentence}"
        yield (
            f"For gamma = {gamma:g} the first step takes {falls[1] / falls[0]:.3g} times as much "
            "off the loss of 64 layers as off that of 4."
        )


def _first_fall(depth: int, gamma: float, factor: float) -> float:
    """Return what one small step takes off the loss, from V = 0, for residuals of L^(-gamma)."""
    rng = np.random.default_rng(3)
    x, y, W = (rng.standard_normal(shape) for shape in ((9, 2), (9, 2), (4, 2)))
    features = np.tanh(x @ W.T)
    # V = 0: every state is x, and every layer has the derivative L^(-gamma) times this matrix.
    V = -1e-6 * factor * depth**-gamma * 2 / len(x) * (x - y).T @ features
    h = x
    for _ in range(depth):
        h = h + depth**-gamma * np.tanh(h @ W.T) @ V.T
    return float(np.mean(np.sum((x - y) ** 2 - (h - y) ** 2, axis=1)))


@first_wrong
def check_unequal(factors: Callable) -> Iterator[Feedback]:
    """Check ``factors(lengths)``: the product with the lengths, a layer's move, is one."""
    rng = np.random.default_rng(4)
    for depth in (3, 8):
        lengths = rng.dirichlet(np.full(depth, 3.0))
        mistakes = {
            "That is the factor of equal lengths: short layers stay behind.": np.full(
                depth, float(depth)
            ),
            "The derivative has one factor of the length, not two.": lengths**-2,
            "A short layer has a small derivative: divide by its length.": lengths,
            "That makes the layers' shares of the progress alike, not their moves.": lengths**-0.5,
            "The moves are alike, but shorter than those of equal layers.": 1 / lengths / depth,
            "The moves are alike, but longer than those of equal layers.": depth / lengths,
        }
        yield recognised(
            factors(lengths),
            1 / lengths,
            mistakes,
            "Layer k moves by its factor times its length times one and the same matrix.",
        )


@first_wrong
def check_speed(speed: Callable) -> Iterator[Feedback]:
    """Check ``speed(gradient)``: ``L`` times the sum of the squares of the Euclidean gradient."""
    rng = np.random.default_rng(0)
    for depth in (4, 12):
        gradient = rng.standard_normal((depth, 3, 2))
        squares = np.sum(gradient**2)
        mistakes = {
            "That is the speed of the flow without the factor L.": squares,
            "The gradient has a factor L and the squared norm a factor 1/L: one L is left.": depth
            ** 2
            * squares,
            "The factor is L, not 1/L.": squares / depth,
            "The loss falls by the square of the norm.": np.sqrt(depth * squares),
            "The loss falls: how fast is asked, a positive number.": -depth * squares,
        }
        yield recognised(
            speed(gradient),
            depth * squares,
            mistakes,
            "That is not the squared norm of depth of L times the gradient.",
        )


def check_limit(largest_rate: Callable) -> Feedback:
    """Check ``largest_rate(hessian)``: 2 over the largest eigenvalue, tried by descending."""
    rng = np.random.default_rng(1)
    basis, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    eigenvalues = np.array([0.5, 2.0, 5.0])
    hessian = basis * eigenvalues @ basis.T
    mistakes = {
        "At that rate the loss still falls; you may take steps twice as long.": 1 / 5,
        "The steepest direction limits the step, not the flattest.": 2 / 0.5,
        "The trace adds all directions; each has its own limit.": 2 / 7.5,
        "Not the largest entry: the largest eigenvalue.": 2 / hessian.max(),
    }
    return recognised(
        largest_rate(hessian),
        0.4,
        mistakes,
        "In the direction of an eigenvector of eigenvalue a, a step multiplies by 1 - rate a.",
    )


def check_modified(modified: Callable) -> Feedback:
    """Check ``modified(gradient, hessian, rate)``: descent follows its flow to second order."""
    point, rate = np.array([0.7, -0.4]), 0.1
    gradient, hessian = _gradient(point), _hessian(point)
    bend = rate * hessian @ gradient
    got = np.asarray(modified(gradient, hessian, rate))
    mistakes = {
        "That is the flow itself, which descent follows to first order only.": -gradient,
        "Mind the sign: steps run ahead where the flow slows down.": -gradient + bend / 2,
        "The correction is twice too large.": -gradient - bend,
        "The velocity points downhill.": gradient + bend / 2,
        "One factor of the rate is missing in the correction.": -gradient - bend / rate / 2,
    }
    for sentence, value in mistakes.items():
        if close(got, value):
            return sentence
    if got.shape != (2,):
        return f"Expected an array of shape (2,), got {got.shape}."
    errors = [_distance_to_descent(modified, steps) for steps in (20, 40)]
    if errors[1] < 0.3 * errors[0]:  # second order divides by four, first order by two
        return None
    return (
        f"With half the rate the distance between descent and your flow goes from {errors[0]:.2g} "
        f"to {errors[1]:.2g}; second order would divide it by four."
    )


def _gradient(x: np.ndarray) -> np.ndarray:
    """Return the gradient of ``x^4/4 + x y^2 / 2 + y^2 + x^2``."""
    return np.array([x[0] ** 3 + x[1] ** 2 / 2 + 2 * x[0], x[0] * x[1] + 2 * x[1]])


def _hessian(x: np.ndarray) -> np.ndarray:
    """Return its second derivatives."""
    return np.array([[3 * x[0] ** 2 + 2, x[1]], [x[1], x[0] + 2]])


def _distance_to_descent(modified: Callable, steps: int) -> float:
    """Descend for time 1, follow the field for time 1, and compare the ends."""
    rate = 1 / steps
    walker = flow = np.array([1.0, -0.8])

    def field(x: np.ndarray) -> np.ndarray:
        return np.asarray(modified(_gradient(x), _hessian(x), rate))

    for _ in range(steps):
        walker = walker - rate * _gradient(walker)
        k1 = field(flow)
        k2 = field(flow + rate / 2 * k1)
        k3 = field(flow + rate / 2 * k2)
        k4 = field(flow + rate * k3)
        flow = flow + rate / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return float(np.linalg.norm(walker - flow))


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-factor-power": check_power,
    "ex-factor-unequal": check_unequal,
    "ex-factor-speed": check_speed,
    "ex-factor-limit": check_limit,
    "ex-factor-modified": check_modified,
}
