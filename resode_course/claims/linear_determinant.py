"""Linear residual networks: training never changes the sign of the determinant."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from resode_course.claims import _linear
from resode_course.claims._claim import Check, Claim
from resode_lib._types import Array, Stack

__all__ = ["CLAIM", "Config", "Result"]

TIMES = np.linspace(0, 60, 16)


def bent() -> Array:
    """Return a target of negative determinant that is not normal."""
    return _linear.reflected() @ _linear.near_identity() @ _linear.near_identity()


@dataclass(frozen=True)
class Config:
    """Width 4, sixteen layers, whitened inputs, two targets; time 60."""

    depth: int = 16
    start: Callable[[int], Stack] = _linear.zero
    targets: tuple[Callable[[], Array], ...] = (_linear.reflected, bent)


@dataclass(frozen=True)
class Result:
    """Over targets and times: the smallest loss over the floor, and the smallest determinant."""

    loss: float
    determinant: float


def run(config: Config) -> Result:
    """Follow the flow to every target."""
    rows = [measure(config.start(config.depth), target()) for target in config.targets]
    return Result(*map(float, np.min(rows, axis=0)))


def measure(start: Stack, target: Array) -> tuple[float, float]:
    """Return the smallest ``loss / sigma_min(B)^2``, and the smallest determinant of a layer."""
    walk = _linear.follow(start, jnp.asarray(target), TIMES)
    theta = np.asarray(walk.records)  # (times, L, d, d)
    layers = np.eye(_linear.WIDTH) + theta / theta.shape[1]
    floor = np.linalg.norm(target, ord=-2) ** 2
    return float(np.min(walk.losses) / floor), float(np.linalg.det(layers).min())


def judge(result: Result) -> tuple[Check, ...]:
    """The loss stays above its floor, and every determinant stays positive."""
    return (
        Check("smallest loss / sigma_min(B)^2", result.loss, low=1.0),
        Check("smallest determinant of a layer", result.determinant, low=0.0),
    )


CLAIM = Claim(
    label="prop-linear-determinant",
    chapter="train/linear-networks",
    statement=(
        "From a balanced start with positive determinant, such as zero, the gradient flow of a "
        "linear network keeps the determinant positive, so that its loss stays above "
        "sigma_min(B)^2 if det B < 0."
    ),
    source="the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a balanced start": {"start": _linear.unbalanced},
        "a target of negative determinant": {"targets": (_linear.near_identity,)},
    },
)
