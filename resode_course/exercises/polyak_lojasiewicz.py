"""Checks for the exercises on the Polyak-Lojasiewicz condition."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from resode_course._feedback import Feedback, first_wrong, given, recognised

__all__ = ["CHECKS"]


@first_wrong
def check_time(guaranteed_time: Callable) -> Iterator[Feedback]:
    """Check ``guaranteed_time(start, target, mu)`` for ``1/2 ||gradient||^2 >= mu loss``."""
    for start, target, mu in [(3.0, 1e-3, 0.5), (1.0, 0.2, 4.0)]:
        right = np.log(start / target) / (2 * mu)
        mistakes = {
            "Mind the convention: with the factor 1/2 the loss falls twice as fast.": 2 * right,
            "The factor 2 is on the wrong side: our constant is twice theirs.": 4 * right,
            "A time is positive: it is the start over the target.": -right,
            "exp uses the natural logarithm.": right / np.log(10),
        }
        got = float(guaranteed_time(start, target, mu))
        yield recognised(
            got,
            right,
            mistakes,
            f"From {start:g} to {target:g} with mu = {mu:g} the bound gives {right:.4g}, "
            f"yours is {got:.4g}.",
        )


def check_steps(steps: Callable) -> Feedback:
    """Check ``steps(mu, beta, start, target)``: the smallest number the theorem guarantees."""
    for mu, beta, start, target in [(0.5, 8.0, 2.0, 1e-3), (0.1, 1.0, 1.0, 1e-2), (2.0, 3, 1.0, 2)]:
        got = steps(mu, beta, start, target)
        case = f"mu = {mu:g}, beta = {beta:g}, from {start:g} to {target:g}"
        if np.ndim(got) != 0 or got != int(got) or got < 0:
            return f"A number of steps is a whole number of at least 0; for {case} yours is {got}."
        got, factor = int(got), 1 - mu / (2 * beta)
        if start * factor**got > target * (1 + 1e-12):
            if np.isclose(got, np.ceil(np.log(target / start) / np.log(1 - mu / beta))):
                return "1 - mu/beta belongs to the convention with 1/2; ours has 1 - mu/(2 beta)."
            return f"For {case} the guarantee after your {got} steps is still above the target."
        if got > 0 and start * factor ** (got - 1) <= target * (1 - 1e-12):
            return f"For {case} one step less than your {got} would do."
    return None


@first_wrong
def check_least_squares(constant: Callable) -> Iterator[Feedback]:
    """Check ``least_squares_constant(X)``: ``4 lambda_min(X X^T) / n`` for wide ``X``."""
    rng = np.random.default_rng(0)
    for samples, unknowns in [(5, 9), (6, 6)]:
        X = rng.standard_normal((samples, unknowns))
        # The worst residual is the bottom eigenvector: measure the ratio there and around.
        values, vectors = np.linalg.eigh(X @ X.T)
        residual = vectors[:, 0]
        gradient = 2 / samples * X.T @ residual
        right = gradient @ gradient / (residual @ residual / samples)
        bottom = float(values[0])
        mistakes = {
            "The loss is a mean over n samples: divide once, the gradient's square twice.": 4
            * bottom,
            "The loss is a mean too: one of the two factors 1/n cancels.": 4 * bottom / samples**2,
            "The gradient of a square has a factor 2, and it is squared.": bottom / samples,
            "That is half of it: the convention here has no factor 1/2.": 2 * bottom / samples,
            "X^T X is singular if there are more unknowns than samples: take X X^T.": 4
            / samples
            * float(np.linalg.eigvalsh(X.T @ X)[0]),
            "That is the largest eigenvalue: the steepest direction, not the flattest.": 4
            * float(values[-1])
            / samples,
            "Singular values are not squared here: lambda_min is sigma_min squared.": 4
            * np.sqrt(bottom)
            / samples,
        }
        yield recognised(
            constant(X),
            right,
            mistakes if unknowns > samples else {},
            f"With {samples} samples and {unknowns} unknowns the worst residual has the ratio "
            f"{right:.4g}.",
        )


def check_margin(margin: Callable) -> Feedback:
    """Check ``margin(start, radius)``: ``mu r^2 - 4 loss`` for ``(x y - 1)^2`` on a ball."""
    angles = np.linspace(0, 2 * np.pi, 4001)
    for start, radius in [((1.6, 1.0), 1.0), ((0.5, -0.2), 0.3), ((0.3, 0.4), 0.9)]:
        start = np.array(start)
        # The ratio is 4 (x^2 + y^2); least on the circle, or at the origin if that lies inside.
        circle = start + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        inside = np.linalg.norm(start) <= radius
        mu = 0.0 if inside else 4 * float((circle**2).sum(axis=1).min())
        loss = float((start[0] * start[1] - 1) ** 2)
        right = round(mu * radius**2 - 4 * loss, 4)
        center = 4 * float(start @ start)
        mistakes = {
            "mu must hold on the whole ball: at its centre the ratio is larger.": center * radius**2
            - 4 * loss,
            "The ball contains the origin, a critical point: then mu is 0.": 4
            * (np.linalg.norm(start) - radius) ** 2
            * radius**2
            - 4 * loss,
            "The loss at the start counts four times.": mu * radius**2 - loss,
            "The radius is squared.": mu * radius - 4 * loss,
            "The ratio is 4 (x^2 + y^2): the factor 4 of the squared gradient is missing.": mu
            / 4
            * radius**2
            - 4 * loss,
        }
        got = margin(start, radius)
        if np.ndim(got) == 0 and abs(float(got) - right) < 1e-3:
            continue
        place = f"({start[0]:g}, {start[1]:g})"
        return recognised(
            float(got),
            right,
            mistakes,
            f"On the ball of radius {radius:g} around {place} it is {right:.4g}, "
            f"yours is {float(got):.4g}.",
        )
    return None


@first_wrong
def check_power(power_decay: Callable) -> Iterator[Feedback]:
    """Check ``power_decay(a, start, time)``: the loss along the flow on ``|x|^a``."""
    for a, start, time in [(3.0, 0.8, 1.0), (4.0, 1.5, 2.0), (6.0, 1.1, 5.0)]:
        right = _flow_on_power(a, start, time)
        rate = a**2 * start ** (a - 2)
        mistakes = {
            "That is the place x(t); the loss is its power a.": right ** (1 / a),
            "The decay is not exponential: the ratio falls on the way.": start**a
            * np.exp(-rate * time),
            "The square of the gradient has a factor a^2, not a.": (
                start ** (2 - a) + (a - 2) * time
            )
            ** (-a / (a - 2)),
        }
        got = float(power_decay(a, start, time))
        yield recognised(
            got,
            right,
            mistakes,
            f"For a = {a:g} from x = {start:g} the flow has the loss {right:.4g} at t = {time:g}, "
            f"yours is {got:.4g}.",
        )


def _flow_on_power(a: float, start: float, time: float, steps: int = 4000) -> float:
    """Follow ``x' = -a x^(a-1)`` with the classical Runge-Kutta method."""
    x, dt = start, time / steps
    for _ in range(steps):
        k1 = -a * x ** (a - 1)
        k2 = -a * (x + dt / 2 * k1) ** (a - 1)
        k3 = -a * (x + dt / 2 * k2) ** (a - 1)
        k4 = -a * (x + dt * k3) ** (a - 1)
        x += dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return float(x**a)


