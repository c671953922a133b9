"""Flows on the line keep the order of points; a network does so only if its steps are short."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import resnet, stacks
from resode_lib.blocks import TwoLayer

__all__ = ["CLAIM", "Config", "Result"]

LIPSCHITZ = 6.0
"""The residual is ``-6 tanh h``."""


@dataclass(frozen=True)
class Config:
    """Points of an interval; ``1/L`` times the Lipschitz constant is at most ``6/7``."""

    depths: tuple[int, ...] = (7, 8, 16)


@dataclass(frozen=True)
class Result:
    """The smallest distance between neighbours after the network, over that before."""

    ratios: np.ndarray


def run(config: Config) -> Result:
    """Send a fine grid through the network of each depth."""
    one = jnp.ones((1, 1))
    block = TwoLayer(-LIPSCHITZ * one, one)
    grid = jnp.linspace(-2, 2, 401)[:, None]

    def ratio(depth: int) -> float:
        end = resnet.forward(stacks.tied(block, depth), grid)
        return float((jnp.diff(end[:, 0]) / jnp.diff(grid[:, 0])).min())

    return Result(np.array([ratio(depth) for depth in config.depths]))


def judge(result: Result) -> tuple[Check, ...]:
    """Neighbours never change places."""
    return (Check("smallest ratio of distances", float(result.ratios.min()), low=1e-12),)


CLAIM = Claim(
    label="prop-order",
    chapter="discretize/closeness",
    statement=(
        "A network on the line whose residuals have a Lipschitz constant below L keeps the order "
        "of points, like every flow: it cannot exchange two of them."
    ),
    source="after Dupont and others 2019, Augmented neural ODEs",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"short steps": {"depths": (2, 3)}},
)
