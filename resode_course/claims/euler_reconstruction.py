"""How well explicit Euler steps backwards recover the states of a residual network."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from resode_course.claims import _reversal
from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import StepSize, no_factor, one_over_depth, slope_or_infinity
from resode_lib.integrators import euler

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Two-layer networks of width 8; ``networks`` and ``step_size`` are the hypotheses."""

    depths: tuple[int, ...] = (16, 32, 64, 128)
    networks: Mapping[str, _reversal.Network] = field(default_factory=_reversal.any_weights)
    step_size: StepSize = one_over_depth


@dataclass(frozen=True)
class Result:
    """Largest errors of the recovered states and the bounds, per network and depth."""

    depths: tuple[int, ...]
    errors: dict[str, np.ndarray]
    bounds: dict[str, np.ndarray]


def run(config: Config) -> Result:
    """Walk there and back at each depth."""
    depths, step_size = config.depths, config.step_size
    errors, bounds = {}, {}
    for name, network in config.networks.items():
        errors[name] = _reversal.state_errors(
            network, depths, integrator=euler, step_size=step_size
        )
        bounds[name] = _reversal.bounds(network, depths, step_size=step_size)
    return Result(config.depths, errors, bounds)


def judge(result: Result) -> tuple[Check, ...]:
    """The bound must hold at every depth, and the error must fall like 1/L at least."""
    checks = []
    for name, errors in result.errors.items():
        ratio = float((errors / result.bounds[name]).max())
        slope = slope_or_infinity(result.depths, errors)
        checks += [
            Check(f"largest ratio error / bound, {name}", ratio, high=1),
            Check(f"slope of the error, {name}", slope, high=-0.9),
        ]
    return tuple(checks)


CLAIM = Claim(
    label="prop-euler-reconstruction",
    chapter="remember/training-without-memory",
    statement="Explicit Euler steps from h_L back to h_0 recover the states to "
    "(e^Lambda - 1) max||f|| / L, however the weights vary with depth.",
    source="after Sander, Ablin, Peyré 2022; proof in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "the factor 1/L": {"step_size": no_factor},
        "a residual Lipschitz in the state": {"networks": {"a flow to rest": _reversal.to_rest}},
    },
)
