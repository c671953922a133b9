"""Independent layers: how the size of the state depends on the scale, exactly in mean square."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import resnet, stacks
from resode_lib._types import Array, Key, Stack
from resode_lib.blocks import TwoLayer

__all__ = ["CLAIM", "Config", "Result"]

WIDTH, DRAWS = 16, 200


def draw(key: Key) -> TwoLayer:
    """Draw Gaussian ``V`` and ``W`` with as many neurons as coordinates, and ReLU."""
    return TwoLayer.gaussian(key, width=WIDTH, hidden=WIDTH, activation=jax.nn.relu)


def independent(key: Key, depth: int) -> Stack:
    """Draw every layer anew."""
    return stacks.iid(draw, key, depth)


def tied(key: Key, depth: int) -> Stack:
    """Draw one layer and use it everywhere."""
    return stacks.tied(draw(key), depth)


@dataclass(frozen=True)
class Config:
    """Width 16, ReLU, 200 draws; residuals are multiplied by ``L^(-beta)``."""

    depth: int = 128
    betas: tuple[float, ...] = (1.0, 0.5)
    draw: Callable[[Key, int], Stack] = independent


@dataclass(frozen=True)
class Result:
    """Per exponent: mean of ``||h_L||^2 / ||h_0||^2``, its standard error, and the formula."""

    betas: tuple[float, ...]
    means: np.ndarray
    errors: np.ndarray
    exact: np.ndarray


def run(config: Config) -> Result:
    """Average over independent networks."""
    samples = growth(config)
    exact = (1 + 0.5 * config.depth ** (-2 * np.array(config.betas))) ** config.depth
    errors = samples.std(axis=1, ddof=1) / np.sqrt(samples.shape[1])
    return Result(config.betas, samples.mean(axis=1), errors, exact)


def growth(config: Config) -> np.ndarray:
    """Return ``||h_L||^2 / ||h_0||^2`` for every exponent and draw; exponents share the draws."""
    start, steps = jnp.ones(WIDTH), config.depth ** -jnp.array(config.betas)

    @jax.jit
    @jax.vmap
    def one(key: Key) -> Array:
        stack = config.draw(key, config.depth)
        ends = jax.vmap(lambda step: resnet.forward(stack, start, step_size=step))(steps)
        return jnp.sum(ends**2, axis=1) / WIDTH

    return np.asarray(one(jax.random.split(jax.random.key(0), DRAWS))).T


def judge(result: Result) -> tuple[Check, ...]:
    """Within five standard errors of the formula, which a normal mean leaves once in a million."""
    distances = np.abs(result.means - result.exact) / result.errors
    return tuple(
        Check(f"beta = {beta:g}: standard errors from the formula", float(distance), high=5)
        for beta, distance in zip(result.betas, distances, strict=True)
    )


CLAIM = Claim(
    label="prop-mean-square",
    chapter="discretize/closeness",
    statement=(
        "For independent Gaussian layers with ReLU and residuals times L^(-beta), the mean of "
        "||h_L||^2 is exactly (1 + L^(-2 beta) / 2)^L ||h_0||^2."
    ),
    source="after Marion, Fermanian, Biau, Vert, Scaling ResNets in the large-depth regime",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"independent layers": {"draw": tied}},
)
