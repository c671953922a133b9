"""What the claims about adjoints share: costates and gradients by the formulas, right or wrong."""

import jax
import jax.numpy as jnp

from resode_lib import stacks
from resode_lib._types import Array, Scalar, Stack, State

__all__ = ["by_layer", "costates", "gradient"]


def costates(
    stack: Stack,
    states: Array,
    last: State,
    step_size: Scalar,
    *,
    transposed: bool = True,
    sign: Scalar = 1,
    end: int = 0,
) -> Array:
    """Return ``p_0..p_L`` of ``p_k = p_{k+1} + step J^T p_{k+1}``, ``J = Df(h_k, theta_k)``.

    Args:
        stack: the weights.
        states: ``h_0..h_L``.
        last: ``p_L``.
        step_size: the step.
        transposed: if not, ``J`` stands for its transpose.
        sign: of the step.
        end: 1 takes ``J`` at ``h_{k+1}``, the right end of the layer.
    """
    depth = stacks.depth(stack)

    def back(p: State, layer: tuple) -> tuple[State, State]:
        block, h = layer
        move = jax.vjp(block, h)[1](p)[0] if transposed else jax.jvp(block, (h,), (p,))[1]
        p = p + sign * step_size * move
        return p, p

    _, earlier = jax.lax.scan(back, last, (stack, states[end : depth + end]), reverse=True)
    return jnp.concatenate([earlier, last[None]])


def gradient(stack: Stack, states: Array, costates: Array, *, late: int = 1) -> Stack:
    """Return ``(df/dtheta)(h_k, theta_k)^T p_{k+late}`` for every layer, the sum over samples.

    Args:
        stack: the layers.
        states: ``h_0, ..., h_L``.
        costates: ``p_0, ..., p_L``.
        late: 1 for the right formula, 0 for the costate before the layer.
    """

    def of_layer(block: Stack, h: State, p: State) -> Stack:
        return jax.vjp(lambda block: block(h), block)[1](p)[0]

    depth = stacks.depth(stack)
    return jax.vmap(of_layer)(stack, states[:-1], costates[late : depth + late])


def by_layer(gradient: Stack) -> Array:
    """Return one row of numbers for each layer."""
    leaves = jax.tree.leaves(gradient)
    return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in leaves], axis=1)
