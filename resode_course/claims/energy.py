"""The energy identity and how far training can travel, whatever the depth."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._training import loss_on, pairs, tied
from resode_lib import training
from resode_lib.training import Trajectory

__all__ = ["CLAIM", "Config", "Result"]

TIMES = np.linspace(0, 2, 9)


def flow(loss: Callable, depth: int) -> Trajectory:
    """Follow the gradient flow."""
    return training.gradient_flow(loss, tied(depth), times=jnp.array(TIMES), record=lambda s: s)


def long_steps(loss: Callable, depth: int) -> Trajectory:
    """Walk by gradient descent with steps far above the limit of stability."""
    return training.gradient_descent(loss, tied(depth), rate=2.0, steps=8, record=lambda s: s)


@dataclass(frozen=True)
class Config:
    """Gaussian regression in R^8, tied start, no clipping, time 2."""

    depths: tuple[int, ...] = (8, 32)
    walk: Callable[[Callable, int], Trajectory] = flow


@dataclass(frozen=True)
class Result:
    """Squared displacement over its bound, per depth and time; largest norms of ``V_k``."""

    ratios: np.ndarray
    norms: np.ndarray


def run(config: Config) -> Result:
    """Compare ``||theta(t) - theta(0)||^2`` in the norm of depth with ``t (l(0) - l(t))``."""
    walks = [config.walk(loss_on(*pairs()), depth) for depth in config.depths]
    ratios = [displacements(walk)[1:] / allowance(walk)[1:] for walk in walks]
    norms = [jnp.linalg.norm(walk.parameters.V[...], axis=(1, 2)).max() for walk in walks]
    return Result(np.array(ratios), np.array(norms))


def displacements(walk: Trajectory) -> np.ndarray:
    """Return the squared distance to the start at each time."""
    moves = jax.tree.map(lambda leaf: leaf - leaf[:1], walk.records)
    return np.asarray(jax.vmap(training.depth_norm)(moves)) ** 2


def allowance(walk: Trajectory) -> np.ndarray:
    """Return ``t (l(0) - l(t))``; where the loss has risen, next to nothing is allowed."""
    lost = np.asarray(walk.losses[0] - walk.losses)
    return np.asarray(walk.times) * np.maximum(lost, 1e-12)


def judge(result: Result) -> tuple[Check, ...]:
    """The bound, and weights whose size does not depend on depth."""
    deep_over_shallow = result.norms[-1] / result.norms[0]
    return (
        Check("largest ratio displacement^2 / (t * loss lost)", float(result.ratios.max()), high=1),
        Check("largest ||V_k||, deep over shallow", float(deep_over_shallow), high=1.1),
    )


CLAIM = Claim(
    label="prop-displacement",
    chapter="train/gradient-flow",
    statement=(
        "Along the gradient flow the squared displacement in the norm of depth is at most t times "
        "the loss that was lost."
    ),
    source="the course, from the energy identity",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"small steps": {"walk": long_steps}},
)
