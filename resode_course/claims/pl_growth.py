"""PL implies quadratic growth, without convexity."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims.pl_decay import quartic, wave
from resode_lib._types import Array

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """A grid around the minimum at 0, refined towards it."""

    loss: Callable[[Array], Array] = wave
    smallest: float = 1e-4


@dataclass(frozen=True)
class Result:
    """The smallest PL ratio, growth ratio ``loss / dist^2`` and second derivative on the grid."""

    mu: float
    growth: float
    curvature: float


def run(config: Config) -> Result:
    """Differentiate on the grid."""
    x = jnp.asarray(np.geomspace(config.smallest, 10, 2000))
    values, slopes = config.loss(x), jax.vmap(jax.grad(config.loss))(x)
    curvatures = jax.vmap(jax.grad(jax.grad(config.loss)))(x)
    return Result(
        float((slopes**2 / values).min()),
        float((values / x**2).min()),
        float(curvatures.min()),
    )


def judge(result: Result) -> tuple[Check, ...]:
    """PL with a constant that is not convexity's, and the growth that follows."""
    return (
        Check("PL constant", result.mu, low=1e-3),
        Check("smallest second derivative", result.curvature, high=0),
        Check("growth constant / (mu / 4)", result.growth / (result.mu / 4), low=1),
    )


CLAIM = Claim(
    label="prop-pl-growth",
    chapter="converge/polyak-lojasiewicz",
    statement=(
        "Under ||gradient||^2 >= mu loss the loss is at least mu/4 times the squared distance to "
        "its minimisers; it need not be convex."
    ),
    source="Karimi, Nutini, Schmidt 2016, Theorem 2",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"the PL inequality": {"loss": quartic}},
)
