"""A network of continuous width is the limit of networks whose layers are quadratures."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._width import exact, nearest, network
from resode_lib import variable_width
from resode_lib._types import Array
from resode_lib.diagnostics import observed_slope
from resode_lib.variable_width import Grid, Transfer

__all__ = ["CLAIM", "Config", "Result", "moving_edges"]


def moving_edges(width: int) -> list[np.ndarray]:
    """Return the cells of three grids, of ``m``, ``5m/4`` and ``3m/4``, ever denser at the end."""
    pieces = [np.linspace(0, 1, parts * width // 4 + 1) for parts in (4, 5, 3)]
    return [u + s * u * (1 - u) / 2 for s, u in zip((0, 0.5, 1), pieces, strict=True)]


@dataclass(frozen=True)
class Config:
    """Two layers between three grids, tanh; the width is a multiple of four.

    Attributes:
        widths: ``m``, the width of the first grid.
        jump: where the kernel starts; at 0 it is smooth, inside it jumps.
        power: of the quadrature weights; 0 leaves them out, a matrix without the factor ``1/m``.
        transfer: from grid to grid.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    jump: float = 0.0
    power: float = 1.0
    transfer: Transfer = variable_width.interpolate


@dataclass(frozen=True)
class Result:
    """The largest error at the nodes of the last grid, per width."""

    widths: tuple[int, ...]
    errors: np.ndarray


@cache
def _solver(transfer: Transfer) -> Callable[..., Array]:
    @jax.jit
    def error(edges: list[Array], jump: Array, power: Array) -> Array:
        grids = [variable_width.midpoint_rule(each) for each in edges]
        weighted = [Grid(grid.nodes, grid.weights**power) for grid in grids]
        start = exact(0.0, grids[0].nodes)
        end = variable_width.forward(network(jump), start, weighted, transfer=transfer)
        return jnp.max(jnp.abs(end - exact(1.0, grids[-1].nodes)))

    return error


def run(config: Config) -> Result:
    """Run the network on its grids and compare with the solution."""
    error = _solver(config.transfer)
    errors = [error(moving_edges(m), config.jump, config.power) for m in config.widths]
    return Result(config.widths, np.array(errors, float))


def judge(result: Result) -> tuple[Check, ...]:
    """Second order in the width."""
    slope = observed_slope(result.widths, result.errors).value
    return (Check("slope of the error", slope, high=-1.9),)


CLAIM = Claim(
    label="prop-kernel-quadrature",
    chapter="control/variable-width",
    statement="For smooth kernels a network of fixed depth on m cells is within O(1/m^2) of its "
    "limit of continuous width, also on grids that move, with linear transfer between them.",
    source="proved in the chapter, after Esteve, Geshkovski, Pighin, Zuazua 2020",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a smooth kernel": {"jump": 1 / 3},
        "the weights of the quadrature": {"power": 0.0},
        "linear transfer": {"transfer": nearest},
    },
)
