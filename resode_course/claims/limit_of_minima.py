"""Minima of regularised training converge with depth, and so do their minimisers."""

from dataclasses import dataclass

import jax
import numpy as np

from resode_course.claims import _depth_limits
from resode_course.claims._claim import Check, Claim
from resode_course.claims._depth_limits import Penalty
from resode_lib import control
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Twelve points of the plane, tanh outside; every depth starts from its own random slices."""

    depths: tuple[int, ...] = (4, 8, 16, 32)
    reference: int = 128
    penalty: Penalty = Penalty(roughness=0.002, size=0.0, metric=control.H1)
    seed: int = 0


@dataclass(frozen=True)
class Result:
    """Per depth, against the reference.

    Attributes:
        depths: ``n``.
        gaps: ``|min E_n - min E_N|``.
        distances: in ``L^2`` of depth, of the piecewise constant controls.
    """

    depths: tuple[int, ...]
    gaps: np.ndarray
    distances: np.ndarray


def run(config: Config) -> Result:
    """Minimise at each depth and compare with the deepest."""
    minima = _depth_limits.minima(
        (*config.depths, config.reference),
        penalty=config.penalty,
        key=jax.random.key(config.seed),
    )
    finest = minima.controls[-1]

    def distance(controls: np.ndarray) -> float:
        repeated = controls.repeat(config.reference // len(controls), axis=0)
        return np.sqrt(np.mean(np.sum((repeated - finest) ** 2, axis=1)))

    return Result(
        config.depths,
        np.abs(minima.values[:-1] - minima.values[-1]),
        np.array([distance(controls) for controls in minima.controls[:-1]]),
    )


def judge(result: Result) -> tuple[Check, ...]:
    """Values at the rate 1/n; of the minimisers only that they come closer, no rate."""
    slope = observed_slope(result.depths, result.gaps).value
    ratios = result.distances[1:] / result.distances[:-1]
    return (
        Check("slope of the gap of minima", slope, high=-0.9),
        Check("largest ratio of successive distances", float(ratios.max()), high=1),
        Check("last distance / first", float(ratios.prod()), high=0.25),
    )


CLAIM = Claim(
    label="thm-limit-of-minima",
    chapter="control/limits",
    statement="With the roughness penalty min E_n is within C/n of min E, and minimisers have "
    "subsequences that converge to a minimiser of E.",
    source="proved in the chapter, after Thorpe, van Gennip 2018; here every minimiser found, from "
    "random starts",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a penalty that sees depth": {
            "penalty": Penalty(roughness=0.0, size=0.002, metric=control.L2)
        }
    },
)
