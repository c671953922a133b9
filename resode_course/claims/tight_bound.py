"""Two problems on which the Euler bound cannot be improved."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from flax import nnx

from resode_course.claims import _problems
from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import network_errors
from resode_course.claims.euler_bound import bound
from resode_lib._types import Array, Scalar, State

__all__ = ["CLAIM", "Config", "Result", "drifting", "repelled"]


def drifting() -> _problems.Problem:
    """Return ``h' = s``: the error is ``1/(2 L)`` exactly, the bound for ``Lambda = 0, C = 1``."""
    return _problems.Problem(
        lambda s: _problems.Drift(s),
        jnp.zeros((1, 1)),
        lambda times: times[:, None, None] ** 2 / 2,
        lipschitz=0.0,
        acceleration=1.0,
    )


class Repulsion(nnx.Module):
    """The residual ``f(h) = rate (h - centre) + velocity``: away from a moving centre."""

    def __init__(self, rate: Array, centre: Array, velocity: Array):
        self.rate = nnx.Param(rate)
        self.centre = nnx.Param(centre)
        self.velocity = nnx.Param(velocity)

    def __call__(self, h: State) -> State:
        """Return ``rate (h - centre) + velocity``."""
        return self.rate[...] * (h - self.centre[...]) + self.velocity[...]


def repelled(rate: float = 2.0, acceleration: float = 3.0) -> _problems.Problem:
    """Return ``h' = rate (h - y(s)) + y'(s)`` with ``y = acceleration s^2 / 2``, solved by ``y``.

    Every local error points the same way and is amplified at the full rate.
    """

    def path(s: Scalar) -> Repulsion:
        return Repulsion(rate * jnp.ones_like(s), acceleration * s**2 / 2, acceleration * s)

    return _problems.Problem(
        path,
        jnp.zeros((1, 1)),
        lambda times: acceleration * times[:, None, None] ** 2 / 2,
        lipschitz=rate,
        acceleration=acceleration,
    )


@dataclass(frozen=True)
class Config:
    """Both extremal problems; ``amplified`` is the one with ``Lambda > 0``."""

    depths: tuple[int, ...] = (10, 100, 1000)
    amplified: Callable[[], _problems.Problem] = repelled


@dataclass(frozen=True)
class Result:
    """The ratio error / bound per depth: without amplification, with it, and its closed form."""

    depths: tuple[int, ...]
    drifting: np.ndarray
    amplified: np.ndarray
    predicted: np.ndarray


def run(config: Config) -> Result:
    """Measure both ratios; each depth on its own grid, for 10, 100, 1000 divide each other."""

    def ratios(problem: _problems.Problem) -> np.ndarray:
        errors = network_errors(problem, config.depths)
        return errors / bound(
            config.depths, lipschitz=problem.lipschitz, acceleration=problem.acceleration
        )

    problem = config.amplified()
    depths = np.asarray(config.depths)
    rate = problem.lipschitz
    predicted = ((1 + rate / depths) ** depths - 1) / np.expm1(rate)
    return Result(config.depths, ratios(drifting()), ratios(problem), predicted)


def judge(result: Result) -> tuple[Check, ...]:
    """The first ratio is 1, the second tends to 1 as its closed form says."""
    return (
        Check("h' = s: |ratio - 1|", float(np.abs(result.drifting - 1).max()), high=1e-12),
        Check(
            "repelled: |ratio - closed form|",
            float(np.abs(result.amplified - result.predicted).max()),
            high=1e-10,
        ),
        Check("repelled: ratio at the deepest", float(result.amplified[-1]), low=0.99),
    )


CLAIM = Claim(
    label="prop-tight-bound",
    chapter="discretize/euler",
    statement="The Euler bound is attained for Lambda = 0 and attained in the limit for "
    "Lambda > 0.",
    source="proved in the chapter, after Sander, Ablin, Peyré 2022",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"local errors that all add up": {"amplified": _problems.EXACT["growth"]}},
)
