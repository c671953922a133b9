"""Speeds below one integrable function: the limits in depth and in time may be exchanged."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import continuous
from resode_lib._types import Array

__all__ = ["CLAIM", "Config", "Result"]

TARGET = 2.0
TIMES = np.linspace(0, 40, 401)

Family = Callable[[tuple[int, ...]], tuple[np.ndarray, np.ndarray]]
"""From depths to ``y^L(t)``, one row per depth, and the limit ``y(t)`` for infinite depth."""


def networks(depths: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of trained linear networks in width one, and of their limit.

    All layers share one weight ``w``, the network is ``u = (1 + w/L)^L`` or ``exp(w)``, the loss
    ``(u - 2)^2``; so ``dw/dt = -2 (u - 2) u / (1 + w/L)``.
    """

    def walk(inverse: Array) -> Array:
        def field(t: Array, w: Array) -> Array:
            # log(u) = L log(1 + w/L), and w for infinite depth; the divisor is never zero.
            divisor = jnp.where(inverse > 0, inverse, 1.0)
            u = jnp.exp(jnp.where(inverse > 0, jnp.log1p(w * inverse) / divisor, w))
            return -2 * (u - TARGET) * u / (1 + w * inverse)

        return continuous.solve(field, jnp.zeros(1), times=jnp.array(TIMES))[:, 0]

    inverses = jnp.array([*(1 / depth for depth in depths), 0.0])
    walks = np.asarray(jax.vmap(walk)(inverses))
    return walks[:-1], walks[-1]


def runaways(depths: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return ``min(t/L, 1)`` and its limit 0: speeds are below ``1/t``, which has no integral."""
    return np.array([np.minimum(TIMES / depth, 1) for depth in depths]), np.zeros(len(TIMES))


@dataclass(frozen=True)
class Config:
    """Depths up to 32, times up to 40."""

    depths: tuple[int, ...] = (4, 8, 16, 32)
    family: Family = networks


@dataclass(frozen=True)
class Result:
    """Per depth the largest distance to the limit over all times, and that at the last time."""

    depths: tuple[int, ...]
    largest: np.ndarray
    last: np.ndarray


def run(config: Config) -> Result:
    """Compare every depth with the limit."""
    walks, limit = config.family(config.depths)
    gaps = np.abs(walks - limit)
    return Result(config.depths, gaps.max(axis=1), gaps[:, -1])


def judge(result: Result) -> tuple[Check, ...]:
    """Uniformly in time the distance falls with the depth, and at the end of time too."""
    falls = log(result.largest[0] / result.largest[-1])
    doublings = log(result.depths[-1] / result.depths[0])
    return (
        Check("largest distance over times, deepest", float(result.largest[-1]), high=0.05),
        Check("exponent of its fall", falls / doublings, low=0.1),
        Check("distance at the end, deepest", float(result.last[-1]), high=0.05),
    )


CLAIM = Claim(
    label="prop-uniform-time",
    chapter="converge/double-limit",
    statement=(
        "If all speeds are below one integrable function of time, convergence in depth at each "
        "time is uniform in time, and the limits in depth and time may be exchanged."
    ),
    source="Marion, Wu, Sander, Biau 2023, Propositions 9 and 15; proved in the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"speeds below an integrable function": {"family": runaways}},
)
