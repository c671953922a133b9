"""Training as optimal control over depth: costs of weights and states, and their minimisers.

Depth is time. A network ``x_{k+1} = x_k + dt f(x_k, u_k)`` of ``L`` layers steers its data over
the horizon ``T = L dt``; the weights ``u`` of a layer are the controls, the same for all samples.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from resode_lib import resnet, stacks
from resode_lib._types import Array, Float, Scalar, Stack, State

__all__ = [
    "H1",
    "L2",
    "Cost",
    "Loss",
    "Metric",
    "Minimum",
    "Profile",
    "continuation",
    "minimise",
    "objective",
    "profile",
    "roughness",
    "running",
    "squared_norm",
    "stretch",
    "terminal",
]

States = Float[Array, "steps *batch d"]
Step = Scalar | int
Loss = Callable[[State], Scalar]
"""How far the states of one depth are from what we want, ``x -> E(x)``."""

Cost = Callable[[Stack, States, Step], Scalar]
"""A cost over depth, a function of the controls, the states ``x_0..x_L`` and the step ``dt``."""


def terminal(loss: Loss) -> Cost:
    """Return the cost ``E(x_L)`` of the last states."""
    return lambda stack, states, dt: loss(states[-1])


def running(loss: Loss) -> Cost:
    r"""Return :math:`\int_0^T E(x(t)) dt` by the trapezoidal sum over ``x_0..x_L``."""

    def cost(stack: Stack, states: States, dt: Step) -> Scalar:
        losses = jax.vmap(loss)(states)
        return dt * (jnp.sum(losses) - (losses[0] + losses[-1]) / 2)

    return cost


def squared_norm(stack: Stack, states: States, dt: Step) -> Scalar:
    r"""Return :math:`\int_0^T |u|^2 dt`, the sum ``dt sum_k |u_k|^2``, exact for constant pieces.

    The factor ``dt`` matters: a weight decay that lacks it changes with the depth.
    """
    return dt * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(stack))


def roughness(tau: Scalar) -> Cost:
    r"""Return :math:`\int_0^T |\dot u|^2 dt + \tau |u(0)|^2`, by differences of the slices.

    It is ``1/dt sum_k |u_{k+1} - u_k|^2 + tau |u_0|^2``, that is ``L sum_k`` on ``[0, 1]``. The
    second term charges constants, which have no roughness.

    Args:
        tau: the weight of the first slice, positive.

    Source: :cite:t:`thorpe2023deep`, after Haber and Ruthotto 2018.
    """

    def of_leaf(leaf: Array, dt: Step) -> Array:
        return jnp.sum((leaf[1:] - leaf[:-1]) ** 2) / dt + tau * jnp.sum(leaf[0] ** 2)

    return lambda stack, states, dt: sum(of_leaf(leaf, dt) for leaf in jax.tree.leaves(stack))


def objective(
    start: State, terms: Sequence[tuple[Scalar | int, Cost]], *, horizon: Scalar | int = 1
) -> Callable[[Stack], Scalar]:
    """Return the function ``u -> sum of weight * cost`` of a stack of any depth ``L``.

    Args:
        start: the data ``x_0``, shape (n, d).
        terms: pairs of a weight and a cost.
        horizon: ``T``, the network's depth as a time; the step is ``dt = T / L``.
    """

    def value(stack: Stack) -> Scalar:
        dt = horizon / stacks.depth(stack)
        states = resnet.trajectory(stack, start, step_size=dt)
        return jnp.asarray(sum(weight * cost(stack, states, dt) for weight, cost in terms))

    return value


class Metric(NamedTuple):
    """An inner product of stacks, as coordinates in which it is the Euclidean one.

    Attributes:
        coordinates: ``stack -> coordinates``, a tree of the same shapes.
        stack: the inverse.
    """

    coordinates: Callable[[Stack], Stack]
    stack: Callable[[Stack], Stack]


def _increments(leaf: Array) -> Array:
    return jnp.concatenate([leaf[:1], (leaf[1:] - leaf[:-1]) * sqrt(len(leaf))])


def _sums(leaf: Array) -> Array:
    return jnp.cumsum(jnp.concatenate([leaf[:1], leaf[1:] / sqrt(len(leaf))]), axis=0)


def _each(transform: Callable[[Array], Array]) -> Callable[[Stack], Stack]:
    return lambda stack: jax.tree.map(transform, stack)


L2 = Metric(_each(lambda leaf: leaf / sqrt(len(leaf))), _each(lambda leaf: leaf * sqrt(len(leaf))))
"""The mean over layers, ``1/L sum_k |u_k|^2``: the metric of `training.depth_gradient`.

:meta hide-value:
"""

H1 = Metric(_each(_increments), _each(_sums))
"""``|u_0|^2 + L sum_k |u_{k+1} - u_k|^2``: with `roughness` the iterations grow no more with ``L``.

