"""Checks for the exercises on residual networks as Euler schemes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resode_course._feedback import NO_RETURN, Feedback, close
from resode_course.claims.euler import bound
from resode_lib import integrators
from resode_lib.blocks import Linear

__all__ = ["CHECKS"]


def check_forward(forward: Callable) -> Feedback:
    """Check ``forward(thetas, h)``: ``h + tanh(theta h) / L`` layer after layer."""
    rng = np.random.default_rng(1)
    thetas, h = rng.standard_normal((7, 3, 3)), rng.standard_normal(3)
    got = np.asarray(forward(thetas, h))
    if got.shape != h.shape:
        return f"One state of shape {h.shape} goes in, so one comes out; yours has {got.shape}."
    expected, without_factor = h, h
    for theta in thetas:
        expected = expected + np.tanh(theta @ expected) / 7
        without_factor = without_factor + np.tanh(theta @ without_factor)
    wrong = {
        "Only the last layer acts: the loop never hands its result to the next layer.": h
        + np.tanh(thetas[-1] @ h) / 7,
        "Every layer sees the input h_0 instead of the state before it.": h
        + np.tanh(thetas @ h).mean(0),
        "The factor 1/L is missing.": without_factor,
    }
    for feedback, value in wrong.items():
        if close(got, value):
            return feedback
    return None if close(got, expected) else "The last state is not h_L; compare one layer."


def check_layers_needed(layers_needed: Callable) -> Feedback:
    """Check ``layers_needed(lipschitz, acceleration, tolerance)``: the smallest such depth."""
    for lipschitz, acceleration, tolerance in [
        (2.0, 3.0, 1e-2),
        (0.5, 1.0, 3e-3),
        (0.0, 2.0, 0.07),
    ]:
        depth = layers_needed(lipschitz, acceleration, tolerance)
        if depth != int(depth) or depth < 1:
            return f"A depth is a whole number of at least 1, got {depth}."
        constants = {"lipschitz": lipschitz, "acceleration": acceleration}
        case = f"Lambda = {lipschitz:g}, C = {acceleration:g}, tolerance {tolerance:g}"
        if bound([int(depth)], **constants)[0] > tolerance * (1 + 1e-12):
            return f"For {case} the bound at your depth {depth} is still above the tolerance."
        if depth > 1 and bound([int(depth) - 1], **constants)[0] <= tolerance * (1 - 1e-12):
            return f"For {case} one layer less than your {depth} would do."
    return None


def _path(s: Any) -> Linear:
    return Linear(jnp.stack([jnp.sin(3 * s), s, s**2, jnp.exp(s)]).reshape(2, 2))


def check_right_ends(right_ends: Callable) -> Feedback:
    """Check ``right_ends(path, depth)``: the stack ``theta((k + 1)/L)``."""
    depth = 5
    got = right_ends(_path, depth)
    if not isinstance(got, Linear) or got.theta.shape != (depth, 2, 2):
        return "Return a stack: one block whose arrays have a leading axis of length depth."
    k = jnp.arange(depth)
    wrong = {
        "These are the left ends, theta(k/L).": k / depth,
        "These are the middles of the cells, theta((k + 1/2)/L).": (k + 0.5) / depth,
        "These points run from 0 to 1 in L - 1 steps; the step is 1/L.": k / (depth - 1),
    }
    for feedback, points in wrong.items():
        if close(got.theta[...], jax.vmap(_path)(points).theta[...]):
            return feedback
    expected = jax.vmap(_path)((k + 1) / depth).theta[...]
    return None if close(got.theta[...], expected) else "These are not theta((k + 1)/L)."


def check_second_derivative(second_derivative: Callable) -> Feedback:
    """Check ``second_derivative(field, s, h)``: ``D_s f + D_h f [f]``."""

    def field(s: Any, h: Any) -> Any:
        return jnp.sin(2 * s) * jnp.tanh(h[::-1]) + s

    s, h = jnp.asarray(0.4), jnp.array([0.3, -1.2])
    got = second_derivative(field, s, h)
    in_depth = jax.jacfwd(field, 0)(s, h)
    in_state = jax.jacfwd(field, 1)(s, h) @ field(s, h)
    wrong = {
        "The part D_h f [f] is missing: the state moves too.": in_depth,
        "The part D_s f is missing: the field changes with depth too.": in_state,
        "D_h f must be applied to the velocity f, not to h.": in_depth
        + jax.jacfwd(field, 1)(s, h) @ h,
    }
    for feedback, value in wrong.items():
        if close(got, value):
            return feedback
    return None if close(got, in_depth + in_state) else "This is not d/ds f(s, h(s))."


def check_leading_error(leading_error: Callable) -> Feedback:
    """Check ``leading_error(a)``: the limit of ``L (H(1) - h_L)`` for ``h' = a h``."""
    for a in (-1.3, 0.7, 1.9):
        # Richardson: two depths cancel the next term of L (e^a - (1 + a/L)^L).
        coarse, fine = (n * (np.exp(a) - (1 + a / n) ** n) for n in (1000, 2000))
        limit, got = 2 * fine - coarse, float(leading_error(a))
        if close(got, limit, 1e-4):
            continue
        if close(got, -limit, 1e-4):
            return "The sign: Euler lags behind a convex solution, so H(1) - h_L is positive."
        if close(got, 2 * limit, 1e-4):
            return "Twice too large: the local error is H''/(2 L^2)."
        if close(got, a**2 / 2, 1e-4):
            return "That is the local error at s = 0; local errors are carried along the flow."
        return f"For a = {a:g} the measured limit is {limit:.3g}, yours is {got:.3g}."
    return None


