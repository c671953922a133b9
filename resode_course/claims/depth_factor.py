"""Why residual weights train at a rate that is multiplied by the depth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import one_over_depth
from resode_course.claims._training import one, tied, train

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Gaussian regression in R^8, tied start, time 15; ``speed`` multiplies the step."""

    depths: tuple[int, ...] = (16, 32, 64, 128)
    speed: Callable[[int], float] = one


@dataclass(frozen=True)
class Result:
    """The loss that training took away, per depth."""

    lost: np.ndarray


def run(config: Config) -> Result:
    """Train one network per depth."""
    runs = [train(tied, depth, config.speed) for depth in config.depths]
    return Result(np.array([float(run.losses[0] - run.losses[-1]) for run in runs]))


def judge(result: Result) -> tuple[Check, ...]:
    """Deep networks lose as much as shallow ones in the same training time."""
    return (Check("loss lost, deepest over shallowest", result.lost[-1] / result.lost[0], low=0.9),)


CLAIM = Claim(
    label="prop-depth-factor",
    chapter="train/gradient-flow",
    statement=(
        "With the factor L on the gradient of residual weights the loss falls at a speed that "
        "does not vanish as L grows; without it training freezes."
    ),
    source="Marion, Wu, Sander, Biau 2023, Section 3",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"the factor L": {"speed": one_over_depth}},
)
