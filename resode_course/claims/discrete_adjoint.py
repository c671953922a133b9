"""Backpropagation as a recursion for costates, against derivatives that know nothing of it."""

from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from resode_course.claims import _costates, _reversal
from resode_course.claims._claim import Check, Claim
from resode_lib import resnet, stacks
from resode_lib._types import Array, Scalar, State
from resode_lib.blocks import TwoLayer

__all__ = ["CLAIM", "Config", "Result"]

TINY = 1e-30
"""The complex step: nothing is subtracted, so it can be as small as it likes."""


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


@partial(jax.jit, static_argnames=("transposed", "late"))
def _by_costates(
    stack: TwoLayer, start: State, sign: Scalar, transposed: bool, late: int
) -> tuple[Array, Array, Array]:
    """Return the derivatives by ``V``, ``W`` and the input."""
    step = 1 / stacks.depth(stack)
    states = resnet.trajectory(stack, start, step_size=step)
    p = _costates.costates(stack, states, states[-1], step, sign=sign, transposed=transposed)
    gradient = _costates.gradient(stack, states, p, late=late)
    return step * gradient.V[...], step * gradient.W[...], p[0]


def _loss(V: np.ndarray, W: np.ndarray, h: np.ndarray) -> complex:
    """Return the loss by its formula: it continues to complex weights and inputs."""
    depth, m, d = W.shape
    for v, w in zip(V, W, strict=True):
        h = h + np.tanh(h @ w.T / np.sqrt(d)) @ v.T / np.sqrt(m) / depth
    return complex(np.sum(h**2) / 2)


def run(config: Config) -> Result:
    """Differentiate along random directions, by costates and by complex steps."""
    stack, start = _reversal.alternating(config.depth)
    options = (float(config.sign), config.transposed, config.late)
    gradients = [np.asarray(leaf) for leaf in _by_costates(stack, start, *options)]
    point = [np.asarray(leaf) for leaf in (stack.V[...], stack.W[...], start)]
    rng = np.random.default_rng(2)

    def gap(moved: tuple[bool, bool, bool]) -> float:
        ours, theirs = [], []
        for _ in range(config.directions):
            along = [rng.standard_normal(x.shape) * on for x, on in zip(point, moved, strict=True)]
            ours.append(sum(np.sum(g * v) for g, v in zip(gradients, along, strict=True)))
            ahead = [x + 1j * TINY * v for x, v in zip(point, along, strict=True)]
            theirs.append(_loss(*ahead).imag / TINY)
        return float(np.abs(np.subtract(ours, theirs)).max() / np.abs(theirs).max())

    return Result(gap((True, True, False)), gap((False, False, True)))


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