def check_jump_error(jump_error: Callable) -> Feedback:
    """Check ``jump_error(height, place, depth)``: ``h_L - H(1)`` across one jump."""
    for height, place, depth in [(2.0, 1 / 3, 8), (2.0, 1 / 3, 16), (-1.0, 0.71, 10)]:

        def field(s: Any, h: Any, height: float = height, place: float = place) -> Any:
            return height * (s > place) * jnp.ones_like(h)

        last = integrators.integrate(field, jnp.zeros(1), depth=depth)[-1, 0]
        expected = float(last) - height * (1 - place)
        got = float(jump_error(height, place, depth))
        case = f"For height {height:g}, place {place:.3g} and L = {depth}"
        if close(got, expected):
            continue
        if close(got, -expected):
            return f"{case} the sign is wrong: h_L - H(1) is asked."
        if close(got, expected * depth):
            return f"{case} yours is L times too large: each layer counts 1/L."
        return f"{case} the network measures {expected:.4g}, yours is {got:.4g}."
    return None


def _ends(c: Callable, depth: int) -> float:
    """Where a network of this depth ends that starts at 0 and adds ``c(k/L) / L``."""
    return float(np.mean([float(c(k / depth)) for k in range(depth)]))


def _integral(c: Callable) -> float:
    """The integral over [0, 1] by Gauss's rule on 64 cells, exact for what is smooth."""
    x, w = np.polynomial.legendre.leggauss(8)
    s = (np.arange(64)[:, None] + (x + 1) / 2).ravel() / 64
    return float(sum(float(c(a)) * b for a, b in zip(s, np.tile(w, 64), strict=True)) / 128)


def check_four(c: Callable) -> Feedback:
    """Check a field ``c(s)`` on which doubling the depth divides the error by four."""
    if c(0.5) is None:
        return NO_RETURN
    exact = _integral(c)
    gaps = [abs(_ends(c, depth) - exact) for depth in (64, 128, 256)]
    if min(gaps) < 1e-11:
        return "The networks make no error at all: nothing that could be divided by four."
    ratios = [gaps[0] / gaps[1], gaps[1] / gaps[2]]
    if all(3.8 < ratio < 4.2 for ratio in ratios):
        return None
    said = "gap(64)/gap(128) = {:.2f}, gap(128)/gap(256) = {:.2f}.".format(*ratios)
    if all(1.8 < ratio < 2.2 for ratio in ratios):
        return f"{said} The error is (c(0) - c(1))/(2L) to leading order: make that zero."
    return f"{said} Both should be near 4."


def check_alias(c: Callable) -> Feedback:
    """Check a field ``c(s)`` on which 16 layers are wrong and 15 are right."""
    if c(0.5) is None:
        return NO_RETURN
    exact = _integral(c)
    shallow, deep = (abs(_ends(c, depth) - exact) for depth in (15, 16))
    if deep < 0.5:
        return f"16 layers end {deep:.3f} away; 0.5 is asked. Let them see a wave as a constant."
    if shallow > 0.05:
        return f"16 layers fail, but 15 end {shallow:.3f} away too; 0.05 is allowed."
    return None


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-euler-four": check_four,
    "ex-euler-alias": check_alias,
    "ex-euler-bug": check_forward,
    "ex-euler-layers": check_layers_needed,
    "ex-euler-right-ends": check_right_ends,
    "ex-euler-acceleration": check_second_derivative,
    "ex-euler-leading": check_leading_error,
    "ex-euler-jump": check_jump_error,
}
