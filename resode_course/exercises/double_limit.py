"""Checks for the exercises on the double limit."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from resode_course._feedback import Feedback, close, first_wrong, given, recognised

__all__ = ["CHECKS"]

SMALL = 0.02
FAR = 1e30
"""Stands for infinity, as does its square; the fifth power of that is still a number."""
SLOW = 10.0
"""Families like ``log(1 + t) / L`` need times too large for a number at much larger depths."""


@first_wrong
def check_distance(farthest: Callable) -> Iterator[Feedback]:
    """Check ``farthest(c, loss, mu)``: the integral of the speed."""
    for c, loss, mu in [(3.0, 0.25, 0.2), (0.7, 2.0, 1.5)]:
        exact = c * np.sqrt(loss) * 2 / mu
        mistakes = {
            "The square root of the loss decays at the rate mu / 2.": exact / 2,
            "The speed is proportional to the square root of the loss.": 2 * c * loss / mu,
            "That is the speed at the start; integrate it over time.": exact * mu / 2,
            "A fast decay makes the way short: mu divides.": c * np.sqrt(loss) * mu / 2,
            "The speed constant c is missing.": exact / c,
        }
        yield recognised(
            farthest(c, loss, mu),
            exact,
            mistakes,
            f"For c = {c}, loss {loss}, mu = {mu} the way is at most {exact:.4g}.",
        )


@first_wrong
def check_time(enough_time: Callable) -> Iterator[Feedback]:
    """Check ``enough_time(mu, part)``: when ``exp(-mu t / 2)`` has fallen to ``part``."""
    for mu, part in [(0.3, 0.01), (2.0, 0.5)]:
        exact = -2 * np.log(part) / mu
        mistakes = {
            "That is when the loss has fallen to this part; weights take twice as long.": exact / 2,
            "The sign is wrong: a time is positive.": -exact,
            "The logarithm is natural.": exact / np.log(10),
            "A large mu makes it short: mu divides.": exact * mu**2,
            "Solve for t: this is the part left at time 1.": np.exp(-mu / 2) * part,
        }
        yield recognised(
            enough_time(mu, part),
            exact,
            mistakes,
            f"For mu = {mu} and the part {part} the time is {exact:.4g}.",
        )


def check_gronwall(increment_bound: Callable) -> Feedback:
    """Check ``increment_bound(start, alpha, beta, mu, time, depth)`` against fine steps."""
    for start, alpha, beta, mu, time, depth in [
        (0.1, 0.8, 2.0, 0.5, 3.0, 10),
        (0.0, 1.2, 1.0, 1.5, 8.0, 4),
    ]:
        exact = _stepped(start, alpha, beta / depth, mu, time)
        tau = 2 / mu * (1 - np.exp(-mu * time / 2))

        def bound(
            tau: float,
            source: float = beta / depth,
            start: float = start,
            alpha: float = alpha,
        ) -> float:
            return np.exp(alpha * tau) * start + source / alpha * np.expm1(alpha * tau)

        mistakes = {
            "This grows for ever: use that the exponential in time is integrable.": bound(time),
            "The exponent of the decay is mu / 2, not mu.": bound((1 - np.exp(-mu * time)) / mu),
            "That is the bound for infinite time.": bound(2 / mu),
            "beta is divided by L in the inequality.": bound(tau, source=beta),
            "That is the bound of the text; this one is smaller.": np.exp(alpha * tau)
            * (start + beta * tau / depth),
        }
        got = increment_bound(start, alpha, beta, mu, time, depth)
        if close(got, exact):
            continue
        return recognised(
            got, exact, mistakes, f"The equation reaches {exact:.5g} here; change the time to tau."
        )
    return None


def _stepped(start: float, alpha: float, source: float, mu: float, time: float) -> float:
    """Solve ``d' = exp(-mu t / 2) (alpha d + source)`` by the classical Runge-Kutta method."""
    steps = 2000
    ds, value = time / steps, start

    def slope(t: float, value: float) -> float:
        return np.exp(-mu * t / 2) * (alpha * value + source)

    for k in range(steps):
        t = k * ds
        a = slope(t, value)
        b = slope(t + ds / 2, value + ds / 2 * a)
        c = slope(t + ds / 2, value + ds / 2 * b)
        value += ds / 6 * (a + 2 * b + 2 * c + slope(t + ds, value + ds * c))
    return value


@first_wrong
def check_runaway(family: Callable) -> Iterator[Feedback]:
    """Check the four properties of ``family(L, t)`` on grids of depths and times."""
    depths, times = (1.0, 2.0, 10.0, 1000.0), np.geomspace(1e-3, 1e5, 400)
    for L in depths:
        yield _runs_to_one(family, L, times)
    for t in (1.0, 50.0):
        late = _at_infinity(lambda L, t=t: family(L, t))
        if not abs(late) <= SMALL:
            yield f"At t = {t:g} the limit in depth is 0; yours nears {late:.3g}."
    known = [np.minimum(times / L, 1) for L in depths]
    if close([[family(L, t) for t in times] for L in depths], known, 1e-9):
        yield "That is the family of the text; find another one."


