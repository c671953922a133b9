"""Random nodes need no smoothness: their error is O(1/sqrt(m)) in mean square."""

from collections.abc import Callable
from dataclasses import dataclass
from math import expm1

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._width import INTEGRAND, LIPSCHITZ, exact, keep, network
from resode_lib import variable_width
from resode_lib._types import Array, Key
from resode_lib.diagnostics import observed_slope
from resode_lib.variable_width import Grid

__all__ = ["CLAIM", "Config", "Result"]

DRAWS, DEPTH = 64, 4

Draw = Callable[[Key, int], Grid]


def one_node(key: Key, width: int) -> Grid:
    """Draw one node and use it ``m`` times."""
    return Grid(jnp.full(width, jax.random.uniform(key)), jnp.full(width, 1 / width))


def crowded(key: Key, width: int) -> Grid:
    """Draw squares of uniform variables, which crowd at zero, and weigh them alike."""
    grid = variable_width.random(key, width)
    return Grid(grid.nodes**2, grid.weights)


@dataclass(frozen=True)
class Config:
    """Four layers, tanh, 64 draws of the nodes, a kernel that jumps.

    Attributes:
        widths: ``m``.
        jump: where the kernel starts.
        draw: of the nodes.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128)
    jump: float = 1 / 3
    draw: Draw = variable_width.random


@dataclass(frozen=True)
class Result:
    """The error in mean square over nodes and draws, and its bound, per width."""

    widths: tuple[int, ...]
    errors: np.ndarray
    bounds: np.ndarray


@jax.jit
def _error(grids: Grid, jump: Array) -> Array:
    """Return the root mean square over nodes and draws; the grids have a leading axis of draws."""

    def squares(grid: Grid) -> Array:
        layers = Grid(*(jnp.tile(leaf, (DEPTH + 1, 1)) for leaf in grid))
        end = variable_width.forward(network(jump), exact(0.0, grid.nodes), layers, transfer=keep)
        return (end - exact(1.0, grid.nodes)) ** 2

    return jnp.sqrt(jax.vmap(squares)(grids).mean())


def run(config: Config) -> Result:
    """Average over draws; the solution is linear in depth, so the depth makes no error."""
    keys = jax.random.split(jax.random.key(0), DRAWS)
    drawn = [jax.vmap(lambda key, m=m: config.draw(key, m))(keys) for m in config.widths]
    errors = [_error(grids, config.jump) for grids in drawn]
    m = np.array(config.widths)
    bounds = expm1(LIPSCHITZ) / LIPSCHITZ * INTEGRAND * np.sqrt(m + 3) / m
    return Result(config.widths, np.array(errors, float), bounds)


def judge(result: Result) -> tuple[Check, ...]:
    """Below the bound, and falling with half an order, up to the noise of 64 draws."""
    slope = observed_slope(result.widths, result.errors).value
    return (
        Check("largest error / bound", float((result.errors / result.bounds).max()), high=1),
        Check("slope of the error", slope, high=-0.4),
    )


CLAIM = Claim(
    label="prop-random-nodes",
    chapter="control/variable-width",
    statement="On m independent uniform nodes the error in mean square is O(1/L + 1/sqrt(m)) for "
    "every bounded kernel, smooth or not.",
    source="proved in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "independent nodes": {"draw": one_node},
        "uniform nodes": {"draw": crowded},
    },
)
