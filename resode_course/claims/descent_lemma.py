"""One step of gradient descent lowers a smooth loss, if the step is short enough."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib._types import Array

__all__ = ["CLAIM", "Config", "Result"]

SMOOTHNESS = 8.0
"""The Lipschitz constant of the gradient of `loss`: its second derivative is ``2 + 6 cos 2x``."""


def loss(x: Array) -> Array:
    """Return ``x^2 + 3 sin^2 x``: not convex, smooth, zero at zero only."""
    return x**2 + 3 * jnp.sin(x) ** 2


@dataclass(frozen=True)
class Config:
    """Steps from many points of the line; ``step`` is in units of ``1 / SMOOTHNESS``."""

    points: int = 400
    step: float = 1.0


@dataclass(frozen=True)
class Result:
    """The decrease of the loss over ``step / 2 * gradient^2``, at points with a gradient."""

    ratios: np.ndarray


def run(config: Config) -> Result:
    """Take one step from each point."""
    x = jnp.linspace(-6, 6, config.points)
    step = config.step / SMOOTHNESS
    gradient = jax.vmap(jax.grad(loss))(x)
    decrease = loss(x) - loss(x - step * gradient)
    return Result(np.asarray(decrease / (step / 2 * gradient**2)))


def judge(result: Result) -> tuple[Check, ...]:
    """The decrease is never below the bound."""
    return (Check("smallest ratio decrease / bound", float(result.ratios.min()), low=1),)


CLAIM = Claim(
    label="lem-descent",
    chapter="train/gradient-flow",
    statement=(
        "If the gradient is beta-Lipschitz and the step at most 1/beta, a step lowers the loss by "
        "at least step/2 times the squared gradient."
    ),
    source="classical",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a step of at most 1/beta": {"step": 2.5}},
)
