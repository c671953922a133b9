"""Networks whose weights are slices of one Lipschitz path converge to that path's ODE."""

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

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Two-layer networks of width 8 with trigonometric weights, five doublings of the depth."""

    depths: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    problem: Callable[[], _problems.Problem] = _problems.smooth_network
    step_size: StepSize = one_over_depth


@dataclass(frozen=True)
class Result:
    """The largest distance to the ODE over layers and samples, per depth."""

    depths: tuple[int, ...]
    errors: np.ndarray


def run(config: Config) -> Result:
    """Measure ``max_k ||h_k - H(k/L)||`` at each depth."""
    errors = network_errors(config.problem(), config.depths, step_size=config.step_size)
    return Result(config.depths, errors)


def judge(result: Result) -> tuple[Check, ...]:
    """The error is O(1/L): a theorem bounds from above, a faster rate would be no failure."""
    slope = slope_or_infinity(result.depths, result.errors)
    return (Check("slope of the error against L", slope, high=-0.9),)


CLAIM = Claim(
    label="cor-euler-limit",
    chapter="discretize/euler",
    statement="If the weights are slices of one Lipschitz path, the network is O(1/L) close to "
    "the ODE of that path.",
    source="Marion, Wu, Sander, Biau 2023, Proposition 2",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "the factor 1/L": {"step_size": no_factor},
        "a path Lipschitz in depth": {"problem": _problems.rough},
        "a residual Lipschitz in the state": {"problem": _problems.blow_up},
    },
)
