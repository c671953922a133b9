"""Heun's scheme reversed: two orders and more, if the weights are smooth in depth."""

from dataclasses import dataclass

import numpy as np

from resode_course.claims import _reversal
from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import StepSize, no_factor, one_over_depth, slope_or_infinity
from resode_lib.integrators import heun

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """A two-layer network of width 8; ``network`` and ``step_size`` are the hypotheses."""

    depths: tuple[int, ...] = (32, 64, 128, 256)
    network: _reversal.Network = _reversal.smooth
    step_size: StepSize = one_over_depth


@dataclass(frozen=True)
class Result:
    """Errors of the recovered states, and relative ones of the gradient, per depth."""

    depths: tuple[int, ...]
    states: np.ndarray
    gradients: np.ndarray


def run(config: Config) -> Result:
    """Walk there and back at each depth, without and with the costates."""
    scheme = {"integrator": heun, "step_size": config.step_size}
    states = _reversal.state_errors(config.network, config.depths, **scheme)
    gradients, _ = _reversal.gradient_errors(config.network, config.depths, **scheme)
    return Result(config.depths, states, gradients)


def judge(result: Result) -> tuple[Check, ...]:
    """At least order 2; on smooth weights the third-order terms cancel too and it shows 3."""
    states = slope_or_infinity(result.depths, result.states)
    gradients = slope_or_infinity(result.depths, result.gradients)
    return (
        Check("slope of the error of the states", states, high=-1.9),
        Check("slope of the error of the gradient", gradients, high=-1.9),
    )


CLAIM = Claim(
    label="prop-heun-reversal",
    chapter="remember/training-without-memory",
    statement="If the weights are smooth in depth, reversing Heun's scheme recovers states and "
    "gradient to O(1/L^2).",
    source="after Sander, Ablin, Peyré 2022; proof in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "weights smooth in depth": {"network": _reversal.alternating},
        "the factor 1/L": {"step_size": no_factor},
    },
)
