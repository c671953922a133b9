"""Checks for the exercises on implicit regularization."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resode_course._feedback import Feedback, close, first_wrong, given, recognised
from resode_lib import continuous, resnet, stacks
from resode_lib.blocks import Linear
from resode_lib.resnet import ResNet

__all__ = ["CHECKS"]


def check_step(descend: Callable) -> Feedback:
    """Check ``descend(weights, gradient, rate)``: ``weights - rate L gradient``."""
    rng = np.random.default_rng(0)
    weights, gradient = rng.standard_normal((2, 6, 3, 4))
    mistakes = {
        "The factor L is missing: a deep network would hardly move.": weights - 0.1 * gradient,
        "The factor is L, not 1/L.": weights - 0.1 * gradient / 6,
        "That is a step uphill: mind the sign.": weights + 0.1 * 6 * gradient,
        "The factor is the depth, not the number of weights.": weights - 0.1 * 72 * gradient,
    }
    return recognised(
        descend(weights, gradient, 0.1),
        weights - 0.1 * 6 * gradient,
        mistakes,
        "That is not one step along L times the gradient.",
    )


@first_wrong
def check_relu(largest_increment: Callable) -> Iterator[Feedback]:
    """Check ``largest_increment(depth, target, a)`` against a network that is trained."""
    for depth, target, a in [(8, 2.0, 0.5), (16, 1.5, 1.0), (2, 1.5, 6.0)]:
        # In the last one the even layers start above their end, and come down.
        measured = _trained_relu_increment(depth, target, a)
        got = float(largest_increment(depth, target, a))
        frozen = a / depth
        mistakes = {
            "The odd layers do not end at zero: they stay where they were.": measured - frozen,
            "Both weights stay or end somewhere; their distance is asked.": measured - 2 * frozen,
            "There are L/2 even layers: the product has L/2 factors.": depth
            * (target ** (1 / depth) - 1)
            + frozen,
            "That is the limit for many layers; here L is given.": 2 * np.log(target) + frozen,
            "Even layers that start above their end come down to it.": max(measured, 2 * frozen),
        }
        yield recognised(
            got,
            measured,
            mistakes,
            f"For L = {depth}, C = {target:g}, a = {a:g} a trained network measures "
            f"{measured:.4g}, yours is {got:.4g}.",
        )


def _trained_relu_increment(depth: int, target: float, a: float) -> float:
    """Train the even layers, which share one weight, by bisection on the output."""
    # The output grows with the weight, so the trained weight is where it meets the target.
    low, high = 0.0, 10.0 * depth
    for _ in range(200):
        middle = (low + high) / 2
        h = 1.0
        for k in range(1, depth + 1):
            h += max((-a / depth if k % 2 else middle) * h, 0.0) / depth
        low, high = (middle, high) if h < target else (low, middle)
    return low + a / depth


def check_costates(gradient: Callable) -> Feedback:
    """Check ``linear_depth_gradient(thetas, h, y)`` against automatic differentiation."""
    rng = np.random.default_rng(1)
    thetas, (h, y) = rng.standard_normal((5, 3, 3)), rng.standard_normal((2, 3))

    def loss(thetas: Any) -> Any:
        last = resnet.forward(jax.vmap(Linear)(thetas), jnp.asarray(h))
        return jnp.sum((last - y) ** 2)

    expected = 5 * np.asarray(jax.grad(loss)(jnp.asarray(thetas)))
    mistakes = {
        "The factor L is missing; the depth gradient is asked.": expected / 5,
        "The factor 2 of the squared error is missing.": expected / 2,
        "The layers are in reverse order.": expected[::-1],
        "Each matrix is transposed: it is p h^T, not h p^T.": expected.transpose(0, 2, 1),
        "The sign is wrong: the gradient is asked, not the descent.": -expected,
        "Layer k takes p_{k+1}, the costate behind it; yours takes p_k.": _by_hand(
            thetas, h, y, late=0
        ),
        "Costates go back with the transpose of theta_k.": _by_hand(
            thetas.transpose(0, 2, 1), h, y, forwards=thetas
        ),
    }
    return recognised(
        gradient(thetas, h, y),
        expected,
        mistakes,
        "That is not the gradient; check that layer k pairs h_k with p_{k+1}, and transposes.",
    )


def _by_hand(
    thetas: np.ndarray,
    h: np.ndarray,
    y: np.ndarray,
    *,
    late: int = 1,
    forwards: np.ndarray | None = None,
) -> np.ndarray:
    """Pair ``h_k`` with ``p_{k+late}``; states may pass other matrices than costates."""
    states = [h]
    for theta in thetas if forwards is None else forwards:
        states.append(states[-1] + theta @ states[-1] / len(thetas))
    costates = [2 * (states[-1] - y)]
    for theta in thetas[::-1]:
        costates.insert(0, costates[0] + theta.T @ costates[0] / len(thetas))
    return np.array([np.outer(costates[k + late], states[k]) for k in range(len(thetas))])


def check_refine(refine: Callable) -> Feedback:
    """Check ``refine(weights)``: linear interpolation at twice the depth."""
    weights = np.random.default_rng(2).standard_normal((5, 2, 3))
    path = stacks.piecewise_linear(jax.vmap(Linear)(jnp.asarray(weights[..., :2])))
    left = np.asarray(stacks.sample(path, 10).theta[...])  # the first two columns
    got = np.asarray(refine(weights))
    if got.shape != (10, 2, 3):
        return f"Five layers become ten: expected the shape (10, 2, 3), got {got.shape}."
    mistakes = {
        "This repeats every layer, so it cannot see roughness.": np.repeat(weights, 2, axis=0),
        "This repeats the whole network.": np.concatenate([weights, weights]),
        "After the last layer nothing is known: repeat it, do not return to the first.": _wrapped(
            weights
        ),
    }
    for sentence, value in mistakes.items():
        if close(got, value):
            return sentence
    if close(got[..., :2], left):
        return None
    if close(got[:-1, :, :2], left[:-1]):
        return "Only the last slice is wrong: behind the last layer it is repeated."
    if not close(got[::2], weights):
        return "Old layers stay as they are, at the even places: k/L is 2k/(2L)."
    return "New layers are the means of their neighbours."


def _wrapped(weights: np.ndarray) -> np.ndarray:
    """Interpolate as if the first layer followed the last."""
    middles = (weights + np.roll(weights, -1, axis=0)) / 2
    return np.stack([weights, middles], axis=1).reshape(-1, *weights.shape[1:])


@first_wrong
def check_gronwall(sharp_bound: Callable) -> Iterator[Feedback]:
    """Check ``sharp_bound(start, alpha, beta, time, depth)``: the solution of the equation."""
    for start, alpha, beta, time, depth in [
        (0.1, 1.5, 2.0, 0.7, 10),
        (0.0, 0.3, 1.0, 2.0, 4),
        (0.2, 0.0, 1.0, 2.0, 5),
    ]:
        exact = np.exp(alpha * time) * start + beta / depth * _integral(alpha, time)
        got = float(sharp_bound(start, alpha, beta, time, depth))
        case = f"alpha = {alpha:g}, beta = {beta:g}, t = {time:g}, L = {depth}, start {start:g}"
        mistakes = {
            "That is the bound of the proposition; this one is smaller.": np.exp(alpha * time)
            * (start + beta * time / depth),
            "beta is divided by L in the equation.": np.exp(alpha * time) * start
            + beta * _integral(alpha, time),
            "The increment at the start grows too.": start + beta / depth * _integral(alpha, time),
        }
        yield recognised(
            got, exact, mistakes, f"For {case} the solution is {exact:.4g}, yours is {got:.4g}."
        )


def _integral(alpha: float, time: float) -> float:
    """Return the integral of ``exp(alpha s)`` from 0 to ``time`` by Gauss's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    return float(time / 2 * weights @ np.exp(alpha * time / 2 * (nodes + 1)))


