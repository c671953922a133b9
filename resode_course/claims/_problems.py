"""Problems with a known solution, in one table: what claims and tests measure against."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from resode_lib import continuous
from resode_lib._types import Array, Path, Scalar, State
from resode_lib.blocks import Linear, TwoLayer

__all__ = [
    "EXACT",
    "Drift",
    "Problem",
    "acceleration",
    "growth",
    "jump",
    "rough",
    "smooth_network",
    "square_root",
    "swinging",
]

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
"""The generator of rotations of the plane."""


class Drift(nnx.Module):
    """The residual ``f(h) = theta``, whatever the state; Lipschitz constant 0."""

    def __init__(self, theta: Array):
        self.theta = nnx.Param(theta)

    def __call__(self, h: State) -> State:
        """Return ``theta`` in the shape of ``h``."""
        return jnp.broadcast_to(self.theta[...], h.shape).astype(h.dtype)


@dataclass(frozen=True)
class Problem:
    """An initial value problem ``h' = f(h, theta(s))`` whose solution is known.

    Attributes:
        path: the weights as a function of depth.
        start: the state at ``s = 0``, shape (..., d).
        exact: ``times (t,) -> states (t, ..., d)``; infinite where no solution exists.
        lipschitz: a Lipschitz constant of ``f`` in the state.
        acceleration: the largest ``||h''(s)||`` where the path is smooth.
    """

    path: Path
    start: Array
    exact: Callable[[Array], Array]
    lipschitz: float
    acceleration: float


def acceleration(path: Path, times: Array, states: Array) -> float:
    """Return the largest ``||h''||`` over ``times`` and samples, by differentiating the field.

    Along a solution ``h'' = d/ds f(h, theta(s)) = D_h f [f] + D_s f``.
    """
    field = continuous.field_of(path)

    def second_derivative(s: Scalar, h: State) -> State:
        return jax.jvp(field, (s, h), (jnp.ones_like(s), field(s, h)))[1]

    return float(jnp.linalg.norm(jax.vmap(second_derivative)(times, states), axis=-1).max())


@cache  # three claims measure on it
def smooth_network(width: int = 8, hidden: int = 16, samples: int = 4, seed: int = 0) -> Problem:
    """Return a two-layer network with Gaussian trigonometric weights in depth.

    ``V(s) = V_0 + V_1 cos(2 pi s) + V_2 sin(2 pi s)`` over ``sqrt(3)``, the same for ``W``, so
    that every entry has variance at most one. The solution is computed by `continuous.solve`.

    Args:
        width: ``d``.
        hidden: ``m``.
        samples: number of starts.
        seed: of weights and starts.
    """
    keys = jax.random.split(jax.random.key(seed), 3)
    V = jax.random.normal(keys[0], (3, width, hidden)) / jnp.sqrt(3)
    W = jax.random.normal(keys[1], (3, hidden, width)) / jnp.sqrt(3)

    def path(s: Scalar) -> TwoLayer:
        waves = jnp.stack([jnp.ones_like(s), jnp.cos(2 * jnp.pi * s), jnp.sin(2 * jnp.pi * s)])
        return TwoLayer(jnp.tensordot(waves, V, 1), jnp.tensordot(waves, W, 1))

    start = jax.random.normal(keys[2], (samples, width))

    def exact(times: Array) -> Array:
        return continuous.solve(continuous.field_of(path), start, times=times)

    times = jnp.linspace(0, 1, 257)
    slices = jax.vmap(path)(times)
    norms = [jnp.linalg.norm(leaf, ord=2, axis=(-2, -1)) for leaf in (slices.V[...], slices.W[...])]
    lipschitz = float((norms[0] * norms[1]).max() / jnp.sqrt(width * hidden))
    return Problem(path, start, exact, lipschitz, acceleration(path, times, exact(times)))


def _turning(speed: Callable[[Array], Array], angle: Callable[[Array], Array]) -> tuple:
    """Return the path ``speed(s) TURN`` and its solution from (1, 0): the angle's unit vector."""
    start = jnp.array([[1.0, 0.0]])

    def exact(times: Array) -> Array:
        turned = angle(times)
        return jnp.stack([jnp.cos(turned), jnp.sin(turned)], axis=-1)[:, None, :]

    return lambda s: Linear(speed(s) * jnp.asarray(TURN)), start, exact


