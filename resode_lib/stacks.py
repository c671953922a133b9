"""One block per layer: networks of depth ``L`` as a block with a leading axis ``L``.

Layer ``k`` (counted from 0) sits at depth ``s_k = k/L``. Paths ``s -> theta(s)`` are sampled into
stacks, and stacks are interpolated into paths.
"""

from collections.abc import Callable
from math import ceil, sqrt
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.tree_util import keystr, tree_leaves_with_path

from resode_lib._keys import Random, key_from
from resode_lib._types import Array, Block, Key, Path, Scalar, Stack

__all__ = [
    "depth",
    "gaussian_process",
    "iid",
    "increments",
    "norms",
    "piecewise_constant",
    "piecewise_linear",
    "resample",
    "sample",
    "tied",
]

ROUGHEST = 0.05
"""The smallest length scale of `gaussian_process`."""


def depth(stack: Stack) -> int:
    """Return ``L``, the length that all leading axes of ``stack`` share.

    Raises:
        ValueError: if ``stack`` has no arrays, a scalar leaf, or leading axes that differ.
        TypeError: if it holds what is no weight: integers, or a variable that is no ``nnx.Param``,
            such as the running averages of ``nnx.BatchNorm`` and the keys of ``nnx.Dropout``.
    """
    require_weights(stack)
    shapes = [leaf.shape for leaf in jax.tree.leaves(stack)]
    lengths = {shape[:1] for shape in shapes}
    if len(lengths) != 1 or lengths == {()}:
        raise ValueError(
            f"a stack has one leading axis, the depth, on every array; got shapes {shapes}. "
            "Build it with stacks.tied, stacks.iid or stacks.sample."
        )
    return lengths.pop()[0]


def require_weights(tree: Any) -> None:
    """Refuse state that is no weight: a gradient would move it, or it would never move.

    Raises:
        TypeError: if a variable is no ``nnx.Param``, as the running averages of `nnx.BatchNorm` and
            the keys of `nnx.Dropout`, or an array is not of real or complex numbers.
    """
    for path, leaf in tree_leaves_with_path(tree, is_leaf=_is_variable):
        if _is_variable(leaf) and not isinstance(leaf, nnx.Param):
            raise TypeError(
                f"weights are nnx.Param, got {type(leaf).__name__} at {keystr(path)}; a layer is a "
                "function of state and weights: in place of nnx.BatchNorm take nnx.LayerNorm, or "
                "images.ConvBlock with its moments as values, and no nnx.Dropout."
            )
        for array in jax.tree.leaves(leaf):
            if not jnp.issubdtype(getattr(array, "dtype", float), jnp.inexact):
                raise TypeError(
                    f"weights are real numbers, got {array.dtype} at {keystr(path)}; make "
                    "whole numbers static attributes of the block: plain Python, no arrays."
                )


def _is_variable(leaf: object) -> bool:
    return isinstance(leaf, nnx.Variable)


def _require_layers(depth: int) -> None:
    if depth < 1:
        raise ValueError(f"a network needs at least one layer, got depth {depth}.")


def tied(block: Block, depth: int) -> Stack:
    """Return ``depth`` copies of one block: ``theta_k = theta`` for every layer.

    Example:
        >>> import jax.numpy as jnp
        >>> from resode_lib import blocks, stacks
        >>> stacks.depth(stacks.tied(blocks.Linear(jnp.eye(2)), 8))
        8
    """
    _require_layers(depth)
    require_weights(block)
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (depth, *leaf.shape)), block)


def iid(draw: Callable[[Key], Block], key: Random, depth: int) -> Stack:
    """Return ``depth`` blocks drawn independently, one key each.

    Args:
        draw: makes a block from a key.
        key: random key, or ``nnx.Rngs``.
        depth: ``L``.
    """
    _require_layers(depth)
    stack = jax.vmap(draw)(jax.random.split(key_from(key), depth))
    require_weights(stack)
    return stack


def sample(path: Path, depth: int) -> Stack:
    """Return the slices of a path, ``theta_k = theta(k/L)`` for ``k = 0..L-1``.

    Args:
        path: the weights as a function of depth.
        depth: ``L``.
    """
    _require_layers(depth)
    stack = jax.vmap(path)(jnp.arange(depth) / depth)
    require_weights(stack)
    return stack


