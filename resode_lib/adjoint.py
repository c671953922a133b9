r"""Gradients of deep networks without the memory of deep networks.

Backpropagation needs the states ``h_L, ..., h_0`` in reverse. A `Memory` says where they come
from: all that was computed is stored, some of the states are, or none is and they are computed
again from ``h_L``, layer by layer. In the last case the memory does not grow with depth.

Give the whole batch to one call. `jax.vmap` over samples would keep one gradient of all weights
for each of them, while the loop over layers runs.
"""

import operator
from collections.abc import Callable
from functools import partial
from math import ceil, sqrt
from typing import NamedTuple

import jax
import jax.numpy as jnp

from resode_lib import resnet, stacks
from resode_lib._types import Array, Float, Stack, State
from resode_lib.integrators import Integrator, euler

__all__ = [
    "Memory",
    "checkpointed",
    "forward",
    "inversion_defect",
    "reconstruction",
    "reversing",
    "stored",
]

Number = int | float


class Memory(NamedTuple):
    """Where the backward pass takes the states of the layers from.

    Attributes:
        name: how the registry and the figures call it.
        run: ``(stack, h, integrator, step_size) -> h_L``, differentiable in its own way.
    """

    name: str
    run: Callable[[Stack, State, Integrator, Number], State]


def _stored(stack: Stack, h: State, integrator: Integrator, step_size: Number) -> State:
    return resnet.forward(stack, h, integrator=integrator, step_size=step_size)


def _checkpointed(stack: Stack, h: State, integrator: Integrator, step_size: Number) -> State:
    step = resnet.layer(integrator, step_size)
    resnet.require_state(step, stack, h)
    depth, cells = stacks.depth(stack), resnet.cells(stack, integrator)
    length = ceil(sqrt(depth))  # of a segment; the last one may be shorter
    count = depth // length

    layer = jax.checkpoint(lambda h, cell: (step(h, cell), None), prevent_cse=False)
    segment = jax.checkpoint(lambda h, cells: jax.lax.scan(layer, h, cells), prevent_cse=False)
    segments, rest = (
        jax.tree.map(
            lambda leaf: leaf[: count * length].reshape(count, length, *leaf.shape[1:]), cells
        ),
        jax.tree.map(lambda leaf: leaf[count * length :], cells),
    )
    h, _ = jax.lax.scan(segment, h, segments)
    return segment(h, rest)[0]


stored = Memory("stored", _stored)
"""Plain backpropagation. All that the layers computed is kept, memory grows with depth.

:meta hide-value:
"""

checkpointed = Memory("checkpointed", _checkpointed)
"""Exact, with memory that grows like the root of the depth.

The layers form about ``sqrt(L)`` segments. Only the states between segments are kept; on the way
back the states of one segment at a time are computed again, and then each layer. That is two more
forward passes. Nothing is inverted, so it is right for every layer.

:meta hide-value:
"""


def forward(
    stack: Stack,
    h: State,
    *,
    integrator: Integrator = euler,
    step_size: Number | None = None,
    memory: Memory = stored,
) -> State:
    """Return the last hidden state ``h_L``, as `resode_lib.resnet.forward` does.

    Args:
        stack: the weights, leading axis ``L``.
        h: the input states ``h_0``, shape (..., d), with all their batch axes.
        integrator: the one-step method.
        step_size: what multiplies each residual, ``1/L`` unless given.
        memory: where the states of the backward pass come from: `stored`,
            `checkpointed`, or `reversing` with a number of iterations.

    Returns:
        ``h_L``, shape (..., d).

    Raises:
        ValueError: if ``stack`` is no stack (see `resode_lib.stacks.depth`).
        TypeError: if ``memory`` or ``integrator`` is none, or a layer changes the state's type.
    """
    if not isinstance(memory, Memory):
        raise TypeError(
            f"memory is {memory!r}, a {type(memory).__name__}; expected adjoint.stored, "
            "adjoint.checkpointed, or adjoint.reversing(iterations), with the parentheses."
        )
    return memory.run(stack, h, integrator, resnet.step_or_default(step_size, stack))


