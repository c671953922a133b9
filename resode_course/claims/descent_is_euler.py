"""Gradient descent is Euler's scheme for the gradient flow, in training time."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

from resode_course.claims._claim import Check, Claim
from resode_course.claims._training import loss_on, pairs, tied
from resode_lib import training
from resode_lib._types import Stack
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]

DEPTH, TIME = 4, 1.0


def plain(rate: float) -> optax.GradientTransformation:
    """Return gradient descent."""
    return optax.sgd(rate)


def heavy_ball(rate: float) -> optax.GradientTransformation:
    """Return gradient descent with momentum 0.9, which follows the flow ten times as fast."""
    return optax.sgd(rate, momentum=0.9)


@dataclass(frozen=True)
class Config:
    """Four layers, Gaussian regression in R^8, time 1."""

    counts: tuple[int, ...] = (32, 64, 128, 256)
    method: Callable[[float], optax.GradientTransformation] = plain


@dataclass(frozen=True)
class Result:
    """The distance to the flow at the end, per number of steps."""

    counts: tuple[int, ...]
    distances: np.ndarray


def run(config: Config) -> Result:
    """Compare with the accurately solved flow."""
    loss, start = loss_on(*pairs()), tied(DEPTH)
    flow = training.gradient_flow(loss, start, times=jnp.array([0.0, TIME]))

    def distance(count: int) -> float:
        method = config.method(TIME / count)
        end = training.optimise(loss, start, method, steps=count, every=count).parameters
        return float(gap(end, flow.parameters))

    return Result(config.counts, np.array([distance(count) for count in config.counts]))


def gap(left: Stack, right: Stack) -> jax.Array:
    """Return the distance in the norm of depth."""
    return training.depth_norm(jax.tree.map(jnp.subtract, left, right))


def judge(result: Result) -> tuple[Check, ...]:
    """The distance falls like the step."""
    slope = observed_slope(result.counts, result.distances).value
    return (Check("slope of the distance in the number of steps", slope, high=-0.9),)


CLAIM = Claim(
    label="cor-descent-is-euler",
    chapter="train/gradient-flow",
    statement="On a finite time interval gradient descent stays within O(step) of the flow.",
    source="the Euler estimate, applied in training time",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"no momentum": {"method": heavy_ball}},
)
