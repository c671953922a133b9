"""Linear networks converge to their limit at rate 1/L, uniformly in depth and training time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resode_course.claims import _linear
from resode_course.claims._claim import Check, Claim
from resode_lib._types import Stack
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]

TIMES = np.linspace(0, 8, 17)


@dataclass(frozen=True)
class Config:
    """As in the claim on the flow; the limit is stood in for by a network of ``finest`` layers."""

    depths: tuple[int, ...] = (4, 8, 16, 32)
    finest: int = 256
    start: Callable[[int], Stack] = _linear.zero


@dataclass(frozen=True)
class Result:
    """The largest distance to the finest network over layers and times, per depth."""

    depths: tuple[int, ...]
    distances: np.ndarray


def run(config: Config) -> Result:
    """Compare layer ``k`` of ``L`` with layer ``k finest / L``: both sit at ``k/L``."""
    finest = weights(config.finest, config)

    def distance(depth: int) -> float:
        same_depth = finest[:, :: config.finest // depth]
        return np.linalg.norm(weights(depth, config) - same_depth, axis=(2, 3)).max()

    return Result(config.depths, np.array([distance(depth) for depth in config.depths]))


def weights(depth: int, config: Config) -> np.ndarray:
    """Return all weights along the flow, shape (times, L, d, d)."""
    walk = _linear.follow(config.start(depth), _linear.near_identity(), TIMES)
    return np.asarray(walk.records)


def judge(result: Result) -> tuple[Check, ...]:
    """The distance falls like ``1/L`` or faster; by then the loss is at rounding level."""
    slope = observed_slope(result.depths, result.distances).value
    return (Check("slope of the distance to the limit", slope, high=-0.9),)


CLAIM = Claim(
    label="thm-linear-limit",
    chapter="train/linear-networks",
    statement=(
        "Under the same hypotheses the weights converge to a limit in continuous depth at rate "
        "1/L, uniformly in depth and in training time."
    ),
    source="after Sander, Ablin, Peyré 2022; proved in the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a smooth start": {"start": _linear.independent}},
)
