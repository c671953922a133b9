"""Weights that only approach a path cost as much as they are away from it, and no more."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np

from resode_course.claims import _problems
from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import network_errors, slope_or_infinity
from resode_course.claims.euler_bound import bound
from resode_lib._types import Stack

__all__ = ["CLAIM", "Config", "Result"]


def shrinking(depth: int) -> float:
    """Return a distance to the path that falls like ``1/L``."""
    return 2 / depth


def lasting(depth: int) -> float:
    """Return a distance to the path that does not fall."""
    return 0.05


@dataclass(frozen=True)
class Config:
    """A rotation of depth-dependent speed; the weights are shifted by ``distance(L)``.

    The residual ``theta h`` has Lipschitz constant ``||h||`` in the weights. The exact states have
    norm one, and the comparison in the proof is made at the exact state.
    """

    depths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    problem: Callable[[], _problems.Problem] = _problems.EXACT["swinging"]
    distance: Callable[[int], float] = shrinking


@dataclass(frozen=True)
class Result:
    """Measured errors and the bound, per depth."""

    depths: tuple[int, ...]
    errors: np.ndarray
    bounds: np.ndarray


def run(config: Config) -> Result:
    """Shift every slice along the identity, which pushes all states outwards: a bad direction."""
    problem = config.problem()

    def shift(stack: Stack, depth: int) -> Stack:
        width = problem.start.shape[-1]
        return jax.tree.map(lambda leaf: leaf + config.distance(depth) * np.eye(width)[None], stack)

    errors = network_errors(problem, config.depths, perturb=shift)
    distances = np.array([config.distance(depth) for depth in config.depths])
    bounds = bound(
        config.depths,
        # The network's own weights enter the recursion: their norm is at most 1 + distance.
        lipschitz=problem.lipschitz + distances.max(),
        acceleration=problem.acceleration,
        weight_error=distances,
        weight_lipschitz=1.0,
    )
    return Result(config.depths, errors, bounds)


def judge(result: Result) -> tuple[Check, ...]:
    """The bound holds, and the error vanishes with the distance of the weights."""
    return (
        Check("largest ratio error / bound", float((result.errors / result.bounds).max()), high=1),
        Check("slope of the error", slope_or_infinity(result.depths, result.errors), high=-0.9),
    )


CLAIM = Claim(
    label="cor-perturbed-weights",
    chapter="discretize/euler",
    statement="Weights within O(1/L) of a Lipschitz path give a network within O(1/L) of its ODE.",
    source="Marion, Wu, Sander, Biau 2023, Proposition 11",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"weights that approach the path": {"distance": lasting}},
)