def reversing(iterations: int = 0, *, tolerance: float | None = None) -> Memory:
    r"""Keep nothing: compute the states again from ``h_L``, with memory independent of depth.

    The reverse step :math:`\tilde h_k = \tilde h_{k+1} - f(\tilde h_{k+1}, \theta_k) / L` of Euler
    is explicit, hence approximate. Each of the ``iterations`` of

    .. math:: \tilde h_k \leftarrow \tilde h_k + (\tilde h_{k+1} - \Phi_k(\tilde h_k)),

    where :math:`\Phi_k` is the layer, divides its error by ``L / Lip(f)``: the gradient is off by
    ``O(L^-(1+j))`` with ``j`` iterations of Euler. If ``Lip(f) < L`` enough of them give the
    gradient to rounding; `inversion_defect` tells how many. If not, they diverge. Where the flow
    contracts strongly, going back amplifies even rounding errors: use `checkpointed`.

    Args:
        iterations: ``j``; 0 is the explicit reverse step.
        tolerance: the largest `inversion_defect` that is accepted. From a layer on that misses it,
            all the way back, the gradient is not a number instead of silently wrong. The layer is
            computed again anyway, so it costs little. Left out, nothing is checked.

    Raises:
        ValueError: if ``iterations`` is negative.
        TypeError: if it is no whole number; later, if a step size is traced.

    Source: :cite:t:`sander2022residual` for ``j = 0``.
    """
    iterations = _whole(iterations)

    def run(stack: Stack, h: State, integrator: Integrator, step_size: Number) -> State:
        if isinstance(step_size, jax.core.Tracer):
            raise TypeError(
                f"reversing needs a step size that is a plain number, got {step_size}, traced by "
                "JAX; give it as a static argument, or use adjoint.checkpointed, which takes any."
            )
        scheme = _scheme(stack, h, integrator, float(step_size), iterations)
        return _reversible(scheme._replace(tolerance=tolerance), stack, h)

    return Memory(f"reversing({iterations})", run)


def _whole(iterations: int) -> int:
    """Return a number of iterations, if it is one."""
    try:
        iterations = operator.index(iterations)
    except TypeError:
        raise TypeError(
            f"got {iterations!r} iterations; expected a whole number, 0 (explicit) or more."
        ) from None
    if iterations < 0:
        raise ValueError(f"got {iterations} iterations; expected 0 (the explicit step) or more.")
    return iterations


def reconstruction(
    stack: Stack,
    h: State,
    *,
    integrator: Integrator = euler,
    step_size: Number | None = None,
    iterations: int = 0,
) -> Float[Array, "steps *batch d"]:
    """Return the states that the backward pass of `reversing` sees, from ``h = h_L`` back.

    Args:
        stack: the weights, leading axis ``L``.
        h: the last states ``h_L``, shape (..., d).
        integrator: the one-step method.
        step_size: as in `forward`.
        iterations: as in `reversing`.

    Returns:
        The states ``h_0..h_L``, shape (L + 1, ..., d), as `resode_lib.resnet.trajectory` has them.
    """
    scheme = _scheme(stack, h, integrator, step_size, iterations)

    def back(h: State, k: Array) -> tuple[State, State]:
        h = scheme.inverse(h, _cell(stack, k))
        return h, h

    _, states = jax.lax.scan(back, h, jnp.arange(stacks.depth(stack)), reverse=True)
    return jnp.concatenate([states, h[None]])


def inversion_defect(
    stack: Stack,
    h: State,
    *,
    integrator: Integrator = euler,
    step_size: Number | None = None,
    iterations: int = 0,
) -> Float[Array, ""]:
    r"""Return :math:`\max_k \|\Phi_k(\tilde h_k) - \tilde h_{k+1}\| / \|\tilde h_{k+1}\|`.

    Norms are the largest entry over batch and width. A few units of rounding (``jnp.finfo(h.dtype)
    .eps``) mean that more ``iterations`` of `reversing` bring nothing. Where all states are zero it
    is absolute. The memory does not grow with depth.

    A small defect says that each layer maps the state that was found to the one behind it. Only if
    ``Lip(f) < L`` is that the state of the forward pass: else another one may lead there, too.

    Args:
        stack: the weights, leading axis ``L``.
        h: the last states ``h_L``, shape (..., d).
        integrator: the one-step method.
        step_size: as in `forward`.
        iterations: as in `reversing`.

    Raises:
        ValueError: if there are no samples.
    """
    if h.size == 0:
        raise ValueError(
            f"nothing to invert in states of shape {h.shape}; give one sample or more."
        )
    scheme = _scheme(stack, h, integrator, step_size, iterations)

    def back(state: tuple[State, Array], k: Array) -> tuple[tuple[State, Array], None]:
        after, worst = state
        cell = _cell(stack, k)
        h = scheme.inverse(after, cell)
        return (h, jnp.maximum(worst, _defect(scheme.layer(h, cell), after))), None

    start = (h, jnp.zeros((), h.dtype))
    return jax.lax.scan(back, start, jnp.arange(stacks.depth(stack)), reverse=True)[0][1]