def _runs_to_one(family: Callable, L: float, times: np.ndarray) -> Feedback:
    """Check start, speed and end at one depth."""
    values = np.array([family(L, t) for t in times], float)
    if values.shape != times.shape:
        return f"Expected one number for each L and t, got an array of shape {values.shape[1:]}."
    if not close(family(L, 0.0), 0.0):
        return f"The family starts at 0; yours at {float(family(L, 0.0)):.3g} for L = {L:g}."
    fast = np.abs(np.diff(values)) > 2 * np.diff(np.log1p(times)) + 1e-9
    if fast.any():
        return f"Near t = {times[1:][fast][0]:.3g} it is too fast for L = {L:g}."
    end = _at_infinity(lambda t: family(L, t))
    if L <= SLOW and not abs(end - 1) <= SMALL:
        return f"For L = {L:g} the limit in time is 1; yours nears {end:.3g}."
    return None


def _at_infinity(function: Callable) -> float:
    """Extrapolate, so that an error like ``1 / log x`` is nearly gone."""
    return 2 * float(function(FAR**2)) - float(function(FAR))


def check_width_one(leading_gap: Callable) -> Feedback:
    """Check ``leading_gap(target)`` against networks of growing depth, extrapolated."""
    for target in (3.0, 1.7):
        exact = _extrapolated_gap(target)
        logarithm = np.log(target)
        mistakes = {
            "That is the double limit itself; the gap to it is asked.": logarithm,
            "The factor 1/2 of the second-order term is missing.": logarithm**2,
            "The sign is wrong: networks of finite depth end above the limit.": -exact,
            "The logarithm is squared.": logarithm / 2,
            "The gap is multiplied by L; it does not vanish.": 0.0,
        }
        got = leading_gap(target)
        if close(got, exact, 1e-4):
            continue
        return recognised(got, exact, mistakes, f"For C = {target} deep networks give {exact:.4f}.")
    return None


def _extrapolated_gap(target: float) -> float:
    """Return ``L (w - log C)`` for infinite L, from two depths; each weight by bisection."""

    def gap(depth: int) -> float:
        low, high = 0.0, 2 * target
        for _ in range(80):
            middle = (low + high) / 2
            below = np.log1p(middle / depth) * depth < np.log(target)
            low, high = (middle, high) if below else (low, middle)
        return depth * (low - np.log(target))

    return 2 * gap(2000) - gap(1000)


def check_rate(depth_exponent: Callable) -> Feedback:
    """Check ``depth_exponent(kappa, mu)`` against the best time, found on a grid."""
    for kappa, mu in [(1.3, 0.5), (0.4, 2.0)]:
        exact = _best_exponent(kappa, mu)
        mistakes = {
            "Weights move like exp(-mu t / 2), not exp(-mu t).": mu / (kappa + mu),
            "That is one minus the exponent.": 2 * kappa / (2 * kappa + mu),
            "The bound falls with the depth: gamma is positive.": -exact,
            "The first bound grows with T; the rate 1/L does not survive.": 1.0,
            "Both terms must be equally large: e^(kappa T) / L = e^(-mu T / 2).": mu / (2 * kappa),
        }
        got = depth_exponent(kappa, mu)
        if close(got, exact, 1e-3):
            continue
        return recognised(
            got, exact, mistakes, f"For kappa = {kappa}, mu = {mu} the exponent is {exact:.3f}."
        )
    return None


def _best_exponent(kappa: float, mu: float) -> float:
    """Return the exponent of ``min over T of max(exp(kappa T) / L, exp(-mu T / 2))``."""
    logarithm = 100.0  # of the depth
    T = np.linspace(0, 4 * logarithm / (kappa + mu), 400_001)
    return float(-np.maximum(kappa * T - logarithm, -mu * T / 2).min() / logarithm)


@first_wrong
def check_floor(floor: Callable) -> Iterator[Feedback]:
    """Check ``floor(y)``: the least loss if the first two targets belong to one input."""
    for seed, n in [(0, 6), (1, 3)]:
        y = np.random.default_rng(seed).standard_normal((n, 1))
        gap = float(y[0, 0] - y[1, 0]) ** 2
        mistakes = {
            "Both errors are half of the difference; their squares add up to a half.": gap / n,
            "The loss is a mean over all n samples.": gap / 2,
            "Two samples have this error, not one.": gap / (4 * n),
            "All other inputs are fitted, and these two are met half way.": 0.0,
            "That is the variance of all targets; only two of them share an input.": float(y.var()),
        }
        yield recognised(
            floor(y),
            gap / (2 * n),
            mistakes,
            f"With n = {n} and the targets {y[0, 0]:.2f} and {y[1, 0]:.2f} at one input training "
            f"ends at {gap / (2 * n):.4g}.",
        )


def check_rough(exponent: Any) -> Feedback:
    """Check the exponent of the targets' size in the roughness of weights."""
    exponent = given(exponent)
    if not isinstance(exponent, (int, float, np.number)):
        return f"Expected a number, got {exponent!r}."
    if abs(exponent - 2) < 0.2:
        return None
    if abs(exponent - 1) < 0.2:
        return "So do the weights themselves; increments need the weights to have moved first."
    if abs(exponent) < 0.2:
        return "They do get smoother: compare the lines of the figure."
    return f"From 0.1 to 0.5 the measured exponent is close to a whole number, not {exponent:.3g}."


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-double-floor": check_floor,
    "ex-double-rough": check_rough,
    "ex-double-distance": check_distance,
    "ex-double-time": check_time,
    "ex-double-gronwall": check_gronwall,
    "ex-double-runaway": check_runaway,
    "ex-double-width-one": check_width_one,
    "ex-double-rate": check_rate,
}
