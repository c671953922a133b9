"""Horizon and penalty enter through their quotient only."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._steering import CROSSED, distance
from resode_lib import control, stacks
from resode_lib._types import Block, Key
from resode_lib.blocks import Inside, Outside

__all__ = ["CLAIM", "Config", "Result"]

LAYERS = 12


def relu_outside(key: Key) -> Block:
    """Return a block that is positively homogeneous, not linear, in its weights."""
    return Outside.gaussian(key, width=3, activation=jax.nn.relu)


def inside(key: Key) -> Block:
    """Return a block that is linear in its weights."""
    return Inside.gaussian(key, width=3)


def tanh_outside(key: Key) -> Block:
    """Return a block that saturates in its weights."""
    return Outside.gaussian(key, width=3)


@dataclass(frozen=True)
class Config:
    """Random controls, not minimisers: the identity holds for all."""

    blocks: tuple[Callable[[Key], Block], ...] = (inside, relu_outside)
    horizons: tuple[float, ...] = (0.5, 3.0, 20.0)
    penalty: float = 0.1


@dataclass(frozen=True)
class Result:
    """The relative differences of both costs, blocks by horizons."""

    differences: np.ndarray


def run(config: Config) -> Result:
    """Compare ``J_{T, lambda}(u)`` with ``J_{1, lambda/T}(v)`` for ``v(s) = T u(T s)``."""
    points = jnp.array(CROSSED)

    @jax.jit
    def cost(stack, penalty, horizon):
        terms = [(1, control.terminal(distance)), (penalty, control.squared_norm)]
        return control.objective(points, terms, horizon=horizon)(stack)

    def difference(draw: Callable[[Key], Block], T: float) -> float:
        v = stacks.iid(draw, jax.random.key(0), LAYERS)
        short = float(cost(v, config.penalty / T, 1.0))
        return abs(float(cost(control.stretch(v, 1.0, T), config.penalty, T)) - short) / short

    return Result(np.array([[difference(d, T) for T in config.horizons] for d in config.blocks]))


def judge(result: Result) -> tuple[Check, ...]:
    """Equal up to rounding over 12 layers."""
    return (Check("largest relative difference", float(result.differences.max()), high=1e-12),)


CLAIM = Claim(
    label="prop-horizon-scaling",
    chapter="control/turnpike",
    statement="For a residual homogeneous in its weights the cost over the horizon T with penalty "
    "lambda is the cost over 1 with penalty lambda / T of the controls T u(T s), also after "
    "Euler's scheme with as many layers.",
    source="proved in the chapter, after Esteve, Geshkovski, Pighin, Zuazua 2020",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"homogeneity in the weights": {"blocks": (tanh_outside,)}},
)
