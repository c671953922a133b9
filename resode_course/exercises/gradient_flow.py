"""Checks for the exercises on gradient flow."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from resode_course._feedback import Feedback, close, first_wrong, given, recognised

__all__ = ["CHECKS"]


def check_edge(start: Any) -> Feedback:
    """Check a start from which the flow ends sharply, and descent all the same at the bottom."""
    theta = np.asarray(given(start), float)
    if theta.shape != (2,):
        return f"Give two numbers, theta_0 and theta_1; yours has the shape {theta.shape}."
    u, v = 1 + theta / 2
    # The flow keeps u^2 - v^2, and where it ends u v = 2.
    limit = 2 / np.sqrt((u**2 - v**2) ** 2 + 16)
    if limit >= 1 / 4:
        return f"The flow ends where 2 / beta = {limit:.3f}; less than 0.25 is asked."
    for _ in range(2000):
        theta = theta - 0.4 * 2 * (u * v - 2) * np.array([v, u])
        u, v = 1 + theta / 2
        if not abs(theta).max() < 1e6:  # nor a number that is none
            return f"The flow ends where 2 / beta = {limit:.3f}, but descent diverges."
    loss = (u * v - 2) ** 2
    if not loss < 1e-6:
        return f"After 2000 steps of descent the loss is {loss:.2g}: it does not settle."
    return None


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


@first_wrong
def check_blow_up(blow_up_time: Callable) -> Iterator[Feedback]:
    """Check ``blow_up_time(power, start)`` for ``x' = x^p`` against an integral."""
    for power, start in [(3.0, 1.5), (2.0, 0.4), (1.5, 4.0)]:
        exact = _time_to_infinity(power, start)
        mistakes = {
            "Mind the start: the farther out, the sooner.": 1 / (power - 1),
            "The exponent is one too large: integrate x^(-p).": start**-power / power,
            "Divide by p - 1.": start ** (1 - power),
            "The sign is wrong: a time is positive.": -exact,
        }
        got = float(blow_up_time(power, start))
        yield recognised(
            got,
            exact,
            mistakes,
            f"For p = {power:g} from {start:g} the solution is infinite at {exact:.4g}, yours at "
            f"{got:.4g}.",
        )
    for power in (1.0, 0.5):
        if blow_up_time(power, 2.0) != np.inf:
            yield f"For p = {power:g} the field grows at most linearly: return infinity."


def _time_to_infinity(power: float, start: float) -> float:
    """Return the integral of ``x^(-p)`` from ``start`` to infinity, by Gauss's rule in log x."""
    # With x = start e^u the integrand is start^(1-p) e^{-(p-1) u}: nothing is left at u = 80.
    nodes, weights = np.polynomial.legendre.leggauss(200)
    u = 40 * (nodes + 1)
    x = start * np.exp(u)
    return float(40 * weights @ x ** (1 - power))


def check_reach(reach: Callable) -> Feedback:
    """Check ``reach(losses, rate)``: the sum over steps of ``sqrt(2 rate (decrease))``."""
    losses, rate = np.array([4.0, 2.5, 2.4, 1.0, 0.9]), 0.1
    lost = losses[0] - losses[-1]
    steps = np.sqrt(-np.diff(losses))
    mistakes = {
        "A bound, but not the best: every step has its own decrease.": np.sqrt(2 * rate * 4 * lost),
        "A step loses half of rate * gradient^2, the flow all of it.": np.sqrt(rate) * steps.sum(),
        "The flow's bound is not enough for steps: a factor 2 is lost.": np.sqrt(rate * 4 * lost),
        "Lengths add up, not their squares: take the root of each.": np.sqrt(2 * rate * lost),
        "These are the squares of the lengths.": 2 * rate * lost,
        "The gradient's norm is bounded by sqrt(2 decrease / rate); multiply by the rate.": np.sqrt(
            2 / rate
        )
        * steps.sum(),
    }
    got = reach(losses, rate)
    if got is not None and np.isnan(got).all():
        return "Losses fall: the decrease of a step is l_j - l_{j+1}, not the reverse."
    return recognised(
        got,
        np.sqrt(2 * rate) * steps.sum(),
        mistakes,
        "Bound the length of one step by its decrease, then add the lengths.",
    )


def check_conserved(conserved: Callable) -> Feedback:
    """Check ``conserved(V, W)``: not constant, but at rest along the flow of a linear network."""
    rng = np.random.default_rng(2)
    moved = 0.0
    for _ in range(3):
        V, W, (p, h) = (
            rng.standard_normal((3, 2)),
            rng.standard_normal((2, 3)),
            rng.standard_normal((2, 3, 5)),
        )
        along = -p @ (W @ h).T, -V.T @ p @ h.T
        at_rest = _derivative(conserved, V, W, *along)
        for direction in (
            (along[0], -along[1]),
            (rng.standard_normal((3, 2)), 0 * W),
            (0 * V, along[1]),
        ):
            moved = max(moved, np.abs(_derivative(conserved, V, W, *direction)).max())
        size = max(np.linalg.norm(along[0]), np.linalg.norm(along[1]))
        if np.abs(at_rest).max() > 1e-6 * size:
            return _why_it_moves(conserved, V, W)
    return None if moved > 1e-3 else "That is constant for all weights, so it says nothing."


def _derivative(function: Callable, V: Any, W: Any, dV: Any, dW: Any) -> Any:
    """Return the derivative in one direction, by central differences."""
    step = 1e-5
    right = np.asarray(function(V + step * dV, W + step * dW), float)
    left = np.asarray(function(V - step * dV, W - step * dW), float)
    return (right - left) / (2 * step)


def _why_it_moves(conserved: Callable, V: np.ndarray, W: np.ndarray) -> str:
    """Name the quantity that was mistaken for a conserved one."""
    got = conserved(V, W)
    mistakes = {
        "The two terms move alike: take their difference, not their sum.": V.T @ V + W @ W.T,
        "Multiply the other way round: V^T V, of the size of the hidden layer.": V @ V.T - W.T @ W,
        "The product V W is what training changes.": V @ W,
        "One of the two alone moves; the other moves as much.": V.T @ V,
    }
    for sentence, value in mistakes.items():
        if close(got, value):
            return sentence
    return "Along the flow that changes: differentiate it with V' = -p (W h)^T, W' = -V^T p h^T."


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
    "ex-flow-edge": check_edge,
    "ex-flow-power": check_power,
    "ex-flow-speed": check_speed,
    "ex-flow-limit": check_limit,
    "ex-flow-blow-up": check_blow_up,
    "ex-flow-reach": check_reach,
    "ex-flow-conserved": check_conserved,
    "ex-flow-modified": check_modified,
}
