"""Without clipping every layer of a two-layer residual stays bounded, whatever the depth."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._training import tied, train
from resode_lib import training
from resode_lib._types import Array

__all__ = ["CLAIM", "Config", "Result"]

TARGET = 2.0


def two_layer(depth: int) -> float:
    """Return the largest ``||V_k||`` that training from a tied start reaches by time 15."""
    V = train(tied, depth).records.V[...]
    return float(jnp.linalg.norm(V, axis=(-2, -1)).max())


@cache
def cubic(depth: int) -> float:
    """Return the largest weight for ``f(h, theta) = theta^3 h`` at time 1/3, one layer ahead.

    One sample 1 with target 2. The first weight starts at 1, the others at 0, where their gradient
    vanishes.
    """

    def loss(theta: Array) -> Array:
        return (jnp.prod(1 + theta**3 / depth) - TARGET) ** 2

    times = jnp.array([0.0, 1 / (3 * (TARGET - 1))])
    start = jnp.zeros(depth).at[0].set(1.0)
    return float(training.gradient_flow(loss, start, times=times).parameters.max())


@dataclass(frozen=True)
class Config:
    """Networks without clipping; ``largest`` trains one and returns its largest layer."""

    depths: tuple[int, ...] = (16, 32, 64, 128)
    largest: Callable[[int], float] = two_layer


@dataclass(frozen=True)
class Result:
    """The norm of the largest layer, per depth."""

    depths: tuple[int, ...]
    norms: np.ndarray


def run(config: Config) -> Result:
    """Train one network per depth."""
    return Result(config.depths, np.array([config.largest(depth) for depth in config.depths]))


def judge(result: Result) -> tuple[Check, ...]:
    """The largest layer does not grow with depth."""
    ratio = float(result.norms[-1] / result.norms[0])
    return (Check("norm of the largest layer, deepest over shallowest", ratio, high=1.1),)


CLAIM = Claim(
    label="prop-layer-bound",
    chapter="train/gradient-flow",
    statement=(
        "Along the unclipped flow of a network with two-layer residuals every layer stays bounded "
        "on finite time intervals, by a constant that does not depend on depth."
    ),
    source="the course, from the energy identity",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"residuals with two layers": {"largest": cubic}},
)
