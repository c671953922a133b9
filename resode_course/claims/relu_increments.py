"""With ReLU, neighbouring layers may part: a counterexample in closed form."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from resode_course.claims._claim import Check, Claim
from resode_lib import resnet, stacks, training
from resode_lib._types import Array, State

__all__ = ["CLAIM", "Config", "Result"]

TARGET = 2.0
"""``C``: the network is asked to map 1 to 2."""


class Scalar(nnx.Module):
    """The residual ``f(h) = sigma(w h)`` of a network of width one."""

    def __init__(self, w: Array, *, activation: Callable[[Array], Array]):
        self.w = nnx.Param(w)
        self.activation = activation

    def __call__(self, h: State) -> State:
        """Return ``sigma(w h)``."""
        return self.activation(self.w[...] * h)


def gelu(a: Array) -> Array:
    """Return the smooth relative of ReLU."""
    return jax.nn.gelu(a, approximate=False)


@dataclass(frozen=True)
class Config:
    """Depth ``2 L``, weights ``(-1)^k / (2 L)`` at the start, one pair ``(1, C)``, ``C = 2``.

    Time 200 is long enough for the loss to reach rounding.
    """

    depths: tuple[int, ...] = (16, 32, 64, 128)
    activation: Callable[[Array], Array] = jax.nn.relu
    rate: float = 0.1
    steps: int = 2000


@dataclass(frozen=True)
class Result:
    """The largest final increment per depth, and its closed form."""

    depths: tuple[int, ...]
    largest: np.ndarray
    exact: np.ndarray


def trained_increment(depth: int, config: Config) -> float:
    """Train from alternating weights; return the largest final increment in depth."""
    signs = jnp.where(jnp.arange(1, depth + 1) % 2, -1.0, 1.0)
    stack = jax.vmap(lambda w: Scalar(w, activation=config.activation))(signs / depth)
    run = training.gradient_descent(
        lambda stack: jnp.sum((resnet.forward(stack, jnp.ones(1)) - TARGET) ** 2),
        stack,
        rate=config.rate,
        steps=config.steps,
        every=config.steps,
    )
    return float(stacks.increments(run.parameters).w[...].max())


def run(config: Config) -> Result:
    """Measure, and evaluate ``2 L (C^(1/L) - 1) + 1/(2 L)`` for depth ``2 L``."""
    depths = np.array(config.depths)
    exact = depths * (TARGET ** (2 / depths) - 1) + 1 / depths
    largest = np.array([trained_increment(depth, config) for depth in config.depths])
    return Result(config.depths, largest, exact)


def judge(result: Result) -> tuple[Check, ...]:
    """Exactly the closed form, and never below its limit ``2 log C``: no 1/L here."""
    error = np.abs(result.largest - result.exact).max()
    smallest = float(result.largest.min())
    return (
        Check("largest distance to the closed form", float(error), high=1e-9),
        Check("smallest increment over depths", smallest, low=2 * np.log(TARGET)),
    )


CLAIM = Claim(
    label="prop-relu-increments",
    chapter="train/implicit-regularization",
    statement=(
        "With ReLU, increments of order 1/L at the start can end above 2 log C for every depth: "
        "smoothness of the activation is needed."
    ),
    source="Marion, Wu, Sander, Biau 2023, Appendix D",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"an activation with a kink": {"activation": gelu}},
)
