"""Layers that read through a window that travels: a grid that follows it errs less."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import variable_width
from resode_lib._types import Array, Scalar
from resode_lib.variable_width import Network

__all__ = ["CLAIM", "Config", "Result", "center", "nodes", "start", "window"]

DEPTH, FINE = 8, 1025


def center(s: Scalar) -> Scalar:
    """Return the middle of the window, which travels with depth from 0.15 to 0.85."""
    return 0.15 + 0.7 * s


def window(radius: Scalar) -> Network:
    """Return the network whose layers read through a window of this radius and weight one."""

    def kernel(s: Scalar, x: Array, xi: Array) -> Array:
        u = (xi - center(s)) / radius
        return 2 * jnp.cos(2 * x) * 15 / 16 * jnp.maximum(1 - u**2, 0) ** 2 / radius

    return Network(kernel, lambda s, x: jnp.zeros_like(x))


def start(x: Array) -> Array:
    """Return the state at the start, ``1 - x / 2``."""
    return 1 - x / 2


def nodes(s: float, width: int, radius: float, *, follow: bool = True) -> np.ndarray:
    """Return nodes from 0 to 1, equally spaced or nine times as dense in the window at depth s."""
    if not follow:
        return np.linspace(0, 1, width)
    # The density is 1 + 8 / (1 + u^2) with u = (x - center) / (1.5 radius); this is its integral.
    x = np.linspace(0, 1, FINE)
    mass = x + 12 * radius * np.arctan((x - center(s)) / (1.5 * radius))
    return np.interp(np.linspace(mass[0], mass[-1], width), mass, x)


@dataclass(frozen=True)
class Config:
    """Eight layers, tanh; a window that is about as wide as the largest equal spacing, or less.

    Attributes:
        widths: ``m``.
        radius: of the window.
        follow: whether the moving grid moves.
    """

    widths: tuple[int, ...] = (10, 14, 18)
    radius: float = 0.03
    follow: bool = True


@dataclass(frozen=True)
class Result:
    """The largest error over layers and nodes, relative to how far the state moves, per width."""

    widths: tuple[int, ...]
    moving: np.ndarray
    frozen: np.ndarray


@cache
def _solver() -> Callable[..., Array]:
    @jax.jit
    def states(grids: Array, radius: Array) -> Array:
        return variable_width.trajectory(
            window(radius), start(grids[0]), variable_width.trapezoid(grids)
        )

    return states


def run(config: Config) -> Result:
    """Compare with the same depth and 1,025 nodes, joined by lines."""
    depths = np.arange(DEPTH + 1) / DEPTH
    fine = np.tile(np.linspace(0, 1, FINE), (DEPTH + 1, 1))
    reference = np.array(_solver()(fine, config.radius))
    moved = np.abs(reference[-1] - reference[0]).max()

    def error(width: int, follow: bool) -> float:
        grids = np.stack([nodes(s, width, config.radius, follow=follow) for s in depths])
        states = np.array(_solver()(grids, config.radius))
        limits = [np.interp(x, fine[0], z) for x, z in zip(grids, reference, strict=True)]
        return float(np.abs(states - np.stack(limits)).max() / moved)

    errors = [[error(m, follow) for m in config.widths] for follow in (config.follow, False)]
    return Result(config.widths, *map(np.array, errors))


def judge(result: Result) -> tuple[Check, ...]:
    """The frozen grid errs several times as much at every width."""
    gain = float((result.frozen / result.moving).min())
    return (Check("least error of the frozen grid / of the moving one", gain, low=5),)


CLAIM = Claim(
    label="obs-moving-window",
    chapter="control/variable-width",
    statement="If layers read through a window that travels with depth and is hardly wider than "
    "the spacing of an equidistant grid, a grid of as many nodes that follows it errs several "
    "times less.",
    source="measured here",
    kind="finding",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a grid that follows the window": {"follow": False},
        "a narrow window": {"radius": 0.3},
    },
)
