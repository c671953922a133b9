"""With a running cost the work is done in the first layers, however long the horizon."""

from dataclasses import dataclass

import numpy as np

from resode_course.claims import _steering
from resode_course.claims._claim import Check, Claim
from resode_course.claims._steering import Problem
from resode_lib.diagnostics import observed_rate

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Two horizons at one step; the rate is measured after a transient, above rounding."""

    horizons: tuple[float, float] = (10.0, 20.0)
    step: float = 0.1
    window: tuple[float, float] = (1.0, 3.5)
    problem: Problem = Problem(running=1.0, penalty=0.05)


@dataclass(frozen=True)
class Result:
    """For the shorter and the longer horizon.

    Attributes:
        values: the minimal cost.
        profiles: loss and control norm over depth.
        loss_rates: rate of ``E(x_T(t))`` in ``t``.
        norm_rates: rate of ``|u_T(t)|``.
    """

    values: np.ndarray
    profiles: tuple[_steering.Profile, ...]
    loss_rates: np.ndarray
    norm_rates: np.ndarray


def run(config: Config) -> Result:
    """Minimise over each horizon and fit the decay over the window."""
    problem = config.problem
    depths = [round(T / config.step) for T in config.horizons]
    start = _steering.cold(max(depths))
    found = [
        _steering.steer(problem, start, layers=layers, horizon=T)
        for T, layers in zip(config.horizons, depths, strict=True)
    ]
    minima, profiles = zip(*found, strict=True)
    low, high = (round(t / config.step) for t in config.window)
    seen = slice(low, high + 1)
    return Result(
        np.array([float(minimum.value) for minimum in minima]),
        profiles,
        np.array([observed_rate(p.times[seen], p.losses[seen]).value for p in profiles]),
        np.array([observed_rate(p.times[seen], p.norms[seen]).value for p in profiles]),
    )


def judge(result: Result) -> tuple[Check, ...]:
    """Decay, at a rate and a cost that do not see the horizon; the controls at half the rate."""
    cost, rate = result.values[1] / result.values[0], result.loss_rates[1] / result.loss_rates[0]
    half = result.norm_rates / result.loss_rates
    return (
        Check("largest rate of the loss", float(result.loss_rates.max()), high=-1),
        Check("rate at 2 T / rate at T", float(rate), low=0.99, high=1.01),
        Check("cost at 2 T / cost at T", float(cost), low=0.99, high=1.01),
        Check("smallest rate of |u| / rate of the loss", float(half.min()), low=0.45),
    )


CLAIM = Claim(
    label="thm-turnpike",
    chapter="control/turnpike",
    statement="With a running cost whose zeros can be reached, loss and controls decay like "
    "exp(-mu t) and exp(-mu t / 2) in depth, with mu and constants independent of the horizon.",
    source="proved in the chapter, after Esteve, Geshkovski, Pighin, Zuazua 2020",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a running cost": {"problem": Problem(terminal=1.0, penalty=0.05)},
        "reachable zeros of the loss": {
            "problem": Problem(running=1.0, penalty=0.05, points=_steering.TWINS)
        },
    },
)
