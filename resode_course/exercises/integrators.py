"""Checks for the exercises on integrators."""

from collections.abc import Callable, Iterator
from math import cos, sin
from typing import Any

import jax.numpy as jnp
import numpy as np

from resode_course._feedback import Feedback, close, first_wrong, given, recognised
from resode_lib.diagnostics import observed_slope
from resode_lib.integrators import INTEGRATORS, Integrator, heun, rk4

__all__ = ["CHECKS"]


def growth(method: Integrator, z: complex | float) -> complex:
    """Return what one step of length 1 of ``h' = z h`` makes of 1, in real numbers."""
    theta = jnp.array([[z.real, -z.imag], [z.imag, z.real]])
    real, imaginary = method.step(lambda r, h: theta @ h, jnp.array([1.0, 0.0]), 1.0)
    return complex(real, imaginary)


def check_rate(best_until: Callable) -> Feedback:
    """Check ``best_until(budget)``: the largest whole rate up to which RK4 ends nearest."""
    for budget in (24, 40, 48):
        got = best_until(budget)
        if np.ndim(got) or got != int(got) or got < 1:
            return f"A whole rate of at least 1 is asked, got {got}."
        for rate in range(1, int(got) + 2):
            errors = {
                name: _end_error(name, float(rate), budget) for name in ("euler", "heun", "rk4")
            }
            nearest = min(errors, key=errors.__getitem__)
            said = f"With {budget} evaluations and the rate {rate}, {nearest} ends nearest"
            if rate <= got and nearest != "rk4":
                inside = rate / (budget / 4) < STABLE
                more = ", though RK4's mark is inside its region" if inside else ""
                return f"{said}{more}: {errors[nearest]:.2g} against {errors['rk4']:.2g}."
            if rate == got + 1 and nearest == "rk4":
                return f"{said} still; yours stops at {got}."
    return None


STABLE = 2.785
"""How far RK4's region reaches along the negative axis."""


def _end_error(name: str, rate: float, budget: int) -> float:
    """Return the error at the end of a block that pulls towards cos(3s), in plain floats."""
    h, depth = 1.0, budget // {"euler": 1, "heun": 2, "rk4": 4}[name]
    ds = 1 / depth

    def pull(s: float, h: float) -> float:
        return -rate * (h - cos(3 * s)) - 3 * sin(3 * s)

    for k in range(depth):
        s = k * ds
        k1 = pull(s, h)
        if name == "euler":
            h += ds * k1
        elif name == "heun":
            h += ds / 2 * (k1 + pull(s + ds, h + ds * k1))
        else:
            k2 = pull(s + ds / 2, h + ds / 2 * k1)
            k3 = pull(s + ds / 2, h + ds / 2 * k2)
            h += ds / 6 * (k1 + 2 * k2 + 2 * k3 + pull(s + ds, h + ds * k3))
    return abs(h - cos(3))


def check_chebyshev(c: Any) -> Feedback:
    """Check ``c``: among ``R(z) = 1 + z + c z^2`` that which reaches farthest to the left."""
    c = float(given(c))
    if not c > 0:
        return f"With c = {c:g} the region ends at or before -2, where Euler's does."
    z = -np.linspace(0, 9, 9001)
    outside = np.abs(1 + z + c * z**2) > 1 + 1e-9
    reach = -z[outside.argmax()]
    if reach > 7.9:
        return None
    if 1 - 1 / (4 * c) < -1:
        return f"With c = {c:g} R falls below -1 at z = {-reach:.2f}: c is too small."
    return f"With c = {c:g} the region reaches to {-reach:.2f}; one can go farther."


@first_wrong
def check_factor(heun_factor: Callable) -> Iterator[Feedback]:
    """Check ``heun_factor(z)``: ``1 + z + z^2/2``, also for complex numbers."""
    for z in (-0.7, 1.3, 0.4 + 1.1j):
        mistakes = {
            "That is Euler's factor: Heun looks at the field twice.": 1 + z,
            "The last term is too large: the mean of two evaluations has a factor 1/2.": 1
            + z
            + z**2,
            "That is the factor of the solution; Heun only comes near it.": np.exp(z),
            "The state itself is missing: a step adds to it.": z + z**2 / 2,
        }
        right = growth(heun, z)
        shown = f"{right if isinstance(z, complex) else right.real:.4g}"
        yield recognised(
            heun_factor(z),
            right,
            mistakes,
            f"For z = {z:g} one step of Heun makes {shown} of 1.",
        )


