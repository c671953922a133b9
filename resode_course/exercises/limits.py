"""Checks for the exercises on limits of training problems."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from resode_course._feedback import NO_RETURN, Feedback, first_wrong, given, recognised

__all__ = ["CHECKS"]


@first_wrong
def check_checkerboard(price: Callable) -> Iterator[Feedback]:
    """Check ``price(depth)``: ``4 L (L - 1)``."""
    for depth in (5, 16):
        mistakes = {
            "The factor L is missing.": 4 * (depth - 1),
            "The factor is L, not 1/L.": 4 * (depth - 1) / depth,
            "L layers have L - 1 differences.": 4 * depth**2,
            "Neighbours differ by 2, and the difference is squared.": depth * (depth - 1),
            "The difference is 2: squared, that is 4.": 2 * depth * (depth - 1),
        }
        yield recognised(
            price(depth),
            4 * depth * (depth - 1),
            mistakes,
            f"For L = {depth} it is L times the sum of the {depth - 1} squared differences.",
        )


def check_gamma(gamma_limit: Callable) -> Feedback:
    """Check ``gamma_limit(x)`` of ``x^2 + sin(L x)``: ``x^2 - 1``."""
    x = np.array([-1.2, 0.0, 0.7, 2.0])
    mistakes = {
        "That is the mean over the oscillations; minimisers look for the valleys.": x**2,
        "Sequences choose the cheapest points nearby, not the dearest.": x**2 + 1,
        "The parabola stays: it hardly changes over one oscillation.": -np.ones(4),
        "Pointwise there is no limit; the Gamma-limit may look at points nearby.": np.nan * x,
    }
    got = np.array([gamma_limit(point) for point in x], float)
    if np.isnan(got).all():
        return list(mistakes)[-1]
    return recognised(
        got,
        x**2 - 1,
        mistakes,
        "At x, take the least limit of f_L(x_L) over all sequences x_L that tend to x.",
    )


@first_wrong
def check_refine(refine: Callable) -> Iterator[Feedback]:
    """Check ``refine(controls)``: twice the layers, the same path, the same roughness."""
    rng = np.random.default_rng(0)
    for layers in (4, 9):
        controls = rng.standard_normal((layers, 3))
        got = np.asarray(refine(controls), float)
        if got.shape != (2 * layers, 3):
            yield f"Expected an array of shape {(2 * layers, 3)}, got {got.shape}."
        held = np.concatenate([controls, controls[-1:]])
        exact = np.repeat(controls, 2, axis=0)
        exact[1::2] = (held[:-1] + held[1:]) / 2
        beyond = exact.copy()
        beyond[-1] = controls[-1] + (controls[-1] - controls[-2]) / 2
        spread = np.linspace(0, layers - 1, 2 * layers)
        stretched = np.stack([np.interp(spread, np.arange(layers), u) for u in controls.T], axis=1)
        mistakes = {
            "Repeated layers keep the map and double the roughness: every jump is as high, and "
            "the factor L doubled.": np.repeat(controls, 2, axis=0),
            "Do not extrapolate behind the last layer: hold it, which costs nothing.": beyond,
            "Layer k sits at depth k/L: the old layers keep their places, every second one.": (
                stretched
            ),
            "The same layers twice is another network: insert between neighbours.": np.concatenate(
                [controls, controls]
            ),
            "Between two layers goes their mean.": np.stack(
                [controls, 0 * controls], axis=1
            ).reshape(2 * layers, 3),
        }
        before, after = _roughness(controls), _roughness(got)
        otherwise = f"The roughness goes from {before:.4g} to {after:.4g}; it should stay."
        if np.isclose(before, after):
            otherwise = "The roughness stays, the curve does not: at k/L it should be old layer k."
        yield recognised(got, exact, mistakes, otherwise)


def _roughness(controls: np.ndarray) -> float:
    """Return ``L sum |u_k - u_{k-1}|^2``."""
    return float(len(controls) * np.sum(np.diff(controls, axis=0) ** 2))


@first_wrong
def check_closed(weights: Callable) -> Iterator[Feedback]:
    """Check ``weights(s, penalty, tau)``: the parabola with natural boundary conditions."""
    s = np.linspace(0, 1, 7)
    for penalty, tau in [(0.1, 2.0), (1.5, 0.5)]:
        shape = 1 / tau + s - s**2 / 2
        end = 1 / tau + 1 / 3
        right = shape / (penalty + end)
        mistakes = {
            "That reaches the target exactly; with a penalty something is left.": shape / end,
            "The slope at depth 0 is tau u(0), not zero.": np.full(7, 1 / (1 + penalty * tau)),
            "At depth 1 the slope is zero, not the weight.": _clamped(s, penalty, tau),
            "It bends down: u'' is negative, since more weight helps.": shape / (end - penalty),
            "u'(0) = tau u(0), so u(0) is u'(0) divided by tau.": (tau + s - s**2 / 2)
            / (penalty + tau + 1 / 3),
            "The derivative of the square has a factor 2, as that of the penalty: they cancel.": (
                shape / (penalty / 2 + end)
            ),
        }
        yield recognised(
            weights(s, penalty, tau),
            right,
            mistakes,
            f"For alpha = {penalty:g} and tau = {tau:g} it goes from {right[0]:.4g} to "
            f"{right[-1]:.4g}.",
        )


def _clamped(s: np.ndarray, penalty: float, tau: float) -> np.ndarray:
    """Return the parabola with ``u'' = -e/alpha``, ``u'(0) = tau u(0)`` and ``u(1) = 0``."""
    start = 0.5 / (1 + tau)
    shape = start * (1 + tau * s) - s**2 / 2
    return shape / (penalty + start * (1 + tau / 2) - 1 / 6)