@first_wrong
def check_width_one(velocity: Callable) -> Iterator[Feedback]:
    """Check ``velocity(theta, target)`` against the library's limit of training."""
    for level, slope, target in [(0.3, 0.0, 2.0), (0.2, 0.8, 3.0), (-0.5, 0.6, 0.4)]:
        middles = (np.arange(9) + 0.5) / 9
        theta = level + slope * (middles - 0.5)
        expected = np.full(9, _limit_velocity(level, slope, target))
        got = np.asarray(velocity(theta, target))
        u = np.exp(level)
        mistakes = {
            "The factor 2 of the squared error is missing.": expected / 2,
            "The sign is wrong: the flow goes downhill.": -expected,
            "This is the costate at the end; the state H(s) is missing.": np.full(
                9, -2 * (u - target)
            ),
            "u is the exponential of the integral of Theta, not of its value at s.": -2
            * np.exp(theta)
            * (np.exp(theta) - target),
        }
        feedback = recognised(
            got, expected, mistakes, "H(s) P(s) is the same for every s; what is it at s = 1?"
        )
        if feedback is not None and "same for every" in feedback and np.ptp(got) > 0:
            feedback = "Your velocity depends on s; multiply H(s) by P(s) once more."
        yield feedback


def _limit_velocity(level: float, slope: float, target: float) -> float:
    """Return the speed of a straight path at time 0, from a short run of the limit system."""
    one, short = jnp.ones((1, 1)), 1e-4
    limit = continuous.training_limit(
        ResNet(one, stacks.tied(Linear(one), 1), one),
        lambda s: Linear((level + slope * (s - 0.5)) * one),
        one,
        target * one,
        times=jnp.array([0.0, short, 2 * short]),
        points=9,
        tolerance=1e-12,
    )
    values = np.asarray(limit.models.stack.theta[...])[:, 0, 0, 0]
    return float((-3 * values[0] + 4 * values[1] - values[2]) / (2 * short))