def _defect(again: State, after: State) -> Array:
    """Return the largest entry of the difference, relative to the state unless that is zero."""
    size = jnp.abs(after).max()
    return jnp.abs(again - after).max() / jnp.where(size == 0, 1, size)


class _Scheme(NamedTuple):
    """A layer and its approximate inverse; hashable, since it says which program to compile."""

    integrator: Integrator
    step_size: Number
    iterations: int
    tolerance: float | None = None

    def layer(self, h: State, cell: resnet.Cell) -> State:
        return resnet.layer(self.integrator, self.step_size)(h, cell)

    def inverse(self, after: State, cell: resnet.Cell) -> State:
        h = self.integrator.reverse(resnet.field_in(cell), after, self.step_size)
        for _ in range(self.iterations):
            h = h + (after - self.layer(h, cell))
        return h


def _scheme(
    stack: Stack, h: State, integrator: Integrator, step_size: Number | None, iterations: int
) -> _Scheme:
    scheme = _Scheme(integrator, resnet.step_or_default(step_size, stack), _whole(iterations))
    resnet.require_state(scheme.layer, stack, h)
    return scheme


def _cell(stack: Stack, k: Array) -> resnet.Cell:
    """Return slice ``k`` and the next one, without a copy of the stack; the last one repeats."""
    following = jnp.minimum(k + 1, stacks.depth(stack) - 1)
    return tuple(jax.tree.map(lambda leaf, i=i: leaf[i], stack) for i in (k, following))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _reversible(scheme: _Scheme, stack: Stack, h: State) -> State:
    layers = jnp.arange(stacks.depth(stack))
    return jax.lax.scan(lambda h, k: (scheme.layer(h, _cell(stack, k)), None), h, layers)[0]


def _reversible_forward(scheme: _Scheme, stack: Stack, h: State) -> tuple[State, tuple]:
    last = _reversible(scheme, stack, h)
    return last, (stack, last)


def _reversible_backward(scheme: _Scheme, saved: tuple, a: State) -> tuple[Stack, State]:
    """Walk from the last layer to the first with state ``h`` and costate ``a``.

    Slice ``k + 1`` belongs to the cells ``k`` and ``k + 1``: its gradient waits in ``pending``
    until both have given their part, so that every slice is written once. The layer is computed
    again anyway: how far it misses the state behind it is the defect of the inversion.
    """
    stack, h = saved
    last = stacks.depth(stack) - 1

    def back(i: Array, carry: tuple) -> tuple:
        after, a, pending, gradient = carry
        k = last - i
        cell = _cell(stack, k)
        h = scheme.inverse(after, cell)
        again, pullback = jax.vjp(scheme.layer, h, cell)
        if scheme.tolerance is not None:
            a = jnp.where(_defect(again, after) <= scheme.tolerance, a, jnp.nan)
        a, (left, right) = pullback(a)
        finished = jax.tree.map(jnp.add, pending, right)
        gradient = _written(gradient, jnp.minimum(k + 1, last), finished)
        # The last cell sees the last slice twice.
        twice = jax.tree.map(lambda leaf: jnp.where(k == last, leaf, 0), right)
        return h, a, jax.tree.map(jnp.add, left, twice), gradient

    zeros = jax.tree.map(jnp.zeros_like, stack)
    start = (h, a, jax.tree.map(lambda leaf: leaf[0], zeros), zeros)
    _, a, pending, gradient = jax.lax.fori_loop(0, last + 1, back, start)
    return _written(gradient, 0, pending), a


def _written(gradient: Stack, k: Array | int, slice_: Stack) -> Stack:
    return jax.tree.map(lambda leaf, value: leaf.at[k].set(value), gradient, slice_)


_reversible.defvjp(_reversible_forward, _reversible_backward)
