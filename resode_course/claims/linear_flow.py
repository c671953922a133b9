"""Linear residual networks: training to zero loss keeps the weights small and smooth in depth."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp

import numpy as np

from resode_course.claims import _linear
from resode_course.claims._claim import Check, Claim
from resode_lib._types import Array, Stack

__all__ = ["CLAIM", "Config", "Result"]

RADIUS = 1 / 3
TIMES = np.linspace(0, 4, 21)


@dataclass(frozen=True)
class Config:
    """Width 4, whitened inputs, zero start, ``||B - I||_F = 0.12 < 1 / (3 e)``; time 4."""

    depths: tuple[int, ...] = (8, 32, 128)
    start: Callable[[int], Stack] = _linear.zero
    target: Callable[[], Array] = _linear.near_identity


@dataclass(frozen=True)
class Result:
    """Per depth, the largest over times: weight, loss over envelope, ``L`` times increment."""

    depths: tuple[int, ...]
    largest: np.ndarray
    ratio: np.ndarray
    increment: np.ndarray


def run(config: Config) -> Result:
    """Follow the flow for each depth."""
    rows = np.array([measure(depth, config) for depth in config.depths])
    return Result(config.depths, *rows.T)


def measure(depth: int, config: Config) -> tuple[float, float, float]:
    """Return the three numbers for one depth."""
    walk = _linear.follow(config.start(depth), config.target(), TIMES)
    weights = np.asarray(walk.records)  # (times, L, d, d)
    envelope = np.exp(-4 * exp(-2 * RADIUS) * TIMES) * walk.losses[0]
    steps = np.linalg.norm(np.diff(weights, axis=1), axis=(2, 3))
    return (
        np.linalg.norm(weights, ord=2, axis=(2, 3)).max(),
        float((np.asarray(walk.losses) / envelope).max()),
        depth * steps.max(),
    )


def judge(result: Result) -> tuple[Check, ...]:
    """The three conclusions with their explicit constants, ``R = 1/3`` and ``R_0 = 0``."""
    return (
        Check("largest ||theta_k||", float(result.largest.max()), high=RADIUS),
        # The solver's tolerance is far below a hundredth.
        Check("largest loss / exp(-4 exp(-2/3) t)", float(result.ratio.max()), high=1.01),
        Check(
            "largest L ||theta_{k+1} - theta_k||",
            float(result.increment.max()),
            high=2 * RADIUS**2,
        ),
    )


CLAIM = Claim(
    label="thm-linear-flow",
    chapter="train/linear-networks",
    statement=(
        "For whitened inputs, zero start and ||B - I||_F <= 1/(3 e), the weights of a linear "
        "residual network stay below 1/3, the loss decays like exp(-4 exp(-2/3) t), and "
        "increments in depth stay below 2/(9 L)."
    ),
    source="after Sander, Ablin, Peyré 2022; proved in the course with explicit constants",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a smooth start": {"start": _linear.independent},
        "a target near the identity": {"target": _linear.reflected},
    },
)
