"""Inverting a layer by fixed-point iteration: every iteration buys one order in depth."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from resode_course.claims import _reversal
from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import StepSize, no_factor, one_over_depth, slope_or_infinity
from resode_lib import stacks
from resode_lib._types import Stack, State
from resode_lib.blocks import Linear
from resode_lib.integrators import euler

__all__ = ["CLAIM", "Config", "Result"]

RATE = 500.0


def stiff(depth: int) -> tuple[Stack, State]:
    """Return ``h' = -500 h``: a Lipschitz constant above every depth of the claim."""
    return stacks.tied(Linear(-RATE * jnp.eye(2)), depth), jnp.ones((1, 2))


@dataclass(frozen=True)
class Config:
    """A network whose weights jump at every layer; the last two fields are the hypotheses."""

    depths: tuple[int, ...] = (32, 64, 128, 256)
    iterations: tuple[int, ...] = (0, 1, 2, 3)
    network: _reversal.Network = _reversal.alternating
    step_size: StepSize = one_over_depth


@dataclass(frozen=True)
class Result:
    """Errors of the recovered states for each number of iterations, per depth."""

    depths: tuple[int, ...]
    errors: dict[int, np.ndarray]


def run(config: Config) -> Result:
    """Walk there and back with each number of iterations."""
    scheme = {"integrator": euler, "step_size": config.step_size}
    errors = {
        j: _reversal.state_errors(config.network, config.depths, iterations=j, **scheme)
        for j in config.iterations
    }
    return Result(config.depths, errors)


def judge(result: Result) -> tuple[Check, ...]:
    """The slope with ``j`` iterations is at most ``-(1 + j)``, a tenth allowed."""
    return tuple(
        Check(
            f"slope of the error, {j} iterations",
            slope_or_infinity(result.depths, errors),
            high=-(1 + j) + 0.1,
        )
        for j, errors in result.errors.items()
    )


CLAIM = Claim(
    label="prop-fixed-point-inversion",
    chapter="remember/training-without-memory",
    statement="After j fixed-point iterations per layer the recovered states are off by "
    "O(L^-(1+j)), however the weights vary with depth.",
    source="proof in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a Lipschitz constant below the depth": {"network": stiff},
        "the factor 1/L": {"step_size": no_factor},
    },
)
