"""Where depth dependence comes from in linear networks: a commutator."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resode_lib._types import Array
from resode_lib.claims import _linear
from resode_lib.claims._claim import Check, Claim

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Width 4, sixteen layers, zero start, a symmetric target, time 4."""

    depth: int = 16
    target: Callable[[], Array] = _linear.symmetric


@dataclass(frozen=True)
class Result:
    """The largest increment in depth over the largest weight."""

    relative: float


def run(config: Config) -> Result:
    """Follow the flow."""
    walk = _linear.follow(_linear.zero(config.depth), config.target(), np.linspace(0, 4, 9))
    weights = np.asarray(walk.records)
    return Result(float(np.abs(np.diff(weights, axis=1)).max() / np.abs(weights).max()))


def judge(result: Result) -> tuple[Check, ...]:
    """Equal to rounding in all layers."""
    return (Check("largest increment / largest weight", result.relative, high=1e-12),)


CLAIM = Claim(
    label="prop-commutator",
    chapter="train/linear-networks",
    statement=(
        "With whitened inputs, zero start and a symmetric target, the weights of a linear network "
        "stay exactly constant in depth."
    ),
    source="the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a symmetric target": {"target": _linear.near_identity}},
)
