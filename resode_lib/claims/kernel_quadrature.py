"""A network of continuous width is the limit of networks whose layers are quadratures."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_lib import kernels
from resode_lib._types import Array, Scalar
from resode_lib.claims._claim import Check, Claim
from resode_lib.diagnostics import observed_slope
from resode_lib.kernels import Grid, Network, Transfer

__all__ = ["CLAIM", "Config", "Result", "exact", "jumping", "smooth"]

FROM = 1 / 3
"""Where the kernel jumps in the control; never on the edge of a cell of ours."""


def exact(t: Scalar, x: Array) -> Array:
    """Return ``z(t, x) = x^2 + t e^(-x) / 2``, linear in ``t``: Euler's scheme makes no error."""
    return x**2 + t * jnp.exp(-x) / 2


def _network(start: float) -> Network:
    """Return the network of solution `exact` with the kernel ``(1 + t) e^x xi [xi > start]``."""
    # int xi z(t, xi) dxi over [start, 1], by the antiderivatives xi^4/4 and -(1 + xi) e^(-xi).
    square = (1 - start**4) / 4
    decay = (1 + start) * np.exp(-start) - 2 * np.exp(-1)

    def bias(t: Scalar, x: Array) -> Array:
        reached = (1 + t) * jnp.exp(x) * (square + t * decay / 2)
        return jnp.arctanh(jnp.exp(-x) / 2) - reached

    return Network(lambda t, x, xi: (1 + t) * jnp.exp(x) * xi * (xi > start), bias)


def smooth() -> Network:
    """Return the network with the smooth kernel."""
    return _network(0.0)


def jumping() -> Network:
    """Return the network whose kernel jumps at 1/3."""
    return _network(FROM)


def midpoint_weights(grid: Grid) -> Grid:
    """Return the grid as it is."""
    return grid


def no_weights(grid: Grid) -> Grid:
    """Return the grid with the weight one at each node: a matrix without the factor ``1/m``."""
    return Grid(grid.nodes, jnp.ones_like(grid.weights))


def nearest(values: Array, grid: Grid, following: Grid) -> Array:
    """Return the value of the nearest node."""
    distances = jnp.abs(following.nodes[:, None] - grid.nodes[None])
    return values[jnp.argmin(distances, axis=1)]


@dataclass(frozen=True)
class Config:
    """Three layers, tanh; the width is a multiple of four."""

    widths: tuple[int, ...] = (16, 32, 64, 128)
    depth: int = 3
    network: Callable[[], Network] = smooth
    weights: Callable[[Grid], Grid] = midpoint_weights
    transfer: Transfer = kernels.interpolate


@dataclass(frozen=True)
class Result:
    """The largest errors at the last layer, per width, on a fixed and on a moving grid."""

    widths: tuple[int, ...]
    fixed: np.ndarray
    moving: np.ndarray


def fixed(width: int, depth: int) -> list[Grid]:
    """Return one uniform grid for all layers."""
    return [kernels.uniform(width)] * (depth + 1)


def moving(width: int, depth: int) -> list[Grid]:
    """Return grids of ``m``, ``5m/4`` and ``3m/4`` cells in turn, denser at one end with depth."""

    def grid(k: int) -> Grid:
        s = np.linspace(0, 1, width * (4, 5, 3)[k % 3] // 4 + 1)
        return kernels.cells(jnp.asarray(s + k / depth * s * (1 - s) / 2))

    return [grid(k) for k in range(depth + 1)]


def run(config: Config) -> Result:
    """Run the network on its grids and compare with the solution."""
    network = config.network()

    @jax.jit
    def gap(grids: list[Grid]) -> Array:
        start = exact(0.0, grids[0].nodes)
        end = kernels.forward(network, start, grids, transfer=config.transfer)
        return jnp.max(jnp.abs(end - exact(1.0, grids[-1].nodes)))

    def error(grids: list[Grid]) -> float:
        return float(gap([config.weights(grid) for grid in grids]))

    return Result(
        config.widths,
        np.array([error(fixed(width, config.depth)) for width in config.widths]),
        np.array([error(moving(width, config.depth)) for width in config.widths]),
    )


def judge(result: Result) -> tuple[Check, ...]:
    """Second order in the width on both."""

    def slope(errors: np.ndarray) -> float:
        return observed_slope(result.widths, errors).value

    return (
        Check("slope on a fixed grid", slope(result.fixed), high=-1.9),
        Check("slope on a moving grid", slope(result.moving), high=-1.9),
    )


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
        "a smooth kernel": {"network": jumping},
        "the weights of the quadrature": {"weights": no_weights},
        "linear transfer": {"transfer": nearest},
    },
)
