"""What the claims about reversed networks share: networks at any depth, walked there and back."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from resode_course.claims._measure import StepSize
from resode_lib import adjoint, resnet, stacks
from resode_lib._types import Array, Numbers, Stack, State
from resode_lib.blocks import TwoLayer
from resode_lib.integrators import Integrator, euler

__all__ = [
    "Network",
    "alternating",
    "any_weights",
    "bounds",
    "gradient_errors",
    "on_a_kink",
    "smooth",
    "state_errors",
    "to_rest",
]

Network = Callable[[int], tuple[Stack, State]]
"""A stack of the given depth and the states at its input."""


@cache
def _pair() -> tuple[Stack, State]:
    """Return two Gaussian two-layer blocks of width 8 as a stack, and four states."""
    draw = partial(TwoLayer.gaussian, width=8, hidden=16)
    return stacks.iid(draw, jax.random.key(0), 2), jax.random.normal(jax.random.key(1), (4, 8))


def _mixed(weights: np.ndarray) -> tuple[Stack, State]:
    """Return the layers ``weights[k, 0] theta_0 + weights[k, 1] theta_1``."""
    pair, start = _pair()
    # By numpy: jnp would compile for every depth.
    mix = lambda leaf: jnp.asarray(np.tensordot(weights, np.asarray(leaf), 1))  # noqa: E731
    return jax.tree.map(mix, pair), start


def smooth(depth: int) -> tuple[Stack, State]:
    """Return slices of the path ``cos(2 s) theta_0 + sin(2 s) theta_1``."""
    angles = 2 * np.arange(depth) / depth
    return _mixed(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def alternating(depth: int) -> tuple[Stack, State]:
    """Return ``theta_0`` and ``theta_1`` in turn: bounded weights that jump at every layer."""
    return _mixed(np.eye(2)[np.arange(depth) % 2])


def any_weights() -> dict[str, Network]:
    """Return a network with smooth weights and one with weights that jump at every layer."""
    return {"smooth weights": smooth, "alternating weights": alternating}


class Root(nnx.Module):
    """The residual ``f(h) = -theta sign(h) sqrt|h|``: not Lipschitz at 0."""

    def __init__(self, theta: Array):
        self.theta = nnx.Param(theta)

    def __call__(self, h: State) -> State:
        """Return the residual, elementwise."""
        return -self.theta[...] * jnp.sign(h) * jnp.sqrt(jnp.abs(h))


def to_rest(depth: int) -> tuple[Stack, State]:
    """Return ``h' = -4 sign(h) sqrt|h|`` from 1: at rest from ``s = 1/2`` on, without memory."""
    return stacks.tied(Root(jnp.asarray(4.0)), depth), jnp.ones((1, 1))


class Kink(nnx.Module):
    """The residual ``f(h) = speed - relu(h - place)``: Lipschitz, its derivative jumps."""

    def __init__(self, speed: Array, place: Array):
        self.speed = nnx.Param(speed)
        self.place = nnx.Param(place)

    def __call__(self, h: State) -> State:
        """Return the residual, elementwise; at the kink itself the derivative of relu is 0."""
        return self.speed[...] - jax.nn.relu(h - self.place[...])


def on_a_kink(depth: int) -> tuple[Stack, State]:
    """Return a network whose states ``h_k = k/L`` all sit on the kink of their layer."""
    places = np.arange(depth) / depth
    return Kink(jnp.asarray(np.ones(depth)), jnp.asarray(places)), jnp.zeros((1, 1))


class Walk(NamedTuple):
    """The states of a network, shape (L + 1, n, d), and the same recovered from the last."""

    stack: Stack
    there: np.ndarray
    back: np.ndarray


@cache
def walk(
    network: Network,
    depth: int,
    integrator: Integrator,
    step_size: StepSize,
    iterations: int,
    slices: int,
) -> Walk:
    """Walk through a network and back, in a program for ``slices`` layers of which it uses some.

    A method that looks at the next slice too would see that the last layer is not the end: its
    programs have ``depth`` layers.
    """
    stack, start = network(depth)
    run = _walker(integrator, iterations)
    longer = _at_rest_after(stack, slices if integrator.nodes == (0,) else depth)
    there, back = run(longer, start, jnp.asarray(step_size(depth)))
    return Walk(stack, *(np.asarray(states)[: depth + 1] for states in (there, back)))


