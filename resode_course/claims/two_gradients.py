"""Differentiate the network, or discretize the costate equation: two gradients, O(1/L) apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims import _costates, _reversal
from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import StepSize, no_factor, one_over_depth, slope_or_infinity
from resode_lib import resnet, stacks
from resode_lib._types import Array, Stack, State
from resode_lib.blocks import Linear

__all__ = ["CLAIM", "Config", "Result"]

RATE = 2.0


def scalar(depth: int) -> tuple[Stack, State]:
    """Return ``h' = 2 h`` in width one."""
    return stacks.tied(Linear(RATE * jnp.eye(1)), depth), jnp.ones((1, 1))


@dataclass(frozen=True)
class Config:
    """Two-layer networks of width 8, ``l = sum ||h_L||^2 / 2``; the hypotheses are fields."""

    depths: tuple[int, ...] = (32, 64, 128, 256)
    networks: Mapping[str, _reversal.Network] = field(default_factory=_reversal.any_weights)
    step_size: StepSize = one_over_depth


@dataclass(frozen=True)
class Result:
    """Relative distance of the two gradients, per network and depth, and of the scalar example."""

    depths: tuple[int, ...]
    gaps: dict[str, np.ndarray]
    scalar: np.ndarray


@jax.jit
def _gap(stack: Stack, start: State, step: Array) -> Array:
    states = resnet.trajectory(stack, start, step_size=step)
    p = _costates.costates(stack, states, states[-1], step)
    q = _costates.costates(stack, states, states[-1], step, end=1)
    exact = jax.tree.leaves(_costates.gradient(stack, states, p))
    other = jax.tree.leaves(_costates.gradient(stack, states, q, late=0))
    norm = lambda leaves: jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in leaves))  # noqa: E731
    return norm([a - b for a, b in zip(exact, other, strict=True)]) / norm(exact)


def _gaps(network: _reversal.Network, depths: tuple[int, ...], step_size: StepSize) -> np.ndarray:
    return np.array([float(_gap(*network(depth), step_size(depth))) for depth in depths])


def run(config: Config) -> Result:
    """Compute both gradients at each depth."""
    gaps = {
        name: _gaps(network, config.depths, config.step_size)
        for name, network in config.networks.items()
    }
    return Result(config.depths, gaps, _gaps(scalar, config.depths, one_over_depth))


def judge(result: Result) -> tuple[Check, ...]:
    """Order one, a tenth allowed; in the scalar example the distance is ``2/L``."""
    slopes = tuple(
        Check(f"slope of the distance, {name}", slope_or_infinity(result.depths, gaps), high=-0.9)
        for name, gaps in result.gaps.items()
    )
    off = np.abs(result.scalar * np.asarray(result.depths) / RATE - 1).max()
    return (*slopes, Check("scalar example: L distance / 2 - 1", float(off), high=1e-9))


CLAIM = Claim(
    label="prop-two-gradients",
    chapter="remember/adjoints",
    statement="The gradient from the costate equation, discretized by itself, is O(1/L) away from "
    "the gradient of the network's loss, relatively, and no closer in general.",
    source="proof in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a residual whose derivative is Lipschitz": {
            "networks": {"states on a kink": _reversal.on_a_kink}
        },
        "the factor 1/L": {"step_size": no_factor},
    },
)