@first_wrong
def check_family(strength: Callable) -> Iterator[Feedback]:
    """Check ``strength(target, penalty, fraction)``: ``sqrt(log z / fraction)``."""
    for target, penalty, fraction in [(2.0, 0.1, 0.5), (4.0, 1.0, 0.25), (3.0, 0.5, 1.0)]:
        z = (target + np.sqrt(target**2 - 4 * penalty)) / 2
        right = np.sqrt(np.log(z) / fraction)
        mistakes = {
            "The penalty keeps x(1) below the target.": np.sqrt(np.log(target) / fraction),
            "Fewer working layers must work harder: divide by the fraction.": np.sqrt(
                np.log(z) * fraction
            ),
            "v w is the growth rate: v is its square root.": np.log(z) / fraction,
            "That is as if all layers worked.": np.sqrt(np.log(z)),
            "x grows exponentially: take the logarithm of where it ends.": np.sqrt(z / fraction),
            "The other root lies below 1, and z = exp(v^2 fraction) does not.": np.sqrt(
                abs(np.log(target - z)) / fraction
            ),
            "v^2 + w^2 is 2 v w: both weights pay.": np.sqrt(
                np.log((target + np.sqrt(target**2 - 2 * penalty)) / 2) / fraction
            ),
        }
        got = strength(target, penalty, fraction)
        yield recognised(
            got if got is None else np.abs(got),  # v and -v cost the same
            right,
            mistakes if fraction < 1 else {},
            f"For the target {target:g}, alpha = {penalty:g} and the fraction {fraction:g} the "
            f"state ends at {z:.4g}, and v is {right:.4g}.",
        )


@first_wrong
def check_gap(gap: Callable) -> Iterator[Feedback]:
    """Check ``gap(derivative)``: the limit is ``u'(1)^2``."""
    cases = {
        "sin 3s": lambda s: 3 * np.cos(3 * s),
        "s^2": lambda s: 2 * s,
        "e^s": np.exp,
        "(1 - s)^2": lambda s: -2 * (1 - s),
    }
    s = (np.arange(4000) + 0.5) / 4000
    for name, derivative in cases.items():
        right = float(derivative(1.0)) ** 2
        start = float(derivative(0.0)) ** 2
        mistakes = {
            "Which cell has no difference? The last one, not the first.": start,
            "The ends do not share: k runs from 0 to L - 1.": (right - start) / 2,
            "The derivative is squared.": float(derivative(1.0)),
            "That is the whole integral, not what is missing of it.": float(
                np.mean(derivative(s) ** 2)
            ),
            "One whole cell is missing, not half of it.": right / 2,
        }
        got = gap(derivative)
        if name == "sin 3s" and np.ndim(got) == 0 and float(got) == 0:
            yield "The sum has L - 1 terms and the integral L cells: something is left."
        yield recognised(
            got,
            right,
            mistakes if name != "(1 - s)^2" else {},
            f"For {name} the limit is {right:.4g}.",
        )


def check_rise(u: Any) -> Feedback:
    """Check 256 weights of roughness one at most that rise as far as they can."""
    u = np.asarray(given(u), float)
    if u.shape != (256,):
        return f"Expected 256 numbers, got the shape {u.shape}."
    if not np.isfinite(u).all():
        return "Weights are numbers."
    roughness, rise = 256 * np.sum(np.diff(u) ** 2), u[-1] - u[0]
    if roughness > 1 + 1e-9:
        return f"The roughness is {roughness:.4g}; at most 1 is allowed."
    if rise < 0.99:
        return f"They rise by {rise:.3g} with the roughness {roughness:.3g}; go farther."
    return None


@first_wrong
def check_metric(unknowns: Callable) -> Iterator[Feedback]:
    """Check ``unknowns(L)``: a matrix in which charged bending is well conditioned."""
    for layers in (16, 64, 256):
        S = unknowns(layers)
        if S is None:
            yield NO_RETURN
        S, eye = np.asarray(S, float), np.eye(layers)
        if S.shape != (layers, layers):
            yield f"Expected a matrix of shape {(layers, layers)}, got {S.shape}."
        rows = [eye[:1], layers * np.diff(eye[:2], axis=0), layers**1.5 * np.diff(eye, 2, axis=0)]
        B = np.concatenate(rows)
        condition = np.linalg.cond(S.T @ (0.1 * B.T @ B + 1 / layers**2) @ S)
        if not condition < 50:
            yield (
                f"With {layers} layers the condition number is {condition:.2g}; below 50 is asked. "
                "In the right unknowns the penalty is a plain sum of squares."
            )


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-limits-rise": check_rise,
    "ex-limits-metric": check_metric,
    "ex-limits-checkerboard": check_checkerboard,
    "ex-limits-gamma": check_gamma,
    "ex-limits-refine": check_refine,
    "ex-limits-closed": check_closed,
    "ex-limits-family": check_family,
    "ex-limits-gap": check_gap,
}
