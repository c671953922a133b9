"""Minimisers with the roughness penalty are smooth up to the ends, where they are at ease."""

from dataclasses import dataclass

import jax
import numpy as np

from resode_course.claims import _depth_limits
from resode_course.claims._claim import Check, Claim
from resode_course.claims._depth_limits import TAU, Penalty
from resode_lib import control
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Twelve points of the plane, tanh outside; every depth starts from its own random slices."""

    depths: tuple[int, ...] = (16, 32, 64, 128)
    penalty: Penalty = Penalty(roughness=0.02, size=0.0, metric=control.H1)
    seed: int = 0


@dataclass(frozen=True)
class Result:
    """Per depth, for all entries of ``u = (K, b)`` together.

    Attributes:
        depths: ``n``.
        at_end: ``|u'(1)|``, that is ``n |u_{n-1} - u_{n-2}|``.
        at_start: ``|u'(0) - tau u(0)|``.
        bends: ``n^2 max_k |u_{k+1} - 2 u_k + u_{k-1}|``.
    """

    depths: tuple[int, ...]
    at_end: np.ndarray
    at_start: np.ndarray
    bends: np.ndarray


def run(config: Config) -> Result:
    """Minimise at each depth and difference the minimiser."""
    minima = _depth_limits.minima(
        config.depths,
        penalty=config.penalty,
        key=jax.random.key(config.seed),
    )

    def each(residual) -> np.ndarray:
        return np.array(
            [
                np.linalg.norm(residual(u, n), axis=-1).max()
                for u, n in zip(minima.controls, config.depths, strict=True)
            ]
        )

    return Result(
        config.depths,
        at_end=each(lambda u, n: n * (u[-1] - u[-2])),
        at_start=each(lambda u, n: n * (u[1] - u[0]) - TAU * u[0]),
        bends=each(lambda u, n: n**2 * np.diff(u, 2, axis=0)),
    )


def judge(result: Result) -> tuple[Check, ...]:
    """Both conditions up to O(1/n); second differences that stay bounded have the slope 0."""

    def slope(numbers: np.ndarray) -> float:
        return observed_slope(result.depths, numbers).value

    return (
        Check("slope of the residual at the end", slope(result.at_end), high=-0.9),
        Check("slope of the residual at the start", slope(result.at_start), high=-0.9),
        Check("slope of the second differences", slope(result.bends), high=0.1),
    )


CLAIM = Claim(
    label="prop-natural-boundary",
    chapter="control/limits",
    statement="Minimisers with the roughness penalty satisfy u'(1) = 0 and u'(0) = tau u(0), at n "
    "layers up to O(1/n), and their second differences times n^2 are bounded.",
    source="proved in the chapter, after Thorpe, van Gennip 2018",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a penalty that sees depth": {
            "penalty": Penalty(roughness=0.0, size=0.02, metric=control.L2)
        }
    },
)
