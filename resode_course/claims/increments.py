"""Training keeps neighbouring layers close: increments stay of order 1/L."""

from dataclasses import dataclass

import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._training import Start, independent, largest_increments, tied
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Gaussian regression, ``n = 50`` pairs in ``R^8``, tanh with ``m = 32``, time 15.

    Unclipped: for this model the bound holds without.
    """

    depths: tuple[int, ...] = (16, 32, 64, 128)
    start: Start = tied


@dataclass(frozen=True)
class Result:
    """The largest increment over layers and training times, per depth."""

    depths: tuple[int, ...]
    largest: np.ndarray


def run(config: Config) -> Result:
    """Train one network per depth."""
    return Result(config.depths, largest_increments(config.start, config.depths))


def judge(result: Result) -> tuple[Check, ...]:
    """Falling like ``1/L`` or faster, with one constant for all depths."""
    scaled = result.largest * np.array(result.depths)
    slope = observed_slope(result.depths, result.largest).value
    return (
        Check("slope of the largest increment", slope, high=-0.9),
        Check("L * increment, deepest over shallowest", float(scaled[-1] / scaled[0]), high=1.3),
    )


CLAIM = Claim(
    label="prop-increments",
    chapter="train/implicit-regularization",
    statement="From a smooth start, neighbouring layers differ by O(1/L) all through training.",
    source="Marion, Wu, Sander, Biau 2023, Propositions 3 and 7",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a smooth start": {"start": independent}},
)