def rough(terms: int = 24) -> Problem:
    """Return a rotation whose speed is Weierstrass' function of Hoelder exponent 1/2.

    ``w(s) = sum_j 2^(-j/2) cos(2 pi 2^j s)`` for ``j = 1..terms``. On a grid of ``L = 2^l``
    points every term with ``j >= l`` looks constant, which is an error of order ``L^(-1/2)``.
    """
    frequencies = 2.0 ** jnp.arange(1, terms + 1)
    weights = frequencies**-0.5

    def speed(s: Array) -> Array:
        return jnp.cos(2 * jnp.pi * frequencies * s) @ weights

    def angle(times: Array) -> Array:
        waves = jnp.sin(2 * jnp.pi * jnp.outer(times, frequencies))
        return waves @ (weights / (2 * jnp.pi * frequencies))

    path, start, exact = _turning(speed, angle)
    return Problem(path, start, exact, float(weights.sum()), float("inf"))


def jump(height: float = 4.0, place: float = 1 / 3) -> Problem:
    """Return ``h' = s + height [s > place]``: smooth but for one jump, with ``h'' = 1`` elsewhere.

    The jump counts from the first grid point beyond ``place``, as the network sees it.
    """

    def path(s: Scalar) -> Drift:
        return Drift(s + height * (s > place))

    def exact(times: Array) -> Array:
        moved = times**2 / 2 + height * jnp.maximum(times - place, 0)
        return moved[:, None, None]

    return Problem(path, jnp.zeros((1, 1)), exact, lipschitz=0.0, acceleration=1.0)


class SquareRoot(nnx.Module):
    """The residual ``f(h) = theta sqrt(|h|)``: continuous, not Lipschitz at zero."""

    def __init__(self, theta: Array):
        self.theta = nnx.Param(theta)

    def __call__(self, h: State) -> State:
        """Return ``theta sqrt(|h|)``."""
        return self.theta[...] * jnp.sqrt(jnp.abs(h))


def square_root() -> Problem:
    """Return ``h' = sqrt(|h|)`` from 0 with its solution ``s^2 / 4``, one of many.

    A network stays at zero, where another solution stays too. No Lipschitz constant exists; 1
    stands for one that someone has sampled away from zero.
    """
    return Problem(
        lambda s: SquareRoot(jnp.ones_like(s)),
        jnp.zeros((1, 1)),
        lambda times: times[:, None, None] ** 2 / 4,
        lipschitz=1.0,
        acceleration=0.5,
    )


def growth() -> Problem:
    """Return ``h' = h`` from 1."""
    rate = 1.0
    return Problem(
        lambda s: Linear(jnp.full((1, 1), rate) + 0 * s),
        jnp.ones((1, 1)),
        lambda times: jnp.exp(rate * times)[:, None, None],
        lipschitz=rate,
        acceleration=float(rate**2 * jnp.exp(rate)),
    )


def _rotation() -> Problem:
    path, start, exact = _turning(lambda s: 2.0 + 0 * s, lambda times: 2.0 * times)
    return Problem(path, start, exact, lipschitz=2.0, acceleration=4.0)


def swinging(frequency: float = 3.0) -> Problem:
    """Return ``H' = cos(w s) TURN h`` with ``w = frequency``: the angle is ``sin(w s) / w``."""
    path, start, exact = _turning(
        lambda s: jnp.cos(frequency * s), lambda times: jnp.sin(frequency * times) / frequency
    )
    # ||h''||^2 = (w sin ws)^2 + (cos ws)^4 = w^2 (1 - c) + c^2 with c = cos^2: largest at an end.
    return Problem(path, start, exact, lipschitz=1.0, acceleration=max(frequency, 1.0))


EXACT: dict[str, Callable[[], Problem]] = {
    "growth": growth,
    "rotation": _rotation,
    "swinging": swinging,
}
"""Closed-form flows: ``h' = h``, a rotation, and a rotation whose speed depends on depth."""
