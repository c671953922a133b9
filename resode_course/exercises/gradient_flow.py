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
def check_growth(growth: Callable) -> Iterator[Feedback]:
    """Check ``growth(p)``: one layer ends at ``L^(1/p)``, if it gets there for every depth."""
    for p in (1, 2, 5, 3):
        bounded = p <= 2  # the velocity is at most linear in the layer
        got = growth(p)
        mistakes = {
            "The exponent shrinks with p: the layer stops where theta^p = L.": p / 3,
            "That is p = 3; where does theta^p h reach the target?": 1 / 3,
            "The velocity has the power p - 1, but the layer ends where theta^p = L.": 1
            / max(p - 1, 1),
            "It grows with depth.": 0.0,
        }
        if bounded and not close(got, 0.0):
            yield (
                f"For p = {p} the velocity of a layer is at most linear in it, so at t = 1/3 one "
                "number bounds it at every depth."
            )
        yield recognised(
            got,
            0.0 if bounded else 1 / p,
            {} if bounded else mistakes,
            f"For p = {p}: where does 1 + theta^p / L reach the target?",
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


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-flow-edge": check_edge,
    "ex-flow-growth": check_growth,
    "ex-flow-blow-up": check_blow_up,
    "ex-flow-reach": check_reach,
    "ex-flow-conserved": check_conserved,
}
