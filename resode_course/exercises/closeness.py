"""Checks for the exercises on which networks are close to an ODE."""

from collections.abc import Callable, Iterator
from itertools import product
from math import asinh, e, sinh, tanh
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import expm

from resode_course._feedback import Feedback, first_wrong, recognised
from resode_lib import integrators, resnet
from resode_lib.blocks import Linear

__all__ = ["CHECKS"]


def check_rough(theta: Callable) -> Feedback:
    """Check ``theta(k, L)``: rough weights with which the network follows ``h' = tanh h``."""
    start, errors = 0.5, []
    exact = asinh(e * sinh(start))
    depths = (16, 64, 256, 1024)
    for depth in depths:
        weights = np.array([float(theta(k, depth)) for k in range(depth)])
        if not np.abs(weights).max() <= 5:  # nor a number that is none
            return f"At L = {depth} a weight is larger than 5."
        least = np.abs(np.diff(weights)).min()
        if least < 1:
            return (
                f"At L = {depth} two neighbours differ by {least:.3g} only: a curve could follow."
            )
        h = start
        for weight in weights:
            h += weight * tanh(h) / depth
        errors.append(abs(h - exact))
    for depth, error in zip(depths, errors, strict=True):
        if error > 5 / depth:
            trend = "does not shrink" if errors[-1] > errors[0] / 4 else "shrinks too slowly"
            return (
                f"At L = {depth} the end is {error:.3g} away, more than 5/L. The distance {trend}: "
                f"{errors[0]:.2g} at L = 16, {errors[-1]:.2g} at L = 1024. What is the mean?"
            )
    return None


def check_mix(arrange: Callable) -> Feedback:
    """Check ``arrange(depth)``: an order of two layers that mix like ``1/sqrt(L)``."""
    pair = np.array([[[0.0, -2.0], [2.0, 0.0]], [[-1.0, 1.5], [0.0, 0.5]]])
    start = np.array([1.0, 0.5])
    exact = expm(pair.mean(axis=0)) @ start
    depths, errors = (64, 256, 1024, 4096), []
    for depth in depths:
        kinds = np.asarray(arrange(depth))
        if kinds.shape != (depth,) or not np.isin(kinds, (0, 1)).all():
            return f"Give one 0 or 1 for each of the {depth} layers."
        if kinds.sum() != depth // 2:
            return f"At L = {depth} {int(kinds.sum())} layers are b; half of them shall be."
        h = start
        for kind in kinds.astype(int):
            h = h + pair[kind] @ h / depth
        errors.append(np.linalg.norm(h - exact))
    slope = np.polyfit(np.log(depths), np.log(errors), 1)[0]
    if -0.7 < slope < -0.3:
        return None
    ends = f"from {errors[0]:.2g} at L = 64 to {errors[-1]:.2g} at L = 4096, like L^({slope:.2f})"
    if slope <= -0.7:
        return f"That mixes too well: the distance goes {ends}."
    return f"The distance goes {ends}: the layers do not mix, or too slowly."


@first_wrong
def check_displacement(displacement: Callable) -> Iterator[Feedback]:
    """Check ``displacement(beta, depth)`` against the product of the growth factors."""
    for beta, depth in [(0.5, 10), (1.0, 20), (0.75, 7)]:
        square = float(np.prod(np.full(depth, 1 + 0.5 * depth ** (-2 * beta)))) - 1
        mistakes = {
            "That is the mean square; its root is asked.": square,
            "That is the size of h_L; subtract that of h_0 (Pythagoras).": np.sqrt(square + 1),
            "ReLU keeps half of the square: a factor 1/2 is missing.": np.sqrt(
                (1 + depth ** (-2 * beta)) ** depth - 1
            ),
            "The factor of the residuals enters squared: L^(-2 beta).": np.sqrt(
                (1 + 0.5 * depth**-beta) ** depth - 1
            ),
            "Sizes do not subtract, squares do (Pythagoras).": np.sqrt(square + 1) - 1,
            "That is the leading term for many layers; here L is given.": np.sqrt(
                depth ** (1 - 2 * beta) / 2
            ),
        }
        got = float(displacement(beta, depth))
        expected = np.sqrt(square)
        yield recognised(
            got,
            expected,
            mistakes,
            f"For beta = {beta:g} and L = {depth} it is {expected:.4g}, yours is {got:.4g}.",
        )


