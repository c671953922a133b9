"""Checks for the exercises on long horizons."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from resode_course._feedback import NO_RETURN, Feedback, first_wrong, given, recognised

__all__ = ["CHECKS"]


@first_wrong
def check_degree(effective: Callable) -> Iterator[Feedback]:
    """Check ``effective(penalty, horizon, degree)``: ``lambda T^(1 - 2/p)``."""
    for penalty, horizon, degree in [(0.2, 8.0, 3.0), (0.1, 5.0, 2.0), (0.3, 4.0, 1.0)]:
        mistakes = {
            "That is right for degree 1 only: here T^(1/p) is what makes up for the speed.": penalty
            / horizon,
            "The square of the factor is missing: the norm is squared.": penalty
            * horizon ** (1 - 1 / degree),
            "The integral over the horizon has a factor T of its own.": penalty
            * horizon ** (-2 / degree),
            "The controls of the shorter horizon are larger: the factor goes the other way.": (
                penalty * horizon ** (1 + 2 / degree)
            ),
            "The residual scales with the power p of the controls, so they scale with 1/p.": penalty
            * horizon ** (1 - 2 * degree),
        }
        yield recognised(
            effective(penalty, horizon, degree),
            penalty * horizon ** (1 - 2 / degree),
            mistakes,
            f"For degree {degree:g}, find c such that v(s) = c u(Ts) goes through the same states.",
        )


@first_wrong
def check_decay(decay: Callable) -> Iterator[Feedback]:
    """Check ``decay(penalty, horizon, depth)``: ``2 lambda T / L``."""
    for penalty, horizon, depth in [(0.05, 10.0, 50), (0.2, 3.0, 24)]:
        step = horizon / depth
        mistakes = {
            "The derivative of a square has a factor 2.": penalty * step,
            "Without the step the penalty changes with the depth.": 2 * penalty,
            "The step multiplies: the sum stands for an integral.": 2 * penalty / step,
            "The decay is added to the gradient as it is: twice, not half.": penalty * step / 2,
            "The step is T/L; yours is 1/L.": 2 * penalty / depth,
        }
        yield recognised(
            decay(penalty, horizon, depth),
            2 * penalty * step,
            mistakes,
            "Differentiate lambda dt sum |theta_k|^2 with respect to one theta_k.",
        )


@first_wrong
def check_terminal(errors: Callable) -> Iterator[Feedback]:
    """Check ``errors(penalty, horizon)`` for ``x' = u`` to 1, squared and absolute loss."""
    for penalty, horizon in [(0.5, 2.0), (3.0, 4.0), (0.1, 7.0)]:
        # The cheapest way to x costs lambda x^2 / T.
        square = (penalty / (penalty + horizon)) ** 2
        absolute = max(0.0, 1 - horizon / (2 * penalty))
        case = f"For lambda = {penalty:g} and T = {horizon:g}"
        mistakes = {
            "The first is the distance to the target: its square is asked.": [
                np.sqrt(square),
                absolute,
            ],
            "The loss is what is left of the way, not the way.": [1 - square, 1 - absolute],
            "The way ends at the target: the second loss is never negative.": [
                square,
                1 - horizon / (2 * penalty),
            ],
            "The second: the derivative of lambda x^2 / T has a factor 2.": [
                square,
                max(0.0, 1 - horizon / penalty),
            ],
            "That is the whole cost; the training error is the loss alone.": [
                penalty / (penalty + horizon),
                absolute + penalty * (1 - absolute) ** 2 / horizon,
            ],
            "The penalty over the unit horizon is lambda / T, not lambda T.": [
                (penalty * horizon / (1 + penalty * horizon)) ** 2,
                max(0.0, 1 - 1 / (2 * penalty * horizon)),
            ],
        }
        yield recognised(
            np.asarray(errors(penalty, horizon), float),
            np.array([square, absolute]),
            mistakes,
            f"{case} the losses are {square:.4g} and {absolute:.4g}.",
        )


@first_wrong
def check_factor(factor: Callable) -> Iterator[Feedback]:
    """Check ``factor(penalty, step)`` in the difference equation and against its size."""
    for penalty, step in [(0.25, 0.1), (0.05, 0.5), (0.01, 0.3)]:
        a = step**2 / penalty
        right = 1 + a / 2 - np.sqrt(a + a**2 / 4)
        mistakes = {
            "That is the factor of the ODE; layers are not infinitely thin.": np.exp(-np.sqrt(a)),
            "That is one Euler step of the optimal ODE, not the optimal network.": 1 - np.sqrt(a),
            "The other root grows: its cost is infinite.": 1 / right,
            "A factor 2 too much: the derivatives of both squares have one.": 1
            + a
            - np.sqrt(2 * a + a**2),
            "The step enters squared, once from the state and once from the cost.": _root(
                step / penalty
            ),
            "The penalty divides: a dear control moves slowly.": _root(step**2 * penalty),
        }
        yield recognised(
            factor(penalty, step),
            right,
            mistakes,
            f"For lambda = {penalty:g} and step {step:g}, q + 1/q should be {2 + a:.4g}.",
        )


def _root(a: float) -> float:
    """Return the root below one of ``q + 1/q = 2 + a``."""
    return float(1 + a / 2 - np.sqrt(a + a**2 / 4))


