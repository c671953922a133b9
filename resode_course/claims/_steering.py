"""Optimal control of four points over a horizon, which the claims on long horizons measure.

All horizons and depths share one program: a network of ``L`` layers is the first ``L`` of ``N``
slices, and weights, data and horizon are its arguments.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._depth_limits import active
from resode_lib import control, stacks
from resode_lib._types import Array, Block, Float, Scalar, Stack
from resode_lib.blocks import Inside
from resode_lib.control import Loss, Minimum, Profile

__all__ = [
    "CROSSED",
    "TWINS",
    "Problem",
    "best",
    "cold",
    "distance",
    "of_degree",
    "resting",
    "steer",
]

Draw = Callable[..., Block]
"""How a block is drawn: ``(key, width=, scale=) -> block``."""

CROSSED = ((1.0, 1.0, 0.0), (1.0, -1.0, 0.0), (-1.0, 1.0, 0.0), (-1.0, -1.0, 0.0))
"""The corners of a square, with a third coordinate to pass one another."""

TWINS = ((1.0, 1.0, 0.0), (1.0, 1.0, 0.0), (-1.0, 1.0, 0.0), (-1.0, -1.0, 0.0))
"""Two points are the same: no flow sends them to two labels."""

STARTS = 4
"""How many starts are tried where the best is wanted."""

LABELS = (1.0, -0.5, -1.0, 0.5)
"""What the first coordinate of each point shall be; the order along it is not the data's."""


class Problem(NamedTuple):
    """What is minimised, over controls of a residual ``w tanh(x) + b``.

    Attributes:
        terminal: weight of the loss of the last states.
        running: weight of its integral over the horizon.
        penalty: ``lambda``, weight of the integral of ``|u|^2``.
        degree: 1 or 2, how the residual scales with its weights: they enter as ``u`` or ``u |u|``.
        points: where the samples start.
    """

    terminal: float = 0.0
    running: float = 0.0
    penalty: float = 0.1
    degree: float = 1.0
    points: tuple[tuple[float, ...], ...] = CROSSED


def distance(points: Float[Array, "n d"]) -> Float[Array, ""]:
    """Return the mean squared distance of the first coordinates from the labels."""
    return jnp.mean((points[:, 0] - jnp.array(LABELS)) ** 2)


def of_degree(stack: Stack, degree: Scalar) -> Stack:
    """Return the weights as the residual sees them: ``u`` for degree 1, ``u |u|`` for degree 2."""
    return jax.tree.map(lambda u: u * (2 - degree + (degree - 1) * jnp.abs(u)), stack)


def cold(layers: int, scale: float = 0.3, *, seed: int = 0, draw: Draw = Inside.gaussian) -> Stack:
    """Return one Gaussian block for all layers.

    Args:
        layers: how many.
        scale: standard deviation of the entries.
        seed: of the draw.
        draw: makes a block from a key.
    """
    return stacks.tied(draw(jax.random.key(seed), width=3, scale=scale), layers)


def resting(stack: Stack, layers: int) -> Stack:
    """Return the first layers; where there are fewer, layers that do nothing follow."""
    return jax.tree.map(
        lambda u: jnp.zeros((layers, *u.shape[1:])).at[: len(u)].set(u[:layers]), stack
    )


@cache
def _solver(loss: Loss) -> Callable[..., tuple]:
    def solve(start: Stack, layers: Array, horizon: Array, problem: Problem) -> tuple:
        points, slices = problem.points, stacks.depth(start)
        # N layers with the step T/L: the last N - L do not move, and their loss is taken off.
        whole = horizon * slices / layers
        terms = [
            (problem.terminal - problem.running * (whole - horizon), control.terminal(loss)),
            (problem.running, control.running(loss)),
        ]

        def value(stack: Stack) -> Scalar:
            first = active(stack, layers)
            steered = control.objective(points, terms, horizon=whole)(
                of_degree(first, problem.degree)
            )
            return steered + problem.penalty * control.squared_norm(
                first, points[None], horizon / layers
            )

        found = control.minimise(value, start, tolerance=1e-7, limit=3000)
        first = active(found.stack, layers)
        seen = of_degree(first, problem.degree)
        times, losses, _ = control.profile(loss, seen, points, horizon=whole)
        norms = control.profile(loss, first, points, horizon=whole).norms
        return found, Profile(times, losses, norms)

    return jax.jit(solve)


def steer(
    problem: Problem, start: Stack, *, layers: int, horizon: float
) -> tuple[Minimum, Profile]:
    """Minimise over the first ``layers`` slices; the others bound the program.

    Args:
        problem: losses and penalty.
        start: slices to begin with.
        layers: how many of them count.
        horizon: ``T``.

    Returns:
        The minimum, and the profile of the first layers as numpy arrays.

    Raises:
        RuntimeError: if it does not converge.
    """
    arrays = Problem(*(jnp.asarray(part, float) for part in problem))
    solve = _solver(distance)
    found, profile = solve(start, jnp.asarray(layers), jnp.asarray(horizon, float), arrays)
    times, losses, norms = map(np.asarray, profile)
    seen = Profile(times[: layers + 1], losses[: layers + 1], norms[:layers])
    return found.checked(), seen


def best(
    problem: Problem,
    *,
    layers: int,
    slices: int,
    horizon: float,
    seed: int,
    draw: Draw = Inside.gaussian,
) -> Stack:
    """Return the best of the minimisers from `STARTS` starts: ``layers`` slices, then rest.

    Theorems speak of the global minimum. A search may end at another one, in which the points stay
    in their plane; one that does not end is at no minimiser, and does not count.

    Args:
        problem: losses and penalty.
        layers: of the network.
        slices: of the program, at least ``layers``.
        horizon: ``T``.
        seed: of the starts.
        draw: makes a block from a key.

    Raises:
        RuntimeError: if no search ends.
    """
    found = []
    for n in range(STARTS):
        start = cold(slices, 2.0, seed=STARTS * seed + n, draw=draw)
        with suppress(RuntimeError):
            found.append(steer(problem, start, layers=layers, horizon=horizon)[0])
    if not found:
        raise RuntimeError(f"none of the searches from {STARTS} starts ended; take other starts.")
    least = min(found, key=lambda minimum: float(minimum.value))
    return resting(jax.tree.map(lambda u: u[:layers], least.stack), slices)
