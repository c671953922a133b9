"""Checks for the exercises on JAX and Flax."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resode_course._feedback import Feedback, close, recognised
from resode_lib import stacks
from resode_lib._types import Stack
from resode_lib.blocks import TwoLayer

__all__ = ["CHECKS"]


def _compare(got: Any, expected: Any, mistakes: Mapping[str, Any]) -> Feedback:
    """Recognise an answer that may come in float32; otherwise say how far it is off."""
    fits = np.shape(got) == np.shape(expected) and got is not None
    otherwise = f"The values are off by up to {np.abs(got - expected).max():.2g}." if fits else ""
    return recognised(got, expected, mistakes, otherwise, partial(close, tolerance=1e-5))


def _equations(run: Callable, *inputs: Any) -> int:
    return len(jax.make_jaxpr(run)(*inputs).eqns)


def check_scan(forward: Callable) -> Feedback:
    """Check ``forward(thetas, h)``: ``h + tanh(h theta^T) / L`` by one scan, last state only."""
    rng = np.random.default_rng(1)
    thetas, h = (
        jnp.asarray(rng.standard_normal((6, 3, 3))),
        jnp.asarray(rng.standard_normal((4, 3))),
    )
    got = forward(thetas, h)
    if isinstance(got, tuple):
        return "lax.scan returns the pair (carry, outputs); return the carry alone."
    if np.shape(got)[1:] == h.shape:
        return "These are the states of all layers; return the last one."
    states = {"right": h, "no factor": h, "transposed": h, "backwards": h}
    for forwards, backwards in zip(thetas, thetas[::-1], strict=True):
        states["right"] += jnp.tanh(states["right"] @ forwards.T) / 6
        states["no factor"] += jnp.tanh(states["no factor"] @ forwards.T)
        states["transposed"] += jnp.tanh(states["transposed"] @ forwards) / 6
        states["backwards"] += jnp.tanh(states["backwards"] @ backwards.T) / 6
    residuals = [jnp.tanh(h @ theta.T) / 6 for theta in thetas]
    mistakes = {
        "The factor 1/L is missing.": states["no factor"],
        "The state is never updated: only the last layer acts.": h + residuals[-1],
        "Every layer sees the input h_0 instead of the state before it.": h + sum(residuals),
        "Each row of h is a state: theta h is written h @ theta.T.": states["transposed"],
        "The layers act in reverse order.": states["backwards"],
    }
    feedback = _compare(got, states["right"], mistakes)
    if feedback is None and _equations(forward, thetas, h) > _equations(forward, thetas[:3], h):
        return "The numbers are right, but the program grows with depth; use jax.lax.scan."
    return feedback


def check_draw(draw: Callable) -> Feedback:
    """Check ``draw(key, depth, width)``: independent Gaussian matrices over sqrt(width)."""
    depth, width = 64, 16
    first, again, other = (
        np.asarray(draw(jax.random.key(seed), depth, width)) for seed in (3, 3, 4)
    )
    if first.shape != (depth, width, width):
        return f"The result has shape {first.shape}; expected {(depth, width, width)}."
    faults = {
        "Two calls with the same key differ: something besides the key is random.": np.any(
            first != again
        ),
        "Two different keys give the same weights: the key is not used.": np.all(first == other),
        "Some layers are equal: give every layer a key of its own.": _repeats(first),
        "Rows of a layer are equal: draw the whole matrix from its key.": _repeats(first[0]),
    }
    found = [feedback for feedback, fault in faults.items() if fault]
    return found[0] if found else _gaussian(first, 1 / np.sqrt(width))


def _repeats(arrays: np.ndarray) -> bool:
    return len(np.unique(arrays, axis=0)) < len(arrays)


def _gaussian(entries: np.ndarray, deviation: float) -> Feedback:
    """Return None if the entries look like centred Gaussians of the given standard deviation."""
    # 16,384 entries: their deviation is known to 0.6 %, their mean to 0.8 % of a deviation.
    measured = entries.std()
    for scale, feedback in {
        deviation: None,
        1.0: "The factor 1/sqrt(width) is missing.",
        deviation**2: "The variance is 1/width: multiply by 1/sqrt(width), not by 1/width.",
    }.items():
        if abs(measured / scale - 1) < 0.05:
            # Beyond two deviations lie 4.6 % of a Gaussian, and nothing of a uniform law.
            tail = np.mean(np.abs(entries) > 2 * measured)
            return feedback if 0.03 < tail < 0.06 else "The entries are not Gaussian."
    return f"The standard deviation is {measured:.3g}; expected {deviation:.3g}."


def check_adjoint(adjoint_step: Callable) -> Feedback:
    """Check ``adjoint_step(theta, h, p, depth)``: the transposed derivative of one layer."""
    rng = np.random.default_rng(2)
    theta = jnp.asarray(rng.standard_normal((3, 3)))
    h, p = jnp.asarray(rng.standard_normal((2, 4, 3)))
    depth = 5
    derivative = 1 - jnp.tanh(h @ theta.T) ** 2
    residual = (p * derivative) @ theta
    mistakes = {
        "The identity is missing: the derivative of h + f/L is I + Df/L.": residual / depth,
        "The factor 1/L is missing.": p + residual,
        "The sign: backwards through a layer adds the residual part too.": p - residual / depth,
        "That is the derivative itself, not its transpose.": p + (p @ theta.T) * derivative / depth,
        "theta is not transposed: in rows, theta^T q is written q @ theta.": p
        + (p * derivative) @ theta.T / depth,
        "The derivative of tanh is missing.": p + p @ theta / depth,
        "tanh' multiplies p before theta^T acts, not after.": p + (p @ theta) * derivative / depth,
    }
    return _compare(adjoint_step(theta, h, p, depth), p + residual / depth, mistakes)


def _layer_distances(stack: Stack) -> np.ndarray:
    """Return ``||theta_{k+1} - theta_k||``, Euclidean over all arrays of a block."""
    squares = [np.sum(np.diff(leaf, axis=0) ** 2, axis=(1, 2)) for leaf in jax.tree.leaves(stack)]
    return np.sqrt(sum(squares))


def check_depth_lipschitz(depth_lipschitz: Callable) -> Feedback:
    """Check ``depth_lipschitz(stack)``: ``L max ||theta_{k+1} - theta_k||``."""

    def draw(key: Any) -> TwoLayer:
        return TwoLayer.gaussian(key, width=3, hidden=5)

    for depth in (4, 9):
        stack = stacks.iid(draw, jax.random.key(depth), depth)
        jumps = _layer_distances(stack)
        separate = [np.max(_layer_distances([leaf])) for leaf in jax.tree.leaves(stack)]
        mistakes = {
            "The factor L is missing.": jumps.max(),
            "Multiply by L, not by the number L - 1 of differences.": (depth - 1) * jumps.max(),
            "Take the largest difference, not the sum.": depth * jumps.sum(),
            "Take the largest difference, not the mean.": depth * jumps.mean(),
            "The square root is missing.": depth * jumps.max() ** 2,
            "Join the arrays of a layer before taking the norm: sqrt(|dV|^2 + |dW|^2).": depth
            * max(separate),
            "Squares add up, norms do not: sqrt(|dV|^2 + |dW|^2).": depth * sum(separate),
        }
        feedback = _compare(depth_lipschitz(stack), depth * jumps.max(), mistakes)
        if feedback:
            return feedback
    return None


class _Box:
    """A function that autodiff cannot enter; it remembers where it was evaluated."""

    def __init__(self, dtype: Any):
        self.dtype = dtype
        self.points: list[np.ndarray] = []

    def __call__(self, x: Any) -> Any:
        x = np.asarray(x)
        if x.dtype != self.dtype:
            raise TypeError(f"f was given {x.dtype}, x is {self.dtype}; keep the precision of x.")
        self.points.append(x)
        return np.sum(np.exp(np.sin(x)), dtype=self.dtype)


def check_step(directional: Callable) -> Feedback:
    """Check ``directional(f, x, v)``: as accurate as a central difference can be."""
    for dtype in (np.float32, np.float64):
        unit = np.finfo(dtype).eps / 2
        for seed in range(8):
            x, v = np.random.default_rng(seed).standard_normal((2, 3)).astype(dtype)
            box = _Box(dtype)
            got = float(directional(box, x, v))
            exact = float(np.sum(np.exp(np.sin(x.astype(float))) * np.cos(x.astype(float)) * v))
            # The best step leaves an error of a few u^(2/3); u^(1/2) is far above.
            if abs(got - exact) <= 40 * unit ** (2 / 3):
                continue
            return _why_inaccurate(got, exact, x, v, box.points)
    return None


def _why_inaccurate(
    got: float, exact: float, x: np.ndarray, v: np.ndarray, points: list[np.ndarray]
) -> str:
    """Return what is wrong with a difference quotient, from where it looked."""
    for factor, feedback in {
        2: "Twice too large: the two points are 2 epsilon apart.",
        -1: "The sign is wrong: f(x + epsilon v) comes first.",
        1 / np.linalg.norm(v): "Do not normalise v: the derivative is linear in v.",
    }.items():
        if abs(got - factor * exact) <= 1e-2 * abs(factor * exact):
            return feedback
    if any(np.array_equal(point, x) for point in points):
        return "f is evaluated at x itself: a one-sided difference has order one only."
    step = max((np.linalg.norm(point - x) for point in points), default=0) / np.linalg.norm(v)
    best = (np.finfo(x.dtype).eps / 2) ** (1 / 3)
    size = "large" if step > best else "small"
    return f"In {x.dtype} the error is {abs(got - exact):.1e}; your step {step:.1e} is too {size}."


def _growth(h: Any) -> Any:
    return h


def _pendulum(h: Any) -> Any:
    return jnp.stack([h[1], -jnp.sin(h[0])])


def check_compensated(forward: Callable) -> Feedback:
    """Check ``forward(residual, h, depth)``: Euler in float32 without the float32 floor."""
    for residual, start in ((_growth, (1.0,)), (_pendulum, (1.0, 0.5))):
        h, h32 = jnp.array(start), jnp.array(start, jnp.float32)
        mistakes = {"The factor 1/L is missing.": _euler(residual, h, 8, 1.0)}
        feedback = _compare(forward(residual, h32, 8), _euler(residual, h, 8, 1 / 8), mistakes)
        feedback = feedback or _not_in_float32(forward, residual, h32)
        if feedback:
            return feedback
        depth = 2**18
        exact, plain = (_euler(residual, x, depth, 1 / depth) for x in (h, h32))
        costs = [float(np.abs(x - exact).max()) for x in (forward(residual, h32, depth), plain)]
        if costs[0] > 1e-6:  # eight roundings at most: u is 6e-8, the states are below 3
            return f"At L = {depth} rounding costs {costs[0]:.1e}, and without care {costs[1]:.1e}."
    return None


def _not_in_float32(forward: Callable, residual: Callable, h: Any) -> Feedback:
    """Return a sentence if the program holds a float64 or grows with depth."""
    shallow, deep = (
        jax.make_jaxpr(forward, static_argnums=(0, 2))(residual, h, L) for L in (8, 16)
    )
    if "f64" in str(shallow):
        return "Somewhere a number is float64; the exercise is to manage without."
    if len(deep.eqns) > len(shallow.eqns):
        return "The program grows with depth; use jax.lax.scan."
    return None


def _euler(residual: Callable, h: Any, depth: int, step: float) -> Any:
    """Return the last state of a network without compensation, in the precision of ``h``."""
    return jax.lax.scan(lambda h, _: (h + step * residual(h), None), h, length=depth)[0]


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-jax-scan": check_scan,
    "ex-jax-keys": check_draw,
    "ex-jax-adjoint": check_adjoint,
    "ex-jax-lipschitz": check_depth_lipschitz,
    "ex-jax-step": check_step,
    "ex-jax-compensated": check_compensated,
}
