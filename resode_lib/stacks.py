"""One block per layer: networks of depth ``L`` as a block with a leading axis ``L``.

Layer ``k`` (counted from 0) sits at depth ``s_k = k/L``. Paths ``s -> theta(s)`` are sampled into
stacks, and stacks are interpolated into paths.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from resode_lib._types import Block, Key, Path, Scalar, Stack

__all__ = ["depth", "iid", "piecewise_constant", "piecewise_linear", "sample", "tied"]


def depth(stack: Stack) -> int:
    """Return ``L``, the length that all leading axes of ``stack`` share.

    Raises:
        ValueError: if ``stack`` has no arrays, a scalar leaf, or leading axes that differ.
    """
    shapes = [leaf.shape for leaf in jax.tree.leaves(stack)]
    lengths = {shape[:1] for shape in shapes}
    if len(lengths) != 1 or lengths == {()}:
        raise ValueError(
            f"a stack has one leading axis, the depth, on every array; got shapes {shapes}. "
            "Build it with stacks.tied, stacks.iid or stacks.sample."
        )
    return lengths.pop()[0]


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
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (depth, *leaf.shape)), block)


def iid(draw: Callable[[Key], Block], key: Key, depth: int) -> Stack:
    """Return ``depth`` blocks drawn independently, one key each.

    Args:
        draw: makes a block from a key.
        key: random key.
        depth: ``L``.
    """
    _require_layers(depth)
    return jax.vmap(draw)(jax.random.split(key, depth))


def sample(path: Path, depth: int) -> Stack:
    """Return the slices of a path, ``theta_k = theta(k/L)`` for ``k = 0..L-1``.

    Args:
        path: the weights as a function of depth.
        depth: ``L``.
    """
    _require_layers(depth)
    return jax.vmap(path)(jnp.arange(depth) / depth)


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
