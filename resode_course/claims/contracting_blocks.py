"""Blocks that pull states together need at least half their steepness as depth."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import resnet, stacks
from resode_lib._types import Array, Key
from resode_lib.blocks import TwoLayer

__all__ = ["CLAIM", "Config", "Result", "pulling", "pushing"]

WIDTH, HIDDEN = 6, 12


def scaled(W: Array, steepness: float) -> Array:
    """Return ``W`` with ``||W||^2 / d = steepness``."""
    return W / jnp.linalg.norm(W, ord=2) * jnp.sqrt(steepness * W.shape[1])


def pulling(key: Key, steepness: float) -> TwoLayer:
    """Return ``f(h) = -U^T tanh(U h)``, ``U = W / sqrt(d)``: minus a gradient, for any ``W``."""
    W = scaled(jax.random.normal(key, (HIDDEN, WIDTH)), steepness)
    return TwoLayer(-W.T * jnp.sqrt(HIDDEN / WIDTH), W)


def pushing(key: Key, steepness: float) -> TwoLayer:
    """Return a block of the same size whose outer weights are drawn by themselves."""
    block, other = (pulling(k, steepness) for k in jax.random.split(key))
    return TwoLayer(other.V[...], block.W[...])


@dataclass(frozen=True)
class Config:
    """Independent layers, ``L`` of them for the steepness ``2 L``; ``excess`` multiplies it."""

    depth: int = 16
    excess: float = 1.0
    block: Callable[[Key, float], TwoLayer] = pulling
    scales: tuple[float, ...] = (1e-3, 0.1, 1.0, 10.0)


@dataclass(frozen=True)
class Result:
    """The largest factor by which a layer stretches the distance of two states."""

    steepness: float
    stretch: float


def run(config: Config) -> Result:
    """Send pairs of inputs of several sizes through the network."""
    steepness = 2 * config.depth * config.excess
    stack = stacks.iid(lambda key: config.block(key, steepness), jax.random.key(0), config.depth)
    # The steepest direction of the first layer, and Gaussian ones.
    first = jnp.linalg.svd(stack.W[0])[2][:1]
    some = jnp.concatenate([first, jax.random.normal(jax.random.key(1), (40, WIDTH))])
    sizes = np.asarray(config.scales)[:, None, None]
    pairs = np.stack([sizes * np.asarray(some), sizes * np.roll(some, 1, axis=0) / 2])
    inputs = jnp.asarray(pairs.reshape(-1, WIDTH))
    states = resnet.trajectory(stack, inputs)
    count = inputs.shape[0] // 2
    distances = np.linalg.norm(np.asarray(states[:, :count] - states[:, count:]), axis=-1)
    stretch = distances[1:] / np.maximum(distances[:-1], 1e-12)
    return Result(steepness, float(stretch.max()))


def judge(result: Result) -> tuple[Check, ...]:
    """No pair moves apart in any layer."""
    # Distances down to 1e-5 carry rounding errors of 1e-11, relatively.
    return (Check("largest stretch of a distance", result.stretch, high=1 + 1e-9),)


CLAIM = Claim(
    label="prop-contracting-blocks",
    chapter="discretize/integrators",
    statement="If f = -grad phi with 0 <= phi'' <= lambda in every layer and L >= lambda/2, no two "
    "states move apart; for quadratic phi fewer layers do not suffice.",
    source="proved in the chapter; compare Haber and Ruthotto 2017",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "at least lambda/2 layers": {"excess": 1.2},
        "residuals that are minus a gradient": {"block": pushing},
    },
)
