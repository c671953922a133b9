"""A root of a sum over layers is not a maximum: two readings of one figure."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._training import increments, tied, train
from resode_lib.diagnostics import observed_slope
from resode_lib.training import Trajectory

__all__ = ["CLAIM", "Config", "Result"]


def root_of_sum(run: Trajectory) -> float:
    """Return ``(sum over times, layers and arrays of ||increment||^2)^(1/2)``."""
    return float(np.sqrt(sum((leaf**2).sum() for leaf in jax.tree.leaves(increments(run)))))


def maximum(run: Trajectory) -> float:
    """Return the largest increment over times, layers and arrays."""
    return max(float(leaf.max()) for leaf in jax.tree.leaves(increments(run)))


@dataclass(frozen=True)
class Config:
    """The training of the claim on increments, measured in a norm."""

    depths: tuple[int, ...] = (16, 32, 64, 128)
    norm: Callable[[Trajectory], float] = root_of_sum


@dataclass(frozen=True)
class Result:
    """The norm of the increments per depth."""

    depths: tuple[int, ...]
    norms: np.ndarray


def run(config: Config) -> Result:
    """Train one network per depth."""
    norms = [config.norm(train(tied, depth)) for depth in config.depths]
    return Result(config.depths, np.array(norms))


def judge(result: Result) -> tuple[Check, ...]:
    """``L`` terms of size ``1/L^2`` have a root of size ``L^(-1/2)``."""
    slope = observed_slope(result.depths, result.norms).value
    return (Check("slope of the norm of the increments", slope, low=-0.55, high=-0.45),)


CLAIM = Claim(
    label="obs-two-norms",
    chapter="train/implicit-regularization",
    statement=(
        "The root of the summed squares of increments of order 1/L falls like L^(-1/2): a figure "
        "that plots it shows half the rate of the theorem."
    ),
    source="the course; it explains Figure 1 (left) of Marion, Wu, Sander, Biau 2023",
    kind="finding",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a sum over layers": {"norm": maximum}},
)