def _cell(stack: Stack, s: Scalar):
    """Return the layer left of ``s``, the one right of it (the last repeats) and the fraction."""
    layers = depth(stack)
    k = jnp.clip(jnp.floor(layers * jnp.asarray(s)).astype(int), 0, layers - 1)
    left = jax.tree.map(lambda leaf: leaf[k], stack)
    right = jax.tree.map(lambda leaf: leaf[jnp.minimum(k + 1, layers - 1)], stack)
    return left, right, layers * jnp.asarray(s) - k


def piecewise_constant(stack: Stack) -> Path:
    """Return the path equal to ``theta_k`` on ``[k/L, (k+1)/L)``."""
    return lambda s: _cell(stack, s)[0]


def piecewise_linear(stack: Stack) -> Path:
    """Return the path through ``theta_k`` at ``k/L``, linear between, constant on the last cell.

    For slices of a smooth path it is ``O(1/L^2)`` away from that path on ``[0, 1 - 1/L]``.
    """

    def path(s: Scalar) -> Block:
        left, right, fraction = _cell(stack, s)
        return jax.tree.map(lambda a, b: (1 - fraction) * a + fraction * b, left, right)

    return path


def gaussian_process(draw: Callable[[Key], Block], key: Key, *, length_scale: float) -> Path:
    r"""Return a path whose entries are independent, smooth Gaussian processes in depth.

    :math:`\Theta(s) = \sum_j \varphi_j(s) \xi_j` with :math:`\xi_j` drawn by ``draw`` and
    :math:`\varphi_j(s) = e^{-u^2/2} u^j / \sqrt{j!}`, :math:`u = (s - 1/2) / \ell`, so that
    :math:`\sum_j \varphi_j(s) \varphi_j(s') = \exp(-(s - s')^2 / (2 \ell^2))`. Sampled at any
    depth it is the same path, which is what the limit theorems ask of an initialisation.

    Args:
        draw: makes a block with centred Gaussian entries from a key.
        key: random key.
        length_scale: ``l``, the distance in depth over which weights are alike.

    Raises:
        ValueError: if ``length_scale`` is below 0.05: too rough for the series.

    Source: :cite:t:`marion2024implicit`, Section 4 and Appendix A (smooth initialisation).
    """
    if length_scale < ROUGHEST:
        raise ValueError(
            f"gaussian_process needs length_scale >= {ROUGHEST}, got {length_scale}; for rougher "
            "weights use stacks.iid."
        )
    mean = (0.5 / length_scale) ** 2
    # phi_j^2 is a Poisson law of this mean at most: ten standard deviations beyond lie below 1e-16.
    terms = jnp.arange(ceil(mean + 10 * sqrt(mean) + 30))
    coefficients = jax.vmap(draw)(jax.random.split(key, len(terms)))

    def path(s: Scalar) -> Block:
        u = (jnp.asarray(s) - 0.5) / length_scale
        factorials = jnp.exp(-0.5 * jax.scipy.special.gammaln(terms + 1.0))
        features = jnp.exp(-(u**2) / 2) * u**terms * factorials
        return jax.tree.map(lambda leaf: jnp.tensordot(features, leaf, 1), coefficients)

    return path


def norms(stack: Stack) -> Stack:
    """Return the Frobenius norm of every array of every layer: the same tree, shape (L,)."""
    return jax.tree.map(_norm_per_layer, stack)


def increments(stack: Stack) -> Stack:
    """Return ``||theta_{k+1} - theta_k||_F`` for every array: the same tree, shape (L - 1,).

    Raises:
        ValueError: for a single layer, which has no neighbour.
    """
    if depth(stack) < 2:
        raise ValueError("increments need at least two layers, got depth 1.")
    return jax.tree.map(lambda leaf: _norm_per_layer(leaf[1:] - leaf[:-1]), stack)


def _norm_per_layer(leaf: Array) -> Array:
    return jnp.sqrt(jnp.sum(leaf**2, axis=tuple(range(1, leaf.ndim))))


def resample(stack: Stack, depth: int) -> Stack:
    """Return the weights at another depth: `piecewise_linear` of the slices, at ``k/depth``.

    The old slices sit at ``j/L``, the new ones at ``k/depth``; beyond ``(L-1)/L`` the last slice
    repeats. For slices of a smooth path it is ``O(1/L^2)`` away from that path before, and
    ``O(1/L)`` there.

    Args:
        stack: the weights, depth ``L``.
        depth: the new depth.
    """
    return sample(piecewise_linear(stack), depth)
