"""Residual networks: ``h_{k+1} = h_k + f(h_k, theta_k) / L`` over a stack, by `jax.lax.scan`.

The network is the Euler scheme on its own interpolated weights; with another integrator it is
that scheme on the piecewise linear interpolation of its slices, the last slice repeated.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from resode_lib import blocks, stacks
from resode_lib._keys import Random
from resode_lib._types import Array, Block, Float, Scalar, Stack, State
from resode_lib.integrators import (
    CellField,
    Fraction,
    Integrator,
    euler,
    require_integrator,
    require_real,
)

__all__ = ["ResNet", "forward", "trajectory"]

Cell = tuple[Block, ...]
"""What one layer sees: its own slice, and the next one if a node of the integrator asks for it."""


def cells(stack: Stack, integrator: Integrator) -> Cell:
    """Return the cells of all layers: stacks, one after the other; the last slice repeats."""
    if integrator.nodes == (0,):
        return (stack,)
    following = jax.tree.map(lambda leaf: jnp.concatenate([leaf[1:], leaf[-1:]]), stack)
    return stack, following


def field_in(cell: Cell) -> CellField:
    """Return the field of one cell: the weights are interpolated linearly between its slices."""

    def field(r: Fraction, h: State) -> State:
        if r in (0, 1):
            return cell[int(r)](h)
        return jax.tree.map(lambda left, right: (1 - r) * left + r * right, *cell)(h)

    return field


def layer(integrator: Integrator, step_size: Scalar | int) -> Callable[[State, Cell], State]:
    """Return what one layer does, ``(h_k, cell_k) -> h_{k+1}``."""
    require_integrator(integrator)
    return lambda h, cell: integrator.step(field_in(cell), h, step_size)


def require_state(step: Callable[[State, Cell], State], stack: Stack, h: State) -> None:
    """Refuse states that a layer would change in shape or type; every layer takes the same.

    Raises:
        TypeError: if it does.
    """
    require_real(h)

    def first(stack: Stack, h: State) -> State:
        block = jax.tree.map(lambda leaf: leaf[0], stack)
        return step(h, (block, block))

    after = jax.eval_shape(first, stack, h)
    if (after.shape, after.dtype) != (h.shape, h.dtype):
        raise TypeError(
            f"a layer keeps shape and type of the state: got {h.dtype}{h.shape}, it returns "
            f"{after.dtype}{after.shape}. Give states and weights one type, for example "
            "h.astype(jnp.float64), and the residual the shape of its state."
        )


def step_or_default(step_size: Scalar | int | None, stack: Stack) -> Scalar | int:
    """Return ``step_size``, or ``1/L`` if it is None."""
    return 1 / stacks.depth(stack) if step_size is None else step_size


def forward(
    stack: Stack, h: State, *, integrator: Integrator = euler, step_size: Scalar | int | None = None
) -> State:
    """Return the last hidden state ``h_L``.

    Args:
        stack: the weights, leading axis ``L``.
        h: the input states ``h_0``, shape (..., d).
        integrator: the one-step method; Euler makes a residual network.
        step_size: what multiplies each residual, ``1/L`` unless given; may be traced.

    Returns:
        ``h_L``, shape (..., d).

    Raises:
        ValueError: if ``stack`` is no stack (see `resode_lib.stacks.depth`).

    Source: :cite:t:`marion2024implicit`, equation (1), without embedding and readout.
    """
    step = layer(integrator, step_or_default(step_size, stack))
    require_state(step, stack, h)
    return jax.lax.scan(lambda h, cell: (step(h, cell), None), h, cells(stack, integrator))[0]


def trajectory(
    stack: Stack, h: State, *, integrator: Integrator = euler, step_size: Scalar | int | None = None
) -> Float[Array, "steps *batch d"]:
    """Return all hidden states ``h_0..h_L``, shape (L + 1, ..., d).

    Args:
        stack: the weights, leading axis ``L``.
        h: the input states ``h_0``, shape (..., d).
        integrator: as in `forward`.
        step_size: as in `forward`.
    """
    step = layer(integrator, step_or_default(step_size, stack))
    require_state(step, stack, h)

    def recorded(h: State, cell: Cell) -> tuple[State, State]:
        h = step(h, cell)
        return h, h

    _, states = jax.lax.scan(recorded, h, cells(stack, integrator))
    return jnp.concatenate([h[None], states])


class ResNet(nnx.Module):
    """The whole model ``x -> B h_L`` with ``h_0 = A x``.

    Args:
        A: embedding, shape (d, inputs).
        stack: the residual weights, leading axis ``L``.
        B: readout, shape (outputs, d).

    Source: :cite:t:`marion2024implicit`, equation (1).
    """

    def __init__(self, A: Float[Array, "d i"], stack: Stack, B: Float[Array, "o d"]):
        stacks.depth(stack)
        self.A = nnx.Param(A)
        self.stack = stack
        self.B = nnx.Param(B)

    @classmethod
    def at_identity(
        cls, key: Random, *, inputs: int, outputs: int, width: int, hidden: int, depth: int
    ) -> "ResNet":
        """Draw the smooth initialisation: ``V = 0``, one Gaussian ``W`` for all layers.

        ``A`` stacks the identity on zeros and ``B`` reads the last ``outputs`` coordinates, so
        the residual part is the identity map at the start.

        Args:
            key: random key, or ``nnx.Rngs``.
            inputs: dimension of an input.
            outputs: dimension of a prediction.
            width: ``d``, the width of the states.
            hidden: ``m``, the number of hidden neurons of a layer.
            depth: ``L``.

        Raises:
            ValueError: if ``width`` is below ``inputs`` or ``outputs``.

        Source: :cite:t:`marion2024implicit`, Section 3 (initialisation).
        """
        if width < max(inputs, outputs):
            raise ValueError(
                f"the width must hold inputs and outputs: got width {width} for {inputs} inputs "
                f"and {outputs} outputs; take width >= {max(inputs, outputs)}."
            )
        block = blocks.TwoLayer.gaussian(key, width=width, hidden=hidden, outer_scale=0.0)
        B = jnp.eye(outputs, width, k=width - outputs)
        return cls(jnp.eye(width, inputs), stacks.tied(block, depth), B)

    def __call__(
        self, x: Float[Array, "*batch i"], *, forward: Callable[[Stack, State], State] = forward
    ) -> Float[Array, "*batch o"]:
        """Return the prediction, shape (..., outputs).

        Args:
            x: the inputs, shape (..., inputs).
            forward: how the states go through the stack, for example `resode_lib.adjoint.forward`
                with a choice of memory.
        """
        return forward(self.stack, x @ self.A[...].T) @ self.B[...].T
