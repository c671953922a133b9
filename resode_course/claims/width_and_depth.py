"""Width and depth together: a network of m neurons and L layers against its limit in both."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import expm1

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._width import CURVATURE, LIPSCHITZ, SECOND, exact, keep, network
from resode_lib import variable_width
from resode_lib._types import Array
from resode_lib.diagnostics import observed_slope
from resode_lib.variable_width import Grid

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """The midpoint rule on equal cells, tanh, a solution that is known.

    Attributes:
        depths: ``L``.
        widths: ``m``; the diagonal ``L = m^2`` must be among the pairs.
        jump: where the kernel starts; at 0 it is smooth, inside it jumps.
        power: of the quadrature weights; 0 leaves them out, a matrix without the factor ``1/m``.
        factor: whether residuals are multiplied by ``1/L``.
    """

    depths: tuple[int, ...] = (4, 16, 64, 256)
    widths: tuple[int, ...] = (2, 4, 8, 16)
    jump: float = 0.0
    power: float = 1.0
    factor: bool = True


@dataclass(frozen=True)
class Result:
    """The largest error over layers and nodes and its bound, shape (depths, widths)."""

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    errors: np.ndarray
    bounds: np.ndarray


@cache
def _solver(width: int) -> Callable[..., Array]:
    grid = variable_width.uniform(width)

    @jax.jit
    def error(depth: Array, jump: Array, power: Array, step: Array) -> Array:
        model, weighted = network(jump, curved=True), Grid(grid.nodes, grid.weights**power)

        def layer(k: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            z, worst = carry
            z = variable_width.layer(model, k / depth, z, weighted, weighted, step, keep)
            gap = jnp.abs(z - exact((k + 1) / depth, grid.nodes, curved=True))
            return z, jnp.maximum(worst, gap.max())

        start = exact(0.0, grid.nodes, curved=True)
        return jax.lax.fori_loop(0, depth, layer, (start, jnp.zeros(())))[1]

    return error


def run(config: Config) -> Result:
    """Run every pair of a depth and a width."""

    def error(depth: int, width: int) -> float:
        step = 1 / depth if config.factor else 1.0
        return float(_solver(width)(depth, config.jump, config.power, step))

    errors = [[error(depth, width) for width in config.widths] for depth in config.depths]
    L, m = np.array(config.depths)[:, None], np.array(config.widths)
    growth = expm1(LIPSCHITZ) / LIPSCHITZ
    bounds = growth * (CURVATURE / (2 * L) + SECOND / (24 * m**2))
    return Result(config.depths, config.widths, np.array(errors), bounds)


def judge(result: Result) -> tuple[Check, ...]:
    """Below the bound everywhere; with L = m^2, second order in the width."""
    pairs = [(result.depths.index(m**2), j) for j, m in enumerate(result.widths)]
    together = np.array([result.errors[pair] for pair in pairs])
    return (
        Check("largest error / bound", float((result.errors / result.bounds).max()), high=1),
        Check(
            "slope in the width, L = m^2", observed_slope(result.widths, together).value, high=-1.8
        ),
    )


CLAIM = Claim(
    label="thm-width-and-depth",
    chapter="control/variable-width",
    statement="A network of L layers on m nodes is within (e^Lambda - 1) / Lambda (C/(2L) + S Q) "
    "of its limit in both, with the quadrature error Q, which is O(1/m^2) for smooth kernels.",
    source="proved in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a smooth kernel": {"jump": 0.6},
        "the weights of the quadrature": {"power": 0.0},
        "the factor 1/L": {"factor": False},
    },
)
