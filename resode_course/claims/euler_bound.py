"""The explicit error bound of a residual network against its ODE."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resode_course.claims import _problems
from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import (
    StepSize,
    network_errors,
    no_factor,
    one_over_depth,
    slope_or_infinity,
)
from resode_lib._types import Numbers

__all__ = ["CLAIM", "Config", "Result", "bound", "growth_factor"]


def growth_factor(lipschitz: float) -> float:
    """Return ``(e^Lambda - 1) / Lambda``, which is 1 for ``Lambda = 0``."""
    return float(np.expm1(lipschitz) / lipschitz) if lipschitz else 1.0


def bound(
    depths: Numbers,
    *,
    lipschitz: float,
    acceleration: float,
    weight_error: Numbers | float = 0.0,
    weight_lipschitz: float = 0.0,
) -> np.ndarray:
    """Return ``(e^Lambda - 1)/Lambda (Lambda_theta eps + C/(2 L))`` for each depth ``L``.

    Args:
        depths: the depths ``L``.
        lipschitz: ``Lambda``, Lipschitz constant of ``f`` in the state.
        acceleration: ``C``, the largest ``||H''||`` along the solution.
        weight_error: ``eps``, the largest ``||theta_k - Theta(k/L)||``.
        weight_lipschitz: ``Lambda_theta``, Lipschitz constant of ``f`` in the weights.

    Returns:
        The bound on ``max_k ||h_k - H(k/L)||`` at each depth.

    Source: proved in the chapter on residual networks as Euler schemes; after
        :cite:t:`sander2022residual` and Proposition 11 of :cite:t:`marion2024implicit`.
    """
    local = weight_lipschitz * np.asarray(weight_error) + acceleration / (2 * np.asarray(depths))
    return growth_factor(lipschitz) * local


@dataclass(frozen=True)
class Config:
    """A smooth two-layer network of width 8; ``problem`` and ``step_size`` are the hypotheses."""

    depths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    problem: Callable[[], _problems.Problem] = _problems.smooth_network
    step_size: StepSize = one_over_depth


@dataclass(frozen=True)
class Result:
    """Measured errors and the bound, per depth."""

    depths: tuple[int, ...]
    errors: np.ndarray
    bounds: np.ndarray


def run(config: Config) -> Result:
    """Measure the errors and evaluate the bound at each depth."""
    problem = config.problem()
    errors = network_errors(problem, config.depths, step_size=config.step_size)
    bounds = bound(config.depths, lipschitz=problem.lipschitz, acceleration=problem.acceleration)
    return Result(config.depths, errors, bounds)


def judge(result: Result) -> tuple[Check, ...]:
    """The bound must hold at every depth."""
    return (
        Check("largest ratio error / bound", float((result.errors / result.bounds).max()), high=1),
        Check("slope of the error", slope_or_infinity(result.depths, result.errors), high=-0.9),
    )


CLAIM = Claim(
    label="thm-euler-bound",
    chapter="discretize/euler",
    statement="A network with step 1/L stays within (e^Lambda - 1)/(2 Lambda L) max||H''|| "
    "of its ODE.",
    source="proved in the chapter, after Sander, Ablin, Peyré 2022",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "the factor 1/L": {"step_size": no_factor},
        "no jump in depth": {"problem": _problems.jump},
        "a residual Lipschitz in the state": {"problem": _problems.blow_up},
    },
)
