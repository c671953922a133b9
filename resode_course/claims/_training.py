"""The training problem that several claims share, and what they measure on it."""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from resode_lib import resnet, stacks, training
from resode_lib._types import Array, Block, Key, Stack
from resode_lib.blocks import TwoLayer
from resode_lib.training import Trajectory

__all__ = [
    "WIDTH",
    "Start",
    "increments",
    "independent",
    "largest_increments",
    "loss_on",
    "pairs",
    "smooth",
    "tied",
    "train",
]

Start = Callable[[int], Stack]
"""Initial weights of a network of a given depth."""

WIDTH, HIDDEN, SAMPLES = 8, 32, 50
RATE, STEPS = 0.05, 300


def pairs(scale: float = 1.0, samples: int = SAMPLES, seed: int = 0) -> tuple[Array, Array]:
    """Return Gaussian inputs and targets, shape (n, d) each; ``scale`` multiplies the targets."""
    key_x, key_y = jax.random.split(jax.random.key(seed))
    shape = (samples, WIDTH)
    return jax.random.normal(key_x, shape), scale * jax.random.normal(key_y, shape)


def draw(key: Key, activation: Callable[[Array], Array] = jnp.tanh) -> Block:
    """Draw one layer with ``V = 0`` and a Gaussian ``W``."""
    return TwoLayer.gaussian(
        key, width=WIDTH, hidden=HIDDEN, outer_scale=0.0, activation=activation
    )


def tied(depth: int) -> Stack:
    """Return the same layer everywhere: the smooth start of the theory."""
    return stacks.tied(draw(jax.random.key(1)), depth)


def smooth(depth: int) -> Stack:
    """Return slices of Gaussian processes in depth, with ``V = 0``."""
    return stacks.sample(_process(), depth)


@cache
def _process() -> Callable:
    return stacks.gaussian_process(draw, jax.random.key(1), length_scale=0.3)


def independent(depth: int) -> Stack:
    """Return layers drawn independently, with ``V = 0``."""
    return stacks.iid(draw, jax.random.key(1), depth)


def loss_on(x: Array, y: Array) -> Callable[[Stack], Array]:
    """Return the mean squared error of the network without embedding and readout."""
    return lambda stack: training.mean_squared_error(resnet.forward(stack, x), y)


def one(depth: int) -> float:
    """Return 1: training in the metric of depth, as it is."""
    return 1.0


def train(start: Start, depth: int, speed: Callable[[int], float] = one) -> Trajectory:
    """Train by gradient descent, a surrogate of the flow, and record all weights.

    Args:
        start: initial weights of a network of a given depth.
        depth: ``L``.
        speed: multiplies the step, ``L -> factor``.
    """
    return _train(start, depth, RATE * speed(depth))


@cache  # the same runs serve several claims
def _train(start: Start, depth: int, rate: float) -> Trajectory:
    return _descend(start(depth), rate)


@partial(jax.jit, static_argnames="rate")  # one program for all starts of a depth
def _descend(stack: Stack, rate: float) -> Trajectory:
    return training.gradient_descent(
        loss_on(*pairs()), stack, rate=rate, steps=STEPS, every=10, record=lambda stack: stack
    )


@jax.jit
def increments(run: Trajectory) -> Stack:
    """Return the norms of all increments in depth, arrays of shape (times, L - 1)."""
    return jax.vmap(stacks.increments)(run.records)


def largest_increments(start: Start, depths: tuple[int, ...]) -> np.ndarray:
    """Return the largest increment over layers, times and arrays, for each depth."""
    runs = (increments(train(start, depth)) for depth in depths)
    return np.array([max(float(leaf.max()) for leaf in jax.tree.leaves(run)) for run in runs])
