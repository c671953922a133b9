"""Backpropagation as a recursion for costates, against derivatives that know nothing of it."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from resode_lib import resnet, stacks
from resode_lib._types import Array, Scalar, Stack, State
from resode_lib.claims import _costates, _reversal
from resode_lib.claims._claim import Check, Claim

__all__ = ["CLAIM", "Config", "Result"]

TINY = 1e-30
"""The complex step: nothing is subtracted, so it can be as small as it likes."""

SEED = 2


@dataclass(frozen=True)
class Config:
    """A two-layer network of width 8, ``l = sum ||h_L||^2 / 2``; the last three can be wrong."""

    depth: int = 16
    directions: int = 4
    transposed: bool = True
    sign: int = 1
    late: int = 1


@dataclass(frozen=True)
class Result:
    """Gaps between the two derivatives, relative to the largest derivative."""

    weights: float
    inputs: float


@partial(jax.jit, static_argnames=("directions", "transposed", "late"))
def _gaps(
    stack: Stack, start: State, sign: Scalar, directions: int, transposed: bool, late: int
) -> tuple[Array, Array]:
    """Return the gaps along weights and along inputs."""
    step = 1 / stacks.depth(stack)

    def derivative(stack_along: Stack, start_along: State) -> Array:
        moved = jax.tree.map(lambda leaf, v: leaf + 1j * TINY * v, stack, stack_along)
        last = resnet.forward(moved, start + 1j * TINY * start_along, step_size=step)
        return jnp.sum(last**2).imag / 2 / TINY

    states = resnet.trajectory(stack, start, step_size=step)
    p = _costates.costates(stack, states, states[-1], step, sign=sign, transposed=transposed)
    gradient = _costates.gradient(stack, states, p, late=late)

    def both_ways(key: Array) -> Array:
        v = jax.tree.map(lambda leaf: jax.random.normal(key, leaf.shape), stack)
        w = jax.random.normal(key, start.shape)
        products = jax.tree.map(lambda a, b: step * jnp.sum(a * b), gradient, v)
        ours = [sum(jax.tree.leaves(products)), jnp.sum(p[0] * w)]
        rest = jax.tree.map(jnp.zeros_like, v)
        return jnp.array([ours, [derivative(v, 0 * w), derivative(rest, w)]])

    ours, theirs = jnp.moveaxis(
        jax.vmap(both_ways)(jax.random.split(jax.random.key(SEED), directions)), 1, 0
    )
    return tuple(jnp.abs(ours - theirs).max(axis=0) / jnp.abs(theirs).max(axis=0))


def run(config: Config) -> Result:
    """Differentiate along random directions, by costates and by complex steps."""
    stack, start = _reversal.alternating(config.depth)
    options = (config.directions, config.transposed, config.late)
    return Result(*map(float, _gaps(stack, start, float(config.sign), *options)))


def judge(result: Result) -> tuple[Check, ...]:
    """An identity: nothing but rounding, which 16 layers do not amplify to ``1e-12``."""
    return (
        Check("gap of the derivatives along weights", result.weights, high=1e-12),
        Check("gap of the derivatives along inputs", result.inputs, high=1e-12),
    )


CLAIM = Claim(
    label="prop-discrete-adjoint",
    chapter="remember/adjoints",
    statement="Costates that go back with the transposed Jacobians of the layers give all "
    "derivatives of the loss, exactly.",
    source="classical; proof in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "the transpose": {"transposed": False},
        "the sign": {"sign": -1},
        "the costate behind the layer": {"late": 0},
    },
)