def check_balance(rate_along_flow: Callable) -> Feedback:
    """Check ``rate_along_flow(x, y, target)``: the smallest ratio on the way of the flow."""
    for x, y, target in [
        (1.5, -0.5, 1.0),
        (2.0, 0.5, 3.0),
        (0.2, 1.0, 2.0),
        (1.0, 3.0, -1.0),
        (2.0, 1.8, 1.0),  # the product falls: smallest at the end
    ]:
        right, end = _smallest_ratio(x, y, target)
        start = 4 * (x**2 + y**2)
        difference = abs(x**2 - y**2)
        mistakes = {
            "That is the ratio at the start; it may fall on the way.": start,
            "That is the ratio at the end; it may have been smaller.": end,
            "x^2 + y^2 >= |x^2 - y^2| is right, but the product does not always pass zero.": 4
            * difference,
            "The factor 4 of the squared gradient is missing.": right / 4,
        }
        got = float(rate_along_flow(x, y, target))
        # The walk is followed numerically.
        if abs(got - right) < 1e-3 * right:
            continue
        feedback = recognised(
            round(got, 2),
            round(right, 2),
            {sentence: round(value, 2) for sentence, value in mistakes.items()},
            "",
        )
        return feedback or (
            f"From ({x:g}, {y:g}) with the target {target:g} the smallest ratio on the way is "
            f"{right:.4g}, yours is {got:.4g}."
        )
    return None


