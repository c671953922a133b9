"""How far the gradient is off when Euler's scheme is reversed by explicit steps."""

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

    depths: tuple[int, ...] = (32, 64, 128, 256)
    networks: Mapping[str, _reversal.Network] = field(default_factory=_reversal.any_weights)
    step_size: StepSize = one_over_depth


@dataclass(frozen=True)
class Result:
    """Errors of the whole gradient, relative, and of the worst layer, per network and depth."""

    depths: tuple[int, ...]
    errors: dict[str, tuple[np.ndarray, np.ndarray]]


def run(config: Config) -> Result:
    """Compare with backpropagation at each depth."""
    errors = {
        name: _reversal.gradient_errors(
            network, config.depths, integrator=euler, step_size=config.step_size
        )
        for name, network in config.networks.items()
    }
    return Result(config.depths, errors)


def judge(result: Result) -> tuple[Check, ...]:
    """The relative error falls like 1/L, that of one layer's gradient like 1/L^2, at least.

    The smallest depths are not yet in the limit: 0.15 and 0.2 are allowed for that.
    """
    checks = []
    for name, (relative, largest) in result.errors.items():
        slopes = [slope_or_infinity(result.depths, errors) for errors in (relative, largest)]
        checks += [
            Check(f"slope of the relative error, {name}", slopes[0], high=-0.85),
            Check(f"slope of the error of a layer, {name}", slopes[1], high=-1.8),
        ]
    return tuple(checks)


CLAIM = Claim(
    label="prop-euler-gradient-error",
    chapter="remember/training-without-memory",
    statement="With states recovered by explicit Euler steps the gradient has a relative error "
    "O(1/L), however the weights vary with depth.",
    source="after Sander, Ablin, Peyré 2022; proof in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "the factor 1/L": {"step_size": no_factor},
        "a residual whose derivative is Lipschitz": {
            "networks": {"states on a kink": _reversal.on_a_kink}
        },
    },
)
