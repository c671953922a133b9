"""The discrete roughness penalty and its limit: recovery, liminf and the price of oscillation."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._problems import Drift
from resode_lib import control
from resode_lib._types import Array
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "LIMIT", "Config", "Result"]

FREQUENCY = 3.0
LIMIT = FREQUENCY**2 / 2 * (1 + np.sin(2 * FREQUENCY) / (2 * FREQUENCY))
"""The integral of the squared derivative of ``sin(3 s)`` over [0, 1]; ``sin(0) = 0``."""

Factor = Callable[[int], float]


def discrete_seminorm(depth: int) -> float:
    """Return the factor ``L`` of ``sum |u_{k+1} - u_k|^2``: a sum of squared slopes over ``L``."""
    return float(depth)


def no_factor(depth: int) -> float:
    """Return 1: the plain sum of squared increments."""
    return 1.0


def mean(depth: int) -> float:
    """Return ``1/L``: the mean of the squared increments."""
    return 1 / depth


@dataclass(frozen=True)
class Config:
    """Scalar controls at four depths or more; ``factor`` multiplies the squared increments."""

    depths: tuple[int, ...] = (16, 32, 64, 128, 256)
    factor: Factor = discrete_seminorm


@dataclass(frozen=True)
class Result:
    """The penalty, per depth, of three sequences of controls.

    Attributes:
        depths: ``L``.
        sampled: of ``u_k = sin(3 k/L)``, the recovery sequence.
        wiggled: of ``sin(3 k/L) + (-1)^k / L``, which converges uniformly to the same limit.
        checkerboard: of ``(-1)^k``.
    """

    depths: tuple[int, ...]
    sampled: np.ndarray
    wiggled: np.ndarray
    checkerboard: np.ndarray


def run(config: Config) -> Result:
    """Evaluate the penalty, without its term at depth 0, of each sequence."""

    def penalties(depth: int) -> np.ndarray:
        k = np.arange(depth)
        smooth, signs = np.sin(FREQUENCY * k / depth), (-1.0) ** k
        sequences = jnp.array([smooth, smooth + signs / depth, signs])
        sums = jax.jit(jax.vmap(_sum_of_squared_increments))(sequences)
        return config.factor(depth) * np.asarray(sums)

    return Result(config.depths, *np.transpose([penalties(depth) for depth in config.depths]))


def _sum_of_squared_increments(controls: Array) -> Array:
    cost = control.roughness(0.0)
    return cost(Drift(controls[:, None]), jnp.zeros((1, 1, 1)), 1.0)


def judge(result: Result) -> tuple[Check, ...]:
    """Samples stay below the limit and reach it; what oscillates costs more, in the end any sum."""
    slope = observed_slope(result.depths, np.abs(result.sampled - LIMIT)).value
    growth = observed_slope(result.depths, result.checkerboard).value
    return (
        Check("largest penalty of samples / limit", float(result.sampled.max() / LIMIT), high=1),
        Check("slope of the gap of samples", slope, high=-0.9),
        Check("smallest penalty of wiggles / limit", float(result.wiggled.min() / LIMIT), low=1),
        Check("slope of the penalty of the checkerboard", growth, low=1.9),
    )


CLAIM = Claim(
    label="prop-regulariser-limit",
    chapter="control/limits",
    statement="L sum |u_{k+1} - u_k|^2 of samples of u increases to at most the integral of "
    "|u'|^2, of other sequences with limit u it is no less in the end, and without bound for "
    "(-1)^k.",
    source="proved in the chapter, after Thorpe, van Gennip 2018",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "the factor L": {"factor": no_factor},
        "the factor L, not 1/L": {"factor": mean},
    },
)
