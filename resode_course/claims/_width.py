"""What the claims about width share: a network of continuous width whose solution is known."""

import jax.numpy as jnp
import numpy as np

from resode_lib._types import Array, Scalar
from resode_lib.variable_width import Grid, Network

__all__ = [
    "CURVATURE",
    "INTEGRAND",
    "LIPSCHITZ",
    "SECOND",
    "STATE",
    "exact",
    "keep",
    "nearest",
    "network",
]

LIPSCHITZ = 2.0
"""``Lambda = S max |w|`` of `network`, as tanh has the Lipschitz constant ``S = 1``."""

SECOND = 12.0
"""A bound of ``(1 + s) (xi z)''`` in ``xi``; it is ``(1 + s) (6 xi + p(s) (xi - 2) e^-xi / 2)``."""

INTEGRAND = 2.4
"""A bound of ``|w z|``, at most ``2 (1 + e^-1 / 2)`` if ``p(s) = s``."""

STATE = 2.5
"""A bound of the second derivative of ``z`` in ``x``, ``2 + s e^-x / 2``."""

CURVATURE = 1 / 4
"""The largest second derivative of ``z`` in ``s`` if it is curved."""


def exact(s: Scalar, x: Array, *, curved: bool = False) -> Array:
    """Return ``z(s, x) = x^2 + p(s) e^(-x) / 2`` with ``p(s) = s``, or ``s + s^2 / 4`` if curved.

    With ``p(s) = s`` Euler's scheme makes no error: all of it is due to the width.
    """
    return x**2 + (s + s**2 / 4 if curved else s) * jnp.exp(-x) / 2


def network(jump: Scalar = 0.0, *, curved: bool = False) -> Network:
    """Return the network of solution `exact` with the kernel ``(1 + s) e^(-x) xi [xi > jump]``."""
    # int xi z(s, xi) dxi over [jump, 1], by the antiderivatives xi^4/4 and -(1 + xi) e^(-xi).
    square = (1 - jump**4) / 4
    decay = (1 + jump) * jnp.exp(-jump) - 2 * np.exp(-1)

    def bias(s: Scalar, x: Array) -> Array:
        p, rate = (s + s**2 / 4, 1 + s / 2) if curved else (s, 1.0)
        read = (1 + s) * jnp.exp(-x) * (square + p * decay / 2)
        return jnp.arctanh(rate * jnp.exp(-x) / 2) - read

    return Network(lambda s, x, xi: (1 + s) * jnp.exp(-x) * xi * (xi > jump), bias)


def keep(values: Array, grid: Grid, following: Grid) -> Array:
    """Return the values: the transfer between equal grids."""
    return values


def nearest(values: Array, grid: Grid, following: Grid) -> Array:
    """Return the value of the nearest node."""
    distances = jnp.abs(following.nodes[:, None] - grid.nodes[None])
    return values[jnp.argmin(distances, axis=1)]
