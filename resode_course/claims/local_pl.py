"""PL on a ball suffices if the loss at its centre is small against the radius."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import stacks, training
from resode_lib._types import Array, Stack
from resode_lib.blocks import Linear

__all__ = ["CLAIM", "Config", "Result"]

RADIUS = 1.0


def stack_at(point: Array) -> Stack:
    """Return a point of the plane as a stack of one layer."""
    return stacks.tied(Linear(jnp.diag(point)), 1)


def loss(stack: Stack) -> Array:
    """Return ``(x y - 1)^2``: zero on a hyperbola, with a saddle at the origin."""
    theta = stack.theta[0]
    return (theta[0, 0] * theta[1, 1] - 1) ** 2


@dataclass(frozen=True)
class Config:
    """A start and the ball of radius 1 around it.

    The ratio ``||gradient||^2 / loss`` is ``4 (x^2 + y^2)``: least where the ball is nearest to
    the origin, ``4 (|start| - 1)^2``.
    """

    start: tuple[float, float] = (1.6, 1.0)


@dataclass(frozen=True)
class Result:
    """``4 loss / (mu radius^2)``, the largest distance from the start, and the loss decay."""

    smallness: float
    farthest: float
    ratio: float


def run(config: Config) -> Result:
    """Follow the flow from the centre of the ball."""
    start = np.array(config.start)
    mu = 4 * max(np.linalg.norm(start) - RADIUS, 0.0) ** 2
    times = jnp.linspace(0.0, 3.0, 61)
    walk = training.gradient_flow(
        loss, stack_at(jnp.asarray(start)), times=times, record=lambda s: s, tolerance=1e-12
    )
    moves = jax.tree.map(lambda leaf: leaf - leaf[:1], walk.records)
    farthest = float(jax.vmap(training.depth_norm)(moves).max())
    # Below 1e-20 the loss is rounding of the solver.
    decay = (walk.losses / (jnp.exp(-mu * times) * walk.losses[0]))[walk.losses > 1e-20]
    smallness = 4 * float(walk.losses[0]) / max(mu * RADIUS**2, 1e-300)
    return Result(smallness, farthest, float(decay.max()))


def judge(result: Result) -> tuple[Check, ...]:
    """The hypothesis, and what follows from it."""
    return (
        Check("4 loss(0) / (mu radius^2)", result.smallness, high=1),
        Check("farthest from the start / radius", result.farthest / RADIUS, high=1),
        Check("largest ratio loss / envelope", result.ratio, high=1.01),
    )


CLAIM = Claim(
    label="thm-local-pl",
    chapter="converge/polyak-lojasiewicz",
    statement=(
        "If the PL inequality holds on a ball of radius r and 4 loss(0) < mu r^2, the gradient "
        "flow stays in the ball and the loss decays like exp(-mu t)."
    ),
    source="Chatterjee 2022; proved in the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a small loss at the start": {"start": (0.9, -0.9)}},
)
