"""What an optimal network conserves over its depth."""

from dataclasses import dataclass

import numpy as np

from resode_course.claims import _steering
from resode_course.claims._claim import Check, Claim
from resode_course.claims._steering import Problem
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """One horizon at four depths; the law holds for the ODE, so up to ``O(dt)`` for networks."""

    depths: tuple[int, ...] = (25, 50, 100, 200)
    horizon: float = 2.5
    penalty: float = 0.05
    degree: float = 1.0


@dataclass(frozen=True)
class Result:
    """Per depth.

    Attributes:
        depths: ``L``.
        with_terminal: ``(max |u_k| - min |u_k|) / mean |u_k|`` for the terminal cost only.
        with_running: the largest ``|lambda |u_k|^2 - E(x_k) + E(x_L)|`` for the running cost only.
    """

    depths: tuple[int, ...]
    with_terminal: np.ndarray
    with_running: np.ndarray


def run(config: Config) -> Result:
    """Minimise both objectives at each depth."""

    def seen(problem: Problem, layers: int) -> _steering.Profile:
        start = _steering.cold(max(config.depths))
        return _steering.steer(problem, start, layers=layers, horizon=config.horizon)[1]

    def spread(layers: int) -> float:
        problem = Problem(terminal=1.0, penalty=config.penalty, degree=config.degree)
        norms = seen(problem, layers).norms
        return np.ptp(norms) / norms.mean()

    def violation(layers: int) -> float:
        problem = Problem(running=1.0, penalty=config.penalty, degree=config.degree)
        _, losses, norms = seen(problem, layers)
        return np.abs(config.penalty * norms**2 - losses[:-1] + losses[-1]).max()

    return Result(
        config.depths,
        np.array([spread(layers) for layers in config.depths]),
        np.array([violation(layers) for layers in config.depths]),
    )


def judge(result: Result) -> tuple[Check, ...]:
    """Both vanish with the step."""

    def slope(numbers: np.ndarray) -> float:
        return observed_slope(result.depths, numbers).value

    return (
        Check("slope of the spread of |u|, terminal cost", slope(result.with_terminal), high=-0.85),
        Check("slope of the violation, running cost", slope(result.with_running), high=-0.85),
    )


CLAIM = Claim(
    label="prop-depth-conservation",
    chapter="control/turnpike",
    statement="Along a minimiser lambda |u|^2 minus the running cost is constant in depth: with a "
    "terminal cost only all layers work equally hard.",
    source="proved in the chapter, after Esteve, Geshkovski, Pighin, Zuazua 2020",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a residual linear in its weights": {"degree": 2.0}},
)
