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
from resode_lib._types import Array, Key, Scalar, Stack
from resode_lib.blocks import Outside
from resode_lib.control import Metric, Minimum

__all__ = ["TAU", "Minima", "Penalty", "active", "held", "minima"]


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

    roughness: float
    size: float
    metric: Metric


TAU = 1.0


def _data(samples: int = 12) -> tuple[Array, Array]:
    """Return points of the plane, and the points turned and bent that we want them to reach."""
    x = jax.random.normal(jax.random.key(1), (samples, 2))
    return x, jnp.stack([jnp.sin(2 * x[:, 1]), jnp.tanh(x[:, 0]) - 0.5 * x[:, 1]], axis=-1)


class Minima(NamedTuple):
    """The minimisers of each depth, as numbers.

    Attributes:
        depths: ``n``, shape (r,).
        values: the objective at the minimiser, shape (r,).
        controls: all entries of every slice, one array (n, 6) for each depth.
    """

    depths: np.ndarray
    values: np.ndarray
    controls: tuple[np.ndarray, ...]


@cache
def _solver(penalty: Penalty, slices: int) -> Callable[[Key, Array], Minimum]:
    x, y = _data()
    fit = control.terminal(lambda h: jnp.mean(jnp.sum((h - y) ** 2, axis=-1)))

    @jax.jit
    def solve(key: Key, layers: Array) -> Minimum:
        def value(stack: Stack) -> Scalar:
            # N layers with the step 1/n, of which the last N - n neither move nor cost.
            first, smooth = active(stack, layers), held(stack, layers)
            terms = [(1, fit), (penalty.size, control.squared_norm)]
            rest = control.objective(x, terms, horizon=slices / layers)(first)
            rough = control.roughness(TAU)(smooth, x[None], 1 / layers)
            return rest + penalty.roughness * rough

        key = jax.random.fold_in(key, layers)
        start = stacks.iid(lambda key: Outside.gaussian(key, width=2, scale=2.0), key, slices)
        return control.minimise(value, start, metric=penalty.metric, tolerance=1e-6)

    return solve


def minima(depths: tuple[int, ...], *, penalty: Penalty, key: Key) -> Minima:
    """Minimise at each depth, from independent random slices.

    Args:
        depths: the depths; the deepest bounds the program.
        penalty: of the controls.
        key: random key of the starts, whose entries have standard deviation 2.
    """
    solve = _solver(penalty, max(depths))
    found = [solve(key, jnp.asarray(depth)).checked() for depth in depths]
    return Minima(
        np.array(depths),
        np.array([float(minimum.value) for minimum in found]),
        tuple(
            _entries(minimum.stack)[:depth] for depth, minimum in zip(depths, found, strict=True)
        ),
    )


def _entries(stack: Stack) -> np.ndarray:
    """Return all entries of every slice, shape (N, entries)."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(stack)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
