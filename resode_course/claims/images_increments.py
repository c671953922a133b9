"""Stochastic gradients, momentum and batch normalisation keep neighbouring layers close."""

from dataclasses import dataclass, replace

import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._images import largest_increment
from resode_lib.diagnostics import observed_slope
from resode_lib.image_training import Setting, fit_digits

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """One training, the same number of steps at several depths."""

    depths: tuple[int, ...] = (8, 16, 32, 64)
    setting: Setting = Setting(channels=4, epochs=1)
    activation: str = "gelu"
    tied: bool = True


@dataclass(frozen=True)
class Result:
    """The largest increment per depth."""

    depths: tuple[int, ...]
    increments: np.ndarray


def run(config: Config) -> Result:
    """Train one network per depth, on the same minibatches."""
    setting = replace(config.setting, activation=config.activation, tied=config.tied)
    runs = [fit_digits(replace(setting, depth=depth)) for depth in config.depths]
    return Result(config.depths, np.array([largest_increment(run) for run in runs]))


def judge(result: Result) -> tuple[Check, ...]:
    """The increments fall like ``1/L`` or faster."""
    slope = observed_slope(result.depths, result.increments).value
    return (Check("slope of the largest increment", slope, high=-0.9),)


CLAIM = Claim(
    label="prop-images-increments",
    chapter="practice/images",
    statement=(
        "Stochastic gradient descent with momentum, on residuals that normalise the batch, keeps "
        "increments in depth of order 1/L."
    ),
    source="the course, after Proposition 7 of Marion, Wu, Sander, Biau 2023",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "layers that start alike": {"tied": False},
        "a smooth activation": {"activation": "relu"},
    },
)
