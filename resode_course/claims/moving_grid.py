"""Grids that move: few changes keep the second order, creeping in every layer loses one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import exp, expm1

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._width import LIPSCHITZ, SECOND, STATE, exact, nearest, network
from resode_lib import variable_width
from resode_lib._types import Array
from resode_lib.diagnostics import observed_slope
from resode_lib.variable_width import Transfer

__all__ = ["CLAIM", "Config", "Result"]


def nodes(s: np.ndarray | float, cells: int) -> np.ndarray:
    """Return nodes that move to the right, by ``s/8`` in the middle; the ends stay.

    Args:
        s: depths, shape (...).
        cells: one less than the number of nodes.
    """
    u = np.linspace(0, 1, cells + 1)
    return u + np.asarray(s)[..., None] * u * (1 - u) / 2


def creeping(cells: int) -> np.ndarray:
    """Return a grid for each of ``m + 1`` depths, ever further to the right."""
    return nodes(np.arange(cells + 1) / cells, cells)


def changing(cells: int) -> np.ndarray:
    """Return three grids in turn, of ``m``, ``5m/4`` and ``3m/4`` cells, for a third each."""
    pieces = [nodes(s, parts * cells // 4) for s, parts in ((0.0, 4), (0.5, 5), (1.0, 3))]
    return np.stack([padded(pieces[min(3 * k // cells, 2)], cells) for k in range(cells + 1)])


def padded(grid: np.ndarray, cells: int) -> np.ndarray:
    """Repeat the node at one up to ``5m/4 + 1`` nodes: a repeated node has the weight zero."""
    missing = 5 * cells // 4 + 1 - grid.shape[-1]
    return np.concatenate([grid, np.ones((*grid.shape[:-1], missing))], axis=-1)


@dataclass(frozen=True)
class Config:
    """As many layers as cells, tanh, the trapezoidal rule; the number of cells is doubled.

    Attributes:
        cells: ``m`` of the first grid, multiples of twelve.
        few: whether the grid of the first measurement changes twice, or creeps in every layer.
        transfer: from grid to grid.
    """

    cells: tuple[int, ...] = (12, 24, 48, 96)
    few: bool = True
    transfer: Transfer = variable_width.interpolate


@dataclass(frozen=True)
class Result:
    """The largest error at the last nodes and its bound, per number of cells, in both ways.

    Attributes:
        cells: of the first grid.
        few: errors with two changes of the grid.
        few_bounds: their bounds.
        creeping: errors on a grid that creeps.
        creeping_bounds: their bounds.
    """

    cells: tuple[int, ...]
    few: np.ndarray
    few_bounds: np.ndarray
    creeping: np.ndarray
    creeping_bounds: np.ndarray


@cache
def _solver(transfer: Transfer) -> Callable[..., Array]:
    @jax.jit
    def error(grids: Array) -> Array:
        grid = variable_width.trapezoid(grids)
        end = variable_width.forward(network(), exact(0.0, grids[0]), grid, transfer=transfer)
        return jnp.abs(end - exact(1.0, grids[-1])).max()

    return error


def run(config: Config) -> Result:
    """Run both ways; the solution is linear in depth, so the depth makes no error."""
    error = _solver(config.transfer)
    crept = [error(padded(creeping(m), m)) for m in config.cells]
    few = [error(changing(m)) for m in config.cells] if config.few else crept
    spacing = np.array([1.5 / m for m in config.cells])  # the largest of nodes(1.0, m)
    coarsest = spacing / 0.75
    quadrature = expm1(LIPSCHITZ) / LIPSCHITZ * SECOND / 12
    return Result(
        config.cells,
        np.array(few, float),
        (exp(LIPSCHITZ) * 2 * STATE / 8 + quadrature) * coarsest**2,
        np.array(crept, float),
        exp(LIPSCHITZ) * STATE / 8 * spacing / 2 + quadrature * spacing**2,
    )


def judge(result: Result) -> tuple[Check, ...]:
    """Second order after two changes, first order on a creeping grid, both below the bound."""
    ratios = result.few / result.few_bounds, result.creeping / result.creeping_bounds
    few, crept = (
        observed_slope(result.cells, errors).value for errors in (result.few, result.creeping)
    )
    return (
        Check("two changes: slope of the error", few, high=-1.8),
        Check("two changes: error / bound", float(ratios[0].max()), high=1),
        Check("creeping: slope of the error", crept, high=-0.9),
        Check("creeping: error / bound", float(ratios[1].max()), high=1),
    )


CLAIM = Claim(
    label="prop-moving-grid",
    chapter="control/variable-width",
    statement="With linear transfer between moving grids, J changes cost O(J/m^2) at any depth, "
    "and a grid that creeps in every layer costs O(1/m).",
    source="proved in the chapter, after Esteve, Geshkovski, Pighin, Zuazua 2020",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "few changes": {"few": False},
        "linear transfer": {"transfer": nearest},
    },
)
