"""Where depth dependence comes from in linear networks: a commutator."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from resode_course.claims import _linear
from resode_course.claims._claim import Check, Claim
from resode_lib._types import Array

__all__ = ["CLAIM", "Config", "Result"]

TIMES = np.concatenate([[0, 0.002], np.linspace(0.5, 4, 8)])


@dataclass(frozen=True)
class Config:
    """Width 4, sixteen layers, zero start, whitened inputs; time 4."""

    depth: int = 16
    targets: tuple[Callable[[], Array], ...] = (_linear.symmetric, _linear.rotated)
    small: int = 1


@dataclass(frozen=True)
class Result:
    """What depth dependence there is, and how it begins.

    Attributes:
        relative: over the targets, the largest increment in depth over the largest weight.
        begins: for a target that is not normal, how far ``L (theta_{k+1} - theta_k) / (2 t^2)`` is
            from ``B B^T - B^T B`` at a small time, relative to it.
    """

    relative: float
    begins: float


def run(config: Config) -> Result:
    """Follow the flow to every target, and the start of the flow to another."""
    increments = [weights(config.depth, target()) for target in config.targets]
    relative = max(float(np.abs(np.diff(w, axis=1)).max() / np.abs(w).max()) for w in increments)
    B = _linear.near_identity()
    early = np.diff(weights(config.depth, B)[config.small], axis=0)
    limit = np.asarray(B @ B.T - B.T @ B)
    gap = config.depth * early / (2 * TIMES[config.small] ** 2) - limit
    return Result(relative, float(np.linalg.norm(gap, axis=(1, 2)).max() / np.linalg.norm(limit)))


def weights(depth: int, target: Array) -> np.ndarray:
    """Return all weights along the flow from zero, shape (times, L, d, d)."""
    walk = _linear.follow(_linear.zero(depth), jnp.asarray(target), TIMES)
    return np.asarray(walk.records)


def judge(result: Result) -> tuple[Check, ...]:
    """Equal to rounding in all layers; otherwise they part along the commutator."""
    return (
        Check("normal targets: increment over weight", result.relative, high=1e-12),
        # Terms of the next order are about ten times the time, which is 0.002.
        Check("another target: gap to the commutator", result.begins, high=0.05),
    )


CLAIM = Claim(
    label="prop-commutator",
    chapter="train/linear-networks",
    statement=(
        "With whitened inputs and zero start the weights of a linear network stay constant in "
        "depth if and only if the target B is normal; otherwise L times an increment begins as "
        "2 t^2 (B B^T - B^T B)."
    ),
    source="the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a normal target": {"targets": (_linear.near_identity,)},
        "a short time": {"small": -1},
    },
)