def check_depth(stable_depth: Callable) -> Feedback:
    """Check ``stable_depth(eigenvalue, name)``: the smallest depth at which nothing grows."""
    for eigenvalue, name in [
        (-20.0, "euler"),
        (-21.0, "heun"),
        (-20.0, "rk4"),
        (-101.5, "rk4"),
        (-39.0, "rk4"),  # between 39 / 2.8 and 39 / 2.785... lies a whole number
        (-0.5, "euler"),
    ]:
        depth = stable_depth(eigenvalue, name)
        if depth != int(depth) or depth < 1:
            return f"A depth is a whole number of at least 1, got {depth}."
        case = f"For the eigenvalue {eigenvalue:g} and {name}"
        if abs(growth(INTEGRATORS[name], eigenvalue / depth)) > 1 + 1e-9:
            return f"{case} the state still grows at your depth {depth}."
        if depth > 1 and abs(growth(INTEGRATORS[name], eigenvalue / (depth - 1))) <= 1 + 1e-9:
            return f"{case} one layer less than your {depth} would do."
    return None


def check_heun(network: Callable) -> Feedback:
    """Check ``heun_network(thetas, h)`` for ``tanh(theta h)`` and ``L + 1`` slices."""
    rng = np.random.default_rng(3)
    thetas, h = 2 * rng.standard_normal((6, 3, 3)), rng.standard_normal(3)

    def run(
        first: int, second: int, weight: float = 0.5, steps: int = 5, reach: float = 1.0
    ) -> np.ndarray:
        state = h
        for k in range(5):
            left = np.tanh(thetas[k + first] @ state)
            right = np.tanh(thetas[k + second] @ (state + reach * left / steps))
            state = state + weight * (left + right) / steps
        return state

    mistakes = {
        "Both evaluations use theta_k: the second belongs to the right end, theta_{k+1}.": run(
            0, 0
        ),
        "Both evaluations use theta_{k+1}: the first belongs to the left end.": run(1, 1),
        "The two slices are swapped: the first evaluation sees theta_k.": run(1, 0),
        "The mean is missing: a step adds half the sum.": run(0, 1, weight=1.0),
        "L + 1 slices make L layers: the step is 1/L.": run(0, 1, steps=6),
        "The second evaluation is at h + k_1/L, not at h.": run(0, 1, reach=0.0),
        "The second evaluation is a whole step ahead, at h + k_1/L.": run(0, 1, reach=0.5),
        "That is Euler's method: the second evaluation is missing.": run(0, 0, reach=0.0),
    }
    return recognised(
        network(thetas, h),
        _heun_layers(thetas, h),
        mistakes,
        "That is not Heun's method; write one layer by hand.",
    )


@first_wrong
def check_observed(observed_order: Callable) -> Iterator[Feedback]:
    """Check ``observed_order(coarse, middle, fine)`` on states with a known order."""
    rng = np.random.default_rng(4)
    for order in (1.0, 2.0, 4.0, 1.5):  # a method on rough weights has no whole order
        limit, leading = rng.standard_normal((2, 5))
        states = [limit + leading * (8.0 * 2**j) ** -order for j in range(3)]
        got = observed_order(*states)
        if np.ndim(got) != 0:
            yield "One number is asked: take norms of the differences first."
        mistakes = {
            "That is the ratio of the differences; which power of two is it?": 2**order,
            "The sign is wrong: the first difference is the larger one.": -order,
            "Depth doubles, so the logarithm has the base 2.": order * np.log(2),
            "The finest state is not the solution; compare neighbours.": np.log2(2**order + 1),
        }
        yield recognised(
            float(got), order, mistakes, f"States of order {order:g} give {float(got):.3g}."
        )