def check_odd(large: Any) -> Feedback:
    """Check the number of increments that stay large around one odd layer."""
    large = given(large)
    if not isinstance(large, (int, float, np.number, np.ndarray)) or np.ndim(large):
        return f"Expected one number, got {large!r}."
    if large == 0:
        return "Nothing heals the odd layer: increments at the start stand in the bound."
    if large == 1:
        return "The odd layer has a neighbour on each side."
    if large > 2:
        return "It does not spread: other layers see states that changed by O(1/L) only."
    return None if large == 2 else f"A number of increments is 0, 1, 2, ...; got {large}."


def check_plain(slope: Any) -> Feedback:
    """Check the slope of increments after a time ``t/L`` instead of ``t``."""
    slope = given(slope)
    if not isinstance(slope, (int, float, np.number)):
        return f"Expected a number, got {slope!r}."
    if abs(slope + 3) < 0.25:
        return None
    if abs(slope + 1) < 0.25:
        return "That is the slope with the factor L. Without it, each network trains for t/L."
    if abs(slope + 2) < 0.25:
        return "V moves by t/L; but from V = 0 increments grow like the square of the time."
    if slope > 0:
        return "Increments fall with depth: a negative slope."
    return f"Measured after 30 steps it is close to a whole number, and not {slope:.3g}."


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-implicit-odd": check_odd,
    "ex-implicit-plain": check_plain,
    "ex-implicit-step": check_step,
    "ex-implicit-relu": check_relu,
    "ex-implicit-costates": check_costates,
    "ex-implicit-refine": check_refine,
    "ex-implicit-gronwall": check_gronwall,
    "ex-implicit-width-one": check_width_one,
}