def _smallest_ratio(x: float, y: float, target: float) -> tuple[float, float]:
    """Follow the gradient flow on ``(x y - target)^2``; return the smallest and the last ratio."""
    theta, dt, ratios = np.array([x, y]), 1e-3, []

    def velocity(theta: np.ndarray) -> np.ndarray:
        return -2 * (theta[0] * theta[1] - target) * theta[::-1]

    for _ in range(4000):
        ratios.append(4 * float(theta @ theta))
        middle = theta + dt / 2 * velocity(theta)
        theta = theta + dt * velocity(middle)
    return min(ratios), ratios[-1]


def check_trap(height: Any) -> Feedback:
    """Check the largest ``a`` for which ``x^2 + a sin(x)^2`` has one critical point."""
    height = given(height)
    if not isinstance(height, (int, float, np.number)):
        return f"Expected a number, got {height!r}."
    y = np.linspace(np.pi, 2 * np.pi, 200_001)
    largest = float(1 / (-np.sin(y) / y).max())
    if abs(height - largest) < 0.01:
        return None
    if height > largest:
        return f"At a = {height:g} a ball from x = 3 is caught: 2x + a sin 2x has another zero."
    x = np.linspace(1e-3, 3, 3000)
    mu = ((2 * x + height * np.sin(2 * x)) ** 2 / (x**2 + height * np.sin(x) ** 2)).min()
    return f"At a = {height:g} the smallest ratio is still {mu:.3g}: the wave may be higher."


def check_far(found: Any) -> Feedback:
    """Check a start far from zero loss, and a ball, to which the theorem applies."""
    found = given(found)
    try:
        (x, y), radius = ((float(part) for part in found[0]), float(found[1]))
    except (TypeError, ValueError, IndexError):
        return "Write a pair of a start and a radius, ((x, y), r)."
    loss, distance = (x * y - 1) ** 2, float(np.hypot(x, y))
    if x * y >= 0:
        return f"Start on the wrong side: x y < 0; yours is {x * y:g}."
    if loss <= 100:
        return f"The loss at the start is {loss:.4g}; more than 100 is asked."
    if not 0 < radius < distance:
        return "The ball must not contain the origin, where the ratio is 0."
    have, need = 4 * (distance - radius) ** 2 * radius**2, 4 * loss
    if have <= need:
        return f"mu r^2 is {have:.4g}, and 4 loss is {need:.4g}: the theorem does not apply."
    return None


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-pl-trap": check_trap,
    "ex-pl-far": check_far,
    "ex-pl-time": check_time,
    "ex-pl-steps": check_steps,
    "ex-pl-least-squares": check_least_squares,
    "ex-pl-margin": check_margin,
    "ex-pl-power": check_power,
    "ex-pl-balance": check_balance,
}