def check_rk4(network: Callable) -> Feedback:
    """Check ``rk4_network(thetas, h)`` for ``tanh(theta h)`` and ``2 L + 1`` slices."""
    rng = np.random.default_rng(5)
    thetas, h = 2 * rng.standard_normal((9, 3, 3)), rng.standard_normal(3)

    def run(slices: Callable[[int], tuple[Any, Any, Any]], layers: int, ds: float) -> np.ndarray:
        state = jnp.asarray(h)
        for k in range(layers):
            cell = dict(zip((0, 0.5, 1), slices(k), strict=True))
            state = rk4.step(lambda r, h, cell=cell: jnp.tanh(cell[r] @ h), state, ds)
        return np.asarray(state)

    def own(k: int) -> tuple[Any, Any, Any]:
        return thetas[2 * k], thetas[2 * k + 1], thetas[2 * k + 2]

    def neighbours(k: int) -> tuple[Any, Any, Any]:
        return thetas[k], (thetas[k] + thetas[k + 1]) / 2, thetas[k + 1]

    def overlapping(k: int) -> tuple[Any, Any, Any]:
        return thetas[k], thetas[k + 1], thetas[k + 2]

    def straight(k: int) -> tuple[Any, Any, Any]:
        return thetas[2 * k], (thetas[2 * k] + thetas[2 * k + 2]) / 2, thetas[2 * k + 2]

    mistakes = {
        "Nine slices make four layers of length 1/4, not 1/8.": run(own, 4, 1 / 8),
        "This interpolates between neighbours, 2 L layers: order two again.": run(
            neighbours, 8, 1 / 8
        ),
        "The layers overlap: the next one begins where the last one ended.": run(
            overlapping, 7, 1 / 4
        ),
        "The middle slice is there; do not interpolate it.": run(straight, 4, 1 / 4),
        "Every evaluation of a layer has its own place: ends and middle differ.": run(
            lambda k: (thetas[2 * k + 1],) * 3, 4, 1 / 4
        ),
        "A layer looks at three slices, not at its first one only.": run(
            lambda k: (thetas[2 * k],) * 3, 4, 1 / 4
        ),
        "That is Heun's method on all slices, of order two.": _heun_layers(thetas, h),
        "That is Heun's method on every other slice, of order two.": _heun_layers(thetas[::2], h),
    }
    return recognised(
        network(thetas, h),
        run(own, 4, 1 / 4),
        mistakes,
        "That is not RK4 on three slices per layer; write one layer by hand.",
    )


def _heun_layers(thetas: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Return the last state of the Heun network with these slices."""
    depth, state = len(thetas) - 1, jnp.asarray(h)
    for k in range(depth):
        state = heun.step(lambda r, h, k=k: jnp.tanh(thetas[k + int(r)] @ h), state, 1 / depth)
    return np.asarray(state)


def check_corrected(corrected: Callable) -> Feedback:
    """Check ``corrected(thetas)``: the integral from ``L + 1`` slices, to order three or more."""
    depths = (16, 32, 64, 128)
    for weights, integral in _INTEGRALS:
        errors = []
        for depth in depths:
            theta = weights(np.arange(depth + 1) / depth)
            got = corrected(theta)
            if np.ndim(got) != 0 or np.isnan(got):
                shown = f"the shape {np.shape(got)}" if np.ndim(got) else got
                return f"One number is asked, the integral; got {shown}."
            errors.append(abs(float(got) - integral))
            trapezoid = float((theta[1:] + theta[:-1]).sum() / 2 / depth)
            ends = (theta[-1] - theta[-2]) - (theta[1] - theta[0])
            mistakes = {
                "That is the trapezoidal rule, of order two: now correct its ends.": trapezoid,
                "That is the rectangle rule, of order one.": float(theta[:-1].mean()),
                "The correction has the wrong sign: the error doubles.": trapezoid
                + ends / 12 / depth,
                "L + 1 slices make L cells: the step is 1/L.": float(theta.mean()),
                "A sum is not an integral yet: multiply by the step.": trapezoid * depth,
            }
            for sentence, value in mistakes.items():
                if close(float(got), value, tolerance=1e-13):
                    return sentence
        if max(errors) > 1e-13:  # some rules are exact for some weights
            slope = observed_slope(depths, np.maximum(errors, 1e-16)).value
            if not slope <= -2.7:
                return f"The error behaves like L^{slope:.1f}; order three is asked."
    return None


_INTEGRALS: tuple[tuple[Callable[[np.ndarray], np.ndarray], float], ...] = (
    (np.exp, np.e - 1),
    (lambda s: np.cos(3 * s) + s, np.sin(3) / 3 + 0.5),
    (lambda s: 1 / (1 + s), np.log(2)),
)


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-integrators-rate": check_rate,
    "ex-integrators-chebyshev": check_chebyshev,
    "ex-integrators-factor": check_factor,
    "ex-integrators-depth": check_depth,
    "ex-integrators-heun": check_heun,
    "ex-integrators-observed": check_observed,
    "ex-integrators-rk4": check_rk4,
    "ex-integrators-corrected": check_corrected,
}
