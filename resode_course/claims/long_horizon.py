"""Over long horizons the training error falls like 1/T, and the controls approach minimal norm."""

from dataclasses import dataclass

import numpy as np

from resode_course.claims import _steering
from resode_course.claims._claim import Check, Claim
from resode_course.claims._steering import Problem
from resode_lib import control
from resode_lib._types import Stack
from resode_lib.control import Minimum
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Four points in space, tanh inside, 40 layers; each horizon starts from the one before.

    The last horizon, far beyond the others, stands for the minimal norm.
    """

    horizons: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0, 64.0)
    reference: float = 4096.0
    layers: int = 40
    problem: Problem = Problem(terminal=1.0, penalty=0.1)


@dataclass(frozen=True)
class Result:
    """Per horizon.

    Attributes:
        horizons: ``T``.
        errors: the training error ``E`` at the end.
        norms: ``||v_T||^2`` for the control ``v(s) = T u(T s)`` on [0, 1].
        bounds: ``lambda (||v*||^2 - ||v_T||^2) / T``, with the reference for ``v*``.
    """

    horizons: tuple[float, ...]
    errors: np.ndarray
    norms: np.ndarray
    bounds: np.ndarray


def run(config: Config) -> Result:
    """Follow the minimiser from horizon to horizon."""
    problem, layers = config.problem, config.layers
    levels = [*config.horizons, config.reference]
    profiles = {}

    def solve(start: Stack, T: float) -> Minimum:
        minimum, profiles[T] = _steering.steer(problem, start, layers=layers, horizon=T)
        return minimum

    control.continuation(solve, _steering.cold(layers), levels, carry=control.stretch)
    norms = np.array([np.mean((T * profiles[T].norms) ** 2) for T in levels])
    errors = np.array([profiles[T].losses[-1] for T in levels])
    bounds = problem.penalty * (norms[-1] - norms[:-1]) / np.array(config.horizons)
    return Result(config.horizons, errors[:-1], norms[:-1], bounds)


def judge(result: Result) -> tuple[Check, ...]:
    """The inequality at each horizon, norms that do not fall, and o(1/T)."""
    scaled = result.errors * np.array(result.horizons)
    return (
        Check("largest ratio error / bound", float((result.errors / result.bounds).max()), high=1),
        Check("smallest increase of the norm", float(np.diff(result.norms).min()), low=0),
        Check("slope of the error", observed_slope(result.horizons, result.errors).value, high=-1),
        Check("last T E / first", float(scaled[-1] / scaled[0]), high=0.25),
    )


CLAIM = Claim(
    label="thm-long-horizon",
    chapter="control/turnpike",
    statement="Where zero loss is reachable, with minimal norm ||v*||, a minimiser has training "
    "error at most lambda (||v*||^2 - ||v_T||^2) / T, its norm does not fall with T, and T times "
    "the error tends to 0.",
    source="proved in the chapter, after Esteve, Geshkovski, Pighin, Zuazua 2020",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a reachable target": {
            "problem": Problem(terminal=1.0, penalty=0.1, points=_steering.TWINS)
        },
        "a residual homogeneous of degree 1": {
            "problem": Problem(terminal=1.0, penalty=0.1, degree=2.0)
        },
    },
)
