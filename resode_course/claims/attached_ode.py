"""A network has many ODEs attached to it; the bound speaks of the one you chose."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resode_course.claims._claim import Check, Claim

__all__ = ["CLAIM", "Config", "Result", "flat", "tent"]


def tent(fraction: np.ndarray) -> np.ndarray:
    """Return the tent on a cell: 0 at both nodes, height 1/2 between; its mean is 1/4."""
    return np.minimum(fraction, 1 - fraction)


def flat(fraction: np.ndarray) -> np.ndarray:
    """Return zero: the ODE that does between the nodes what it does at the nodes."""
    return 0 * fraction


@dataclass(frozen=True)
class Config:
    """Networks with zero residuals; ``between`` is the field of the ODE between the nodes."""

    depths: tuple[int, ...] = (8, 32, 128, 512)
    between: Callable[[np.ndarray], np.ndarray] = tent
    points_per_cell: int = 2000


@dataclass(frozen=True)
class Result:
    """How far the attached ODE moves while the network stays put, per depth."""

    depths: tuple[int, ...]
    displacements: np.ndarray


def run(config: Config) -> Result:
    """Integrate the periodic field over [0, 1] by midpoints; the network does not move at all."""
    points = config.points_per_cell

    def displacement(depth: int) -> float:
        s = (np.arange(depth * points) + 0.5) / (depth * points)
        return float(config.between(depth * s % 1.0).mean())

    return Result(config.depths, np.array([displacement(depth) for depth in config.depths]))


def judge(result: Result) -> tuple[Check, ...]:
    """The distance does not shrink: it is 1/4 for every depth."""
    distance = result.displacements
    return (
        Check("smallest distance network to ODE", float(distance.min()), low=0.25 - 1e-9),
        Check("spread of the distance over depths", float(np.ptp(distance)), high=1e-9),
    )


CLAIM = Claim(
    label="prop-attached-ode",
    chapter="discretize/euler",
    statement="An ODE can agree with a network at every node k/L and stay at distance 1/4 from "
    "it for every depth.",
    source="proved in the chapter, after Sander, Ablin, Peyré 2022",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a field that oscillates between the nodes": {"between": flat}},
)