def _at_rest_after(stack: Stack, slices: int) -> Stack:
    """Append layers whose weights are zero: they move nothing, there or back."""
    more = slices - stacks.depth(stack)
    longer = lambda leaf: np.pad(leaf, ((0, more), *((0, 0),) * (leaf.ndim - 1)))  # noqa: E731
    return jax.tree.map(lambda leaf: jnp.asarray(longer(np.asarray(leaf))), stack)


@cache  # all weights and all step sizes share one program, and with Euler all depths
def _walker(integrator: Integrator, iterations: int) -> Callable[..., tuple[Array, Array]]:
    @jax.jit
    def run(stack: Stack, start: State, step_size: Array) -> tuple[Array, Array]:
        # A step size given as such would be part of the program.
        step, reverse = (
            lambda field, h, one, move=move: move(field, h, one * step_size)
            for move in (integrator.step, integrator.reverse)
        )
        scheme = {"integrator": integrator._replace(step=step, reverse=reverse), "step_size": 1.0}
        states = resnet.trajectory(stack, start, **scheme)
        return states, adjoint.reconstruction(stack, states[-1], iterations=iterations, **scheme)

    return run


def state_errors(
    network: Network,
    depths: Numbers,
    *,
    integrator: Integrator,
    step_size: StepSize,
    iterations: int = 0,
) -> np.ndarray:
    """Return the largest ``||h~_k - h_k||`` over layers and samples, for each depth."""

    def error(depth: int) -> float:
        _, there, back = walk(network, depth, integrator, step_size, iterations, max(depths))
        with np.errstate(invalid="ignore", over="ignore"):  # what diverges may overflow
            return float(np.linalg.norm(back - there, axis=-1).max())

    return np.array([error(depth) for depth in depths])


def bounds(network: Network, depths: Numbers, *, step_size: StepSize) -> np.ndarray:
    """Return ``(e^Lambda - 1) C / L`` for each depth.

    ``C`` is the largest residual along the states, ``Lambda`` the largest Lipschitz constant of a
    two-layer block, ``||V|| ||W|| / sqrt(d m)``; of another block the slope at the first state.
    """

    def bound(depth: int) -> float:
        stack, there, _ = walk(network, depth, euler, step_size, 0, max(depths))
        largest = np.linalg.norm(np.diff(there, axis=0), axis=-1).max() / step_size(depth)
        return float(np.expm1(_lipschitz(stack, there[0])) * largest / depth)

    return np.array([bound(depth) for depth in depths])


def _lipschitz(stack: Stack, start: np.ndarray) -> float:
    if isinstance(stack, TwoLayer):
        V, W = (np.asarray(leaf[...]) for leaf in (stack.V, stack.W))
        norms = [np.linalg.norm(leaf, ord=2, axis=(1, 2)) for leaf in (V, W)]
        return float((norms[0] * norms[1]).max() / np.sqrt(V[0].size))
    first = jax.tree.map(lambda leaf: leaf[0], stack)
    return float(jnp.linalg.norm(jax.jacobian(first)(jnp.asarray(start[0])), ord=2))


def gradient_errors(
    network: Network, depths: Numbers, *, integrator: Integrator, step_size: StepSize
) -> tuple[np.ndarray, np.ndarray]:
    """Return the relative error of the whole gradient and the largest one of a layer, per depth.

    The loss is ``sum ||h_L||^2 / 2``. Backpropagation is the reference.
    """

    def errors(depth: int) -> tuple[float, float]:
        compare = _comparison(integrator, step_size(depth))
        return tuple(map(float, compare(*network(depth))))

    relative, largest = zip(*(errors(depth) for depth in depths), strict=True)
    return np.array(relative), np.array(largest)


@cache  # all weights share one program for each depth
def _comparison(integrator: Integrator, step_size: float) -> Callable[..., tuple[Array, Array]]:
    def loss(stack: Stack, start: State, memory: adjoint.Memory) -> Array:
        scheme = {"integrator": integrator, "step_size": step_size}
        return (adjoint.forward(stack, start, memory=memory, **scheme) ** 2).sum() / 2

    @jax.jit
    def compare(stack: Stack, start: State) -> tuple[Array, Array]:
        exact = _by_layer(jax.grad(loss)(stack, start, adjoint.stored))
        gap = _by_layer(jax.grad(loss)(stack, start, adjoint.reversing())) - exact
        per_layer = jnp.linalg.norm(gap, axis=1)
        return jnp.linalg.norm(gap) / jnp.linalg.norm(exact), per_layer.max()

    return compare


def _by_layer(gradient: Stack) -> Array:
    """Return one row of numbers per layer."""
    leaves = jax.tree.leaves(gradient)
    return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in leaves], axis=1)
