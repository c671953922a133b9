"""Minimisers of regularised training at many depths, which two claims measure.

All depths share one program: a network of ``n`` layers is the first ``n`` of ``N`` slices.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from resode_lib import control, stacks
from resode_lib._types import Array, Block, Key, Scalar, Stack
from resode_lib.blocks import Outside
from resode_lib.control import Metric, Minimum

__all__ = [
    "TAU",
    "Data",
    "Minima",
    "Penalty",
    "active",
    "cost",
    "entries",
    "held",
    "minima",
    "tanh_layer",
]

TAU = 1.0


def active(stack: Stack, layers: Array) -> Stack:
    """Return the stack whose slices from ``layers`` on are zero: ``tanh(0) = 0`` moves nothing."""
    used = jnp.arange(stacks.depth(stack)) < layers
    return jax.tree.map(
        lambda leaf: jnp.where(used.reshape(-1, *(1,) * (leaf.ndim - 1)), leaf, 0.0), stack
    )


def held(stack: Stack, layers: Array) -> Stack:
    """Return the stack whose slices from ``layers`` on repeat the last one before: no roughness."""
    kept = jnp.minimum(jnp.arange(stacks.depth(stack)), layers - 1)
    return jax.tree.map(lambda leaf: leaf[kept], stack)


class Penalty(NamedTuple):
    """What we charge for roughness in depth and for size, and the metric that suits it."""

    roughness: Scalar
    size: Scalar
    metric: Metric


class Data(NamedTuple):
    """Where the samples start, and where we want them; both of shape (n, d)."""

    x: Array
    y: Array


class Minima(NamedTuple):
    """The minimisers of each depth.

    Attributes:
        values: the objective at the minimiser, shape (r,).
        stacks: the minimisers, ``n`` slices for each depth.
    """

    values: np.ndarray
    stacks: tuple[Stack, ...]


def cost(penalty: Penalty, stack: Stack, layers: Array, data: Data) -> Scalar:
    """Return the cost of the first ``layers`` slices: mean squared distance and penalty.

    It is ``N`` layers with the step ``1/n``, of which the last ``N - n`` neither move nor cost.

    Args:
        penalty: on roughness and size.
        stack: ``N`` slices.
        layers: ``n``, how many of them count.
        data: inputs and targets.
    """
    first, smooth = active(stack, layers), held(stack, layers)
    fit = control.terminal(lambda h: jnp.mean(jnp.sum((h - data.y) ** 2, axis=-1)))
    terms = [(1, fit), (penalty.size, control.squared_norm)]
    rest = control.objective(data.x, terms, horizon=stacks.depth(stack) / layers)(first)
    rough = control.roughness(TAU)(smooth, data.x[None], 1 / layers)
    return rest + penalty.roughness * rough


@cache
def _solver(metric: Metric, tolerance: float) -> Callable[..., Minimum]:
    @jax.jit
    def solve(start: Stack, layers: Array, data: Data, roughness: Scalar, size: Scalar) -> Minimum:
        penalty = Penalty(roughness, size, metric)
        return control.minimise(
            lambda stack: cost(penalty, stack, layers, data),
            start,
            metric=metric,
            tolerance=tolerance,
        )

    return solve


def tanh_layer(key: Key) -> Block:
    """Return the slice ``tanh(K x + b)`` of a start, with Gaussian entries."""
    return Outside.gaussian(key, width=2, scale=2.0)


def minima(
    depths: tuple[int, ...],
    *,
    penalty: Penalty,
    key: Key,
    data: Data,
    draw: Callable[[Key], Block] = tanh_layer,
    tolerance: float = 1e-6,
) -> Minima:
    """Minimise at each depth, from independent random slices.

    Args:
        depths: the depths; the deepest bounds the program.
        penalty: of the controls.
        key: random key of the starts.
        data: the samples.
        draw: a slice of the start; the entries have standard deviation 2.
        tolerance: of the gradient's norm for the penalty's metric.
    """
    solve = _solver(penalty.metric, tolerance)
    found = []
    for depth in depths:
        start = stacks.iid(draw, jax.random.fold_in(key, depth), max(depths))
        layers = jnp.asarray(depth)
        found.append(solve(start, layers, data, penalty.roughness, penalty.size).checked())
    return Minima(
        np.array([float(minimum.value) for minimum in found]),
        tuple(
            jax.tree.map(lambda leaf, n=depth: leaf[:n], minimum.stack)
            for depth, minimum in zip(depths, found, strict=True)
        ),
    )


def entries(stack: Stack) -> np.ndarray:
    """Return all entries of every slice, shape (L, entries)."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(stack)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
