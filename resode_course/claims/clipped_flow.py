"""The clipped flow moves at bounded speed, so it exists for all times."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._training import HIDDEN, WIDTH, loss_on, pairs, tied
from resode_lib import training
from resode_lib._types import Array

__all__ = ["CLAIM", "Config", "Result"]

BOUND = 0.5


@dataclass(frozen=True)
class Config:
    """Targets a hundred times as large as the inputs; every gradient entry clipped at 1/2."""

    depths: tuple[int, ...] = (8, 32)
    times: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2)
    clip: Callable[[Array], Array] = training.clip_coordinates(BOUND)


@dataclass(frozen=True)
class Result:
    """The largest displacement of one layer over ``t`` times the bound of the speed."""

    ratios: np.ndarray


def run(config: Config) -> Result:
    """Solve the flow and watch every layer."""
    return Result(np.array([largest_ratio(depth, config) for depth in config.depths]))


def largest_ratio(depth: int, config: Config) -> float:
    """Compare ``||V_k(t) - V_k(0)||_F`` with ``t * bound * sqrt(entries)``."""
    walk = training.gradient_flow(
        loss_on(*pairs(scale=100.0)),
        tied(depth),
        times=jnp.array(config.times),
        record=lambda stack: stack.V[...],
        clip=config.clip,
        tolerance=1e-6,
    )
    moved = jnp.linalg.norm(walk.records - walk.records[:1], axis=(2, 3)).max(axis=1)
    allowed = walk.times * BOUND * sqrt(WIDTH * HIDDEN)
    return float(jnp.max(moved[1:] / allowed[1:]))


def judge(result: Result) -> tuple[Check, ...]:
    """No layer is faster than the clipping allows, whatever the depth."""
    # The solver's error per unit of time is far below one per cent of the allowed path.
    return (
        Check("largest ratio displacement / (t * speed)", float(result.ratios.max()), high=1.01),
    )


CLAIM = Claim(
    label="prop-clipped-flow",
    chapter="train/gradient-flow",
    statement=(
        "The clipped flow exists for all times, and every layer moves by at most t times the "
        "bound of the clipping, whatever the depth."
    ),
    source="Marion, Wu, Sander, Biau 2023, Propositions 1 and 3",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"clipping": {"clip": training.unclipped}},
)
