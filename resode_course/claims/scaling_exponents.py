"""Two scalings: smooth weights want 1/L, independent ones 1/sqrt(L)."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import resnet, stacks
from resode_lib._types import Array, Key, Stack
from resode_lib.blocks import TwoLayer
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]

WIDTH, HIDDEN, DRAWS = 8, 8, 200
BETAS = (1.0, 0.5)


def draw(key: Key) -> TwoLayer:
    """Draw one Gaussian layer."""
    return TwoLayer.gaussian(key, width=WIDTH, hidden=HIDDEN)


def independent(key: Key, depth: int) -> Stack:
    """Draw every layer anew."""
    return stacks.iid(draw, key, depth)


def smooth(key: Key, depth: int) -> Stack:
    """Draw Gaussian processes in depth."""
    return stacks.sample(stacks.gaussian_process(draw, key, length_scale=0.3), depth)


@dataclass(frozen=True)
class Config:
    """Gaussian layers with tanh, 200 draws; residuals are multiplied by ``L^(-beta)``."""

    depths: tuple[int, ...] = (16, 32, 64, 128)
    draw: Callable[[Key, int], Stack] = independent


@dataclass(frozen=True)
class Result:
    """The mean relative displacement ``||h_L - h_0|| / ||h_0||`` per exponent and depth."""

    depths: tuple[int, ...]
    displacements: dict[float, np.ndarray]


def run(config: Config) -> Result:
    """Average over networks, at the scales ``1/L`` and ``1/sqrt(L)``."""
    rows = np.array([displacements(depth, config.draw) for depth in config.depths])
    return Result(config.depths, dict(zip(BETAS, rows.T, strict=True)))


def displacements(depth: int, draw: Callable[[Key, int], Stack]) -> np.ndarray:
    """Return the mean over draws at one depth, for each exponent."""
    start, step_sizes = jnp.ones(WIDTH), depth ** -jnp.array(BETAS)

    @jax.jit
    @jax.vmap
    def one(key: Key) -> Array:
        stack = draw(key, depth)
        ends = jax.vmap(lambda step: resnet.forward(stack, start, step_size=step))(step_sizes)
        return jnp.linalg.norm(ends - start[None], axis=1) / jnp.linalg.norm(start)

    return np.asarray(one(jax.random.split(jax.random.key(0), DRAWS)).mean(axis=0))


def judge(result: Result) -> tuple[Check, ...]:
    """Independent layers vanish at ``1/L`` like ``L^(-1/2)`` and count at ``1/sqrt(L)``."""
    slopes = {
        beta: observed_slope(result.depths, values).value
        for beta, values in result.displacements.items()
    }
    return (
        Check("scale 1/L: slope of the displacement", slopes[1.0], low=-0.6, high=-0.4),
        Check("scale 1/sqrt(L): slope of the displacement", slopes[0.5], low=-0.1, high=0.1),
    )


CLAIM = Claim(
    label="obs-scaling-exponents",
    chapter="discretize/closeness",
    statement=(
        "Independent layers move the state by O(L^(1/2 - beta)) at the scale L^(-beta): with 1/L "
        "the network tends to the identity, with 1/sqrt(L) it does not."
    ),
    source="after Marion, Fermanian, Biau, Vert, Scaling ResNets in the large-depth regime",
    kind="finding",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"independent layers": {"draw": smooth}},
)
