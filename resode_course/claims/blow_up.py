"""A gradient flow without a lower bound of its loss may leave every bounded set in finite time."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import jax.numpy as jnp

from resode_course.claims._claim import Check, Claim
from resode_lib import training
from resode_lib._types import Array

__all__ = ["CLAIM", "Config", "Result"]

START = 1.5
BLOW_UP = 1 / (2 * START**2)
LEFT = 1e-6
"""The part of the time to the blow-up that is left when we look."""


def quartic(x: Array) -> Array:
    """Return ``-x^4 / 4``: its flow is ``x' = x^3``."""
    return -jnp.sum(x**4) / 4


def flattened(x: Array) -> Array:
    """Return ``-x^4 / (4 + x^4)``: the same near zero, and never below -1."""
    return -jnp.sum(x**4 / (4 + x**4))


def parabola(x: Array) -> Array:
    """Return ``-x^2 / 2``: no lower bound, but the gradient grows linearly."""
    return -jnp.sum(x**2) / 2


@dataclass(frozen=True)
class Config:
    """One parameter that starts at 3/2."""

    loss: Callable[[Array], Array] = quartic


@dataclass(frozen=True)
class Result:
    """Where the flow is shortly before the time of the blow-up."""

    position: float


def run(config: Config) -> Result:
    """Solve the flow numerically until just before."""
    times = jnp.array([0.0, BLOW_UP * (1 - LEFT)])
    flow = training.gradient_flow(config.loss, jnp.array([START]), times=times, tolerance=1e-10)
    return Result(float(flow.parameters[0]))


def judge(result: Result) -> tuple[Check, ...]:
    """The solution is ``x(0) / sqrt(1 - t / t*)``; the solver follows it to one per cent."""
    predicted = START / sqrt(LEFT)
    return (
        Check("position just before t*, over x(0) 1000", result.position / predicted, low=0.99),
    )


CLAIM = Claim(
    label="prop-blow-up",
    chapter="train/gradient-flow",
    statement="The gradient flow of -x^4/4 leaves every bounded set before the time 1/(2 x(0)^2).",
    source="the course, by separation of variables",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a loss without a lower bound": {"loss": flattened},
        "a gradient that grows faster than linearly": {"loss": parabola},
    },
)