@first_wrong
def check_reach(guaranteed: Callable) -> Iterator[Feedback]:
    """Check ``guaranteed(penalty, time)``: ``tanh(T_0 / sqrt(lambda)) / sqrt(lambda)``."""
    for penalty, time in [(0.25, 0.4), (2.0, 1.0), (0.04, 3.0)]:
        root = np.sqrt(penalty)
        rate = np.tanh(time / root) / root
        straight = time / 3 + penalty / time
        mistakes = {
            "That is the constant C_R: the rate is one over it.": 1 / rate,
            "That is the rate of the state as T_0 grows; a shorter time costs more.": 1 / root,
            "That is how the loss decays; the theorem guarantees less.": 2 / root,
            "A straight line reaches zero too, but there is a cheaper way.": 1 / straight,
            "With x(T_0) free the cost is less, but zero is not reached.": 1
            / (root * np.tanh(time / root)),
            "Only the control was charged: the state pays on its way too.": time / penalty,
        }
        yield recognised(
            guaranteed(penalty, time),
            rate,
            mistakes,
            f"For lambda = {penalty:g} the cheapest way to zero in time {time:g} costs "
            f"{1 / rate:.4g} x(0)^2.",
        )


@first_wrong
def check_sparse(stop: Callable) -> Iterator[Feedback]:
    """Check ``stop(price, horizon)``: when the control ``-1`` ends in ``x^2 + price |u|``."""
    for price, horizon in [(0.2, 2.0), (0.5, 6.0), (1.0, 0.8), (5.0, 2.0)]:
        right = max(0.0, _stop(price, horizon))
        mistakes = {
            "It never pays to go all the way: there the loss has slope zero.": 1.0,
            "The other root lies beyond the target or the horizon.": 1 + horizon - right,
            "A factor 2: the derivative of the loss that is left is 2 x (T - t).": _stop(
                2 * price, horizon
            ),
            "That is where it stops; when is asked.": 1 - right,
            "A time is not negative: if moving is too dear, it is zero.": _stop(price, horizon),
        }
        got = stop(price, horizon)
        yield recognised(
            got,
            right,
            mistakes,
            f"For beta = {price:g} and T = {horizon:g} it stops at {right:.4g}.",
        )


def _stop(price: float, horizon: float) -> float:
    """Return the smaller root of ``2 (1 - t) (T - t) = beta``."""
    return float((1 + horizon - np.sqrt((horizon - 1) ** 2 + 2 * price)) / 2)


def _best(prices: np.ndarray, penalty: float, horizon: float) -> tuple[np.ndarray, np.ndarray]:
    """Minimise ``int c x^2 + penalty u^2`` over ``x' = u``, ``x(0) = 1``: weights and states."""
    layers = len(prices) - 1
    dt = horizon / layers
    S = dt * np.tri(layers + 1, layers, -1)
    weight = dt * prices
    weight[[0, -1]] /= 2
    u = np.linalg.solve(S.T * weight @ S + penalty * dt * np.eye(layers), -S.T @ weight)
    return u, 1 + S @ u


def check_plateau(c: Callable) -> Feedback:
    """Check a price ``c(t)`` of the loss: first even work, then rest."""
    times = np.linspace(0, 5, 201)
    prices = [c(t) for t in times]
    if any(price is None for price in prices):
        return NO_RETURN
    prices = np.asarray(prices, float)
    if not np.isfinite(prices).all() or prices.min() < 0:
        return "A price is a number that is not negative."
    work = np.abs(_best(prices, 0.05, 5.0)[0])
    first, last = work[:80], work[160:]
    if first.max() < 1e-6:
        return "This network does nothing at all: the loss never costs anything."
    if first.max() > 1.01 * first.min():
        return (
            f"Of the first 40% of the layers the hardest works {first.max() / first.min():.3g} "
            "times as hard as the laziest. They would work evenly if the loss cost nothing there."
        )
    if last.max() > 0.01 * first.min():
        return (
            f"The first layers work evenly, but one of the last {last.max() / first.min():.2g} "
            "times as hard; 0.01 is asked. The loss must cost something for long enough."
        )
    return None


def check_pace(penalty: Any) -> Feedback:
    """Check a penalty for which the state falls below 0.01 just before a quarter of the layers."""
    penalty = given(penalty)
    if np.shape(penalty) != () or not np.isfinite(penalty) or penalty <= 0:
        return "A penalty is one positive number."
    _, x = _best(np.ones(501), float(penalty), 10.0)
    below = np.flatnonzero(x < 0.01)
    if not len(below):
        return f"With this penalty the state is {x[-1]:.3g} at the end: it is never below 0.01."
    t = below[0] * 10 / 500
    if 2.3 <= t <= 2.5:
        return None
    late = "too late: charge the weights less" if t > 2.5 else "too early: charge the weights more"
    return f"The state falls below 0.01 at t = {t:.2f}, {late}."


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-turnpike-plateau": check_plateau,
    "ex-turnpike-pace": check_pace,
    "ex-turnpike-degree": check_degree,
    "ex-turnpike-decay": check_decay,
    "ex-turnpike-terminal": check_terminal,
    "ex-turnpike-factor": check_factor,
    "ex-turnpike-reach": check_reach,
    "ex-turnpike-sparse": check_sparse,
}