@first_wrong
def check_alias(alias_error: Callable) -> Iterator[Feedback]:
    """Check ``alias_error(waves, depth)`` against a network that runs."""
    for waves, depth in [(0, 4), (3, 8), (8, 8), (16, 8), (12, 8), (1, 1)]:

        def field(s: Any, h: Any, waves: int = waves) -> Any:
            return jnp.cos(2 * jnp.pi * waves * s) * jnp.ones_like(h)

        last = float(integrators.integrate(field, jnp.zeros(1), depth=depth)[-1, 0])
        last = round(last, 12) + 0.0  # no rounding errors, and no minus, in the sentence
        expected = last - (waves == 0)
        got = float(alias_error(waves, depth))
        case = f"For {waves} waves and {depth} layers"
        mistakes = {
            f"{case} the sign is wrong: h_L - H(1) is asked.": -expected,
            f"{case} that is h_L; the ODE moves too.": last,
        }
        yield recognised(
            got, expected, mistakes, f"{case} the error is {expected:.3g}, yours is {got:.3g}."
        )


@first_wrong
def check_signs(mean_ratio: Callable) -> Iterator[Feedback]:
    """Check ``mean_ratio(beta, depth)`` against the mean over all sequences of signs."""
    for beta, depth in [(0.5, 4), (1.0, 5), (0.25, 6)]:
        c = depth**-beta
        signs = np.array(list(product((-1, 1), repeat=depth)))
        expected = float(np.prod((1 + c * signs) * np.exp(-c * signs), axis=1).mean())
        got = float(mean_ratio(beta, depth))
        mistakes = {
            "That is one factor; there are L of them.": expected ** (1 / depth),
            "That is the mean of the network alone, or of its logarithm: divide by the ODE.": 1.0,
            "That is the limit for beta = 1/2; the mean at this depth is asked.": np.exp(-0.5),
            "The mean of a quotient is not the quotient of the means.": np.cosh(c) ** -depth,
            "c is L^(-beta) here, not 1/sqrt(L).": _mean_of_factor(depth**-0.5) ** depth,
        }
        yield recognised(
            got,
            expected,
            mistakes,
            f"Over all signs, beta = {beta:g} and L = {depth} give {expected:.4g}, "
            f"yours is {got:.4g}.",
        )


def _mean_of_factor(c: float) -> float:
    """Return the mean of ``(1 + c xi) exp(-c xi)`` for a fair sign ``xi``."""
    return float(np.mean([(1 + c * xi) * np.exp(-c * xi) for xi in (-1, 1)]))


def check_swap(swap: Callable) -> Feedback:
    """Check ``swap(depth)``: bounded weights that exchange two points exactly."""
    pair = jnp.array([[1.0, 0.0], [-1.0, 0.0]])
    for depth in (4, 7, 64):
        thetas = jnp.asarray(np.asarray(swap(depth), dtype=float))
        if thetas.shape != (depth, 2, 2):
            return f"Expected matrices of shape ({depth}, 2, 2), got {thetas.shape}."
        if float(jnp.abs(thetas).max()) > 20:
            return f"At L = {depth} the weights are larger than 20: they must stay bounded."
        ends = resnet.forward(jax.vmap(Linear)(thetas), pair)
        gap = float(jnp.abs(ends + pair).max())
        if not gap <= 1e-9:  # nor a number that is none
            overshoot = float(jnp.linalg.norm(ends[0]))
            hint = "Each step leaves the circle." if overshoot > 1.01 else "Check angle and L."
            return f"At L = {depth} the points end {gap:.2g} away from each other's place. {hint}"
    return None


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-close-rough": check_rough,
    "ex-close-mix": check_mix,
    "ex-close-displacement": check_displacement,
    "ex-close-alias": check_alias,
    "ex-close-signs": check_signs,
    "ex-close-swap": check_swap,
}