:meta hide-value:
"""


class Minimum(NamedTuple):
    """Where a minimisation stopped.

    Attributes:
        stack: the controls.
        value: the objective there.
        gradient_norm: of the gradient for the metric of the minimisation, so that it means the
            same at every depth.
        iterations: how many were made.
        converged: whether the gradient norm reached the tolerance; a stationary point then, which
            need not be a global minimum.
    """

    stack: Stack
    value: Float[Array, "*levels"]
    gradient_norm: Float[Array, "*levels"]
    iterations: Array
    converged: Array

    def checked(self) -> "Minimum":
        """Return this minimum, outside of compiled code.

        Raises:
            RuntimeError: if it has not converged.
        """
        if not bool(jnp.all(self.converged)):
            raise RuntimeError(
                f"the minimisation stopped after {self.iterations} iterations at the gradient norm "
                f"{self.gradient_norm} and value {self.value}; start closer (control.continuation) "
                "or give a larger limit or tolerance."
            )
        return self


def minimise(
    objective: Callable[[Stack], Scalar],
    stack: Stack,
    *,
    metric: Metric = L2,
    tolerance: float = 1e-7,
    limit: int = 1000,
) -> Minimum:
    """Minimise over stacks by L-BFGS with a line search, in one compiled loop.

    It finds a stationary point near the start, not the global minimum that the theorems speak
    of: compare several starts, or follow a minimiser (`continuation`). To solve many problems of
    one shape put it under one ``jax.jit`` with what changes as an argument.

    Args:
        objective: a smooth function of the stack.
        stack: where to start.
        metric: in which steps and gradients are measured; it changes the way, not the minimiser.
        tolerance: stop at this norm of the gradient.
        limit: the largest number of iterations.

    Returns:
        Where it stopped; `Minimum.checked` raises where that is no stationary point.
    """
    start, unravelled = ravel_pytree(metric.coordinates(stack))

    def value_of(u: Array) -> Array:
        return jnp.asarray(objective(metric.stack(unravelled(u))))

    search = optax.lbfgs()
    value_and_gradient = optax.value_and_grad_from_state(value_of)

    def step(carry: tuple) -> tuple:
        u, value, gradient, memory, k = carry
        update, memory = search.update(
            gradient, memory, u, value=value, grad=gradient, value_fn=value_of
        )
        u = u + update
        return u, *value_and_gradient(u, state=memory), memory, k + 1

    def unfinished(carry: tuple) -> Array:
        _, _, gradient, _, k = carry
        return (k < limit) & (jnp.linalg.norm(gradient) > tolerance)

    initial = (start, *jax.value_and_grad(value_of)(start), search.init(start), jnp.asarray(0))
    u, value, gradient, _, k = jax.lax.while_loop(unfinished, step, initial)
    norm = jnp.linalg.norm(gradient)
    return Minimum(metric.stack(unravelled(u)), value, norm, k, norm <= tolerance)


def continuation(
    solve: Callable[[Stack, Any], Minimum],
    stack: Stack,
    levels: Sequence[Any],
    *,
    carry: Callable[[Stack, Any, Any], Stack],
) -> list[Minimum]:
    """Minimise at one level after another, each from the minimiser before.

    Over depths, from coarse to fine, ``carry=lambda u, _, depth: stacks.resample(u, depth)``; over
    horizons ``carry=stretch``.

    Args:
        solve: ``(start, level) -> minimum``.
        stack: the start at the first level.
        levels: the depths or horizons, in order.
        carry: ``(minimiser, its level, next level) -> start``.

    Returns:
        The minima, one for each level.

    Raises:
        RuntimeError: if one of them has not converged.
    """
    minima = [solve(stack, levels[0]).checked()]
    for level, following in zip(levels[:-1], levels[1:], strict=True):
        start = carry(minima[-1].stack, level, following)
        minima.append(solve(start, following).checked())
    return minima


def stretch(stack: Stack, horizon: Scalar | int, longer: Scalar | int) -> Stack:
    """Return the controls ``u(t T/T') T/T'`` on ``[0, T']``, with as many layers.

    A residual that is homogeneous in its weights goes through the same states.

    Args:
        stack: the controls on ``[0, T]``.
        horizon: ``T``.
        longer: ``T'``.
    """
    return jax.tree.map(lambda leaf: leaf * (horizon / longer), stack)


class Profile(NamedTuple):
    """What an optimal network does at each depth.

    Attributes:
        times: ``t_k = k dt`` for ``k = 0..L``, shape (L + 1,).
        losses: ``E(x_k)`` there, shape (L + 1,).
        norms: ``|u_k|`` on ``[t_k, t_{k+1})``, shape (L,).
    """

    times: Float[Array, " nodes"]
    losses: Float[Array, " nodes"]
    norms: Float[Array, " L"]


def profile(loss: Loss, stack: Stack, start: State, *, horizon: Scalar | int = 1) -> Profile:
    """Return loss and control norm over depth, in which a turnpike shows as exponential decay.

    Args:
        loss: the loss of the states at one depth.
        stack: the controls.
        start: the data ``x_0``, shape (n, d).
        horizon: ``T``.

    Source: after :cite:t:`esteve2020large`.
    """
    dt = horizon / stacks.depth(stack)
    states = resnet.trajectory(stack, start, step_size=dt)
    squares = sum(leaf**2 for leaf in jax.tree.leaves(stacks.norms(stack)))
    times = dt * jnp.arange(len(states), dtype=states.dtype)
    return Profile(times, jax.vmap(loss)(states), jnp.sqrt(squares))
