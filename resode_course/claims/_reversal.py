"""What the claims about reversed networks share: networks at any depth, walked there and back."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.flatten_util import ravel_pytree

from resode_course.claims._measure import StepSize
from resode_lib import adjoint, resnet, stacks
from resode_lib._types import Array, Numbers, Stack, State
from resode_lib.blocks import Linear, TwoLayer
from resode_lib.integrators import Integrator, euler

__all__ = [
    "Constants",
    "Network",
    "Sized",
    "alternating",
    "any_weights",
    "bounds",
    "constants",
    "gradient_errors",
    "on_a_kink",
    "padded",
    "smooth",
    "state_errors",
    "to_rest",
    "walk",
]

Network = Callable[[int], tuple[Stack, State]]
"""A stack of the given depth and the states at its input."""


@cache
def _pair(width: int, seed: int) -> tuple[Stack, State]:
    """Return two Gaussian two-layer blocks as a stack, and four states."""
    draw = partial(TwoLayer.gaussian, width=width, hidden=2 * width)
    keys = jax.random.split(jax.random.key(seed))
    return stacks.iid(draw, keys[0], 2), jax.random.normal(keys[1], (4, width))


def _mixed(weights: np.ndarray, width: int, seed: int) -> tuple[Stack, State]:
    """Return the layers ``weights[k, 0] theta_0 + weights[k, 1] theta_1``."""
    pair, start = _pair(width, seed)
    # By numpy: jnp would compile for every depth.
    mix = lambda leaf: jnp.asarray(np.tensordot(weights, np.asarray(leaf), 1))  # noqa: E731
    return jax.tree.map(mix, pair), start


def smooth(depth: int, width: int = 8, seed: int = 0) -> tuple[Stack, State]:
    """Return slices of the path ``cos(2 s) theta_0 + sin(2 s) theta_1``."""
    angles = 2 * np.arange(depth) / depth
    return _mixed(np.stack([np.cos(angles), np.sin(angles)], axis=1), width, seed)


def alternating(depth: int, width: int = 8, seed: int = 0) -> tuple[Stack, State]:
    """Return ``theta_0`` and ``theta_1`` in turn: bounded weights that jump at every layer."""
    return _mixed(np.eye(2)[np.arange(depth) % 2], width, seed)


@dataclass(frozen=True)
class Sized:
    """A network of a width and a seed; equal ones are one, so that walks are kept."""

    kind: Callable[[int, int, int], tuple[Stack, State]]
    width: int
    seed: int

    def __call__(self, depth: int) -> tuple[Stack, State]:
        """Return the network at a depth."""
        return self.kind(depth, self.width, self.seed)


def any_weights(width: int, seed: int) -> dict[str, Network]:
    """Return a network with smooth weights and one with weights that jump at every layer."""
    return {
        "smooth weights": Sized(smooth, width, seed),
        "alternating weights": Sized(alternating, width, seed),
    }


class Root(nnx.Module):
    """The residual ``f(h) = -theta sign(h) sqrt|h|``: not Lipschitz at 0."""

    def __init__(self, theta: Array):
        self.theta = nnx.Param(theta)

    def __call__(self, h: State) -> State:
        """Return the residual, elementwise."""
        return -self.theta[...] * jnp.sign(h) * jnp.sqrt(jnp.abs(h))


def to_rest(depth: int, width: int = 1, seed: int = 0) -> tuple[Stack, State]:
    """Return ``h' = -4 sign(h) sqrt|h|`` from 1: at rest from ``s = 1/2`` on, without memory."""
    return stacks.tied(Root(jnp.asarray(4.0)), depth), jnp.ones((1, 1))


class Kink(nnx.Module):
    """The residual ``f(h) = speed (1 - relu(h - place))``: Lipschitz, its derivative jumps."""

    def __init__(self, speed: Array, place: Array):
        self.speed = nnx.Param(speed)
        self.place = nnx.Param(place)

    def __call__(self, h: State) -> State:
        """Return the residual, elementwise; at the kink itself the derivative of relu is 0."""
        return self.speed[...] * (1 - jax.nn.relu(h - self.place[...]))


def on_a_kink(depth: int, width: int = 1, seed: int = 0) -> tuple[Stack, State]:
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

    Args:
        network: a stack and its start, by depth.
        depth: ``L``.
        integrator: what a layer does, and how it is undone.
        step_size: by depth.
        iterations: of the fixed point that corrects each layer on the way back.
        slices: of the program, at least ``depth``.
    """
    stack, start = network(depth)
    run = _walker(integrator, iterations)
    longer = padded(stack, slices if integrator.nodes == (0,) else depth)
    there, back = run(longer, start, jnp.asarray(step_size(depth)))
    return Walk(stack, *(np.asarray(states)[: depth + 1] for states in (there, back)))


def padded(stack: Stack, slices: int) -> Stack:
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
    """Return the largest ``||h~_k - h_k||`` over layers and samples, for each depth.

    Args:
        network: a stack and its start, by depth.
        depths: the depths ``L``.
        integrator: what a layer does, and how it is undone.
        step_size: by depth.
        iterations: of the fixed point that corrects each layer on the way back.
    """

    def error(depth: int) -> float:
        _, there, back = walk(network, depth, integrator, step_size, iterations, max(depths))
        with np.errstate(invalid="ignore", over="ignore"):  # what diverges may overflow
            return float(np.linalg.norm(back - there, axis=-1).max())

    return np.array([error(depth) for depth in depths])


def bounds(network: Network, depths: Numbers, *, step_size: StepSize) -> np.ndarray:
    """Return ``(e^Lambda - 1) C / L`` for each depth; ``C`` bounds ``f`` along the states."""

    def bound(depth: int) -> float:
        stack, there, _ = walk(network, depth, euler, step_size, 0, max(depths))
        largest = np.linalg.norm(np.diff(there, axis=0), axis=-1).max() / step_size(depth)
        return float(np.expm1(_lipschitz(stack, there[0])) * largest / depth)

    return np.array([bound(depth) for depth in depths])


class Constants(NamedTuple):
    """Lipschitz constants and bounds of a residual in a ball of states, the largest of all layers.

    Attributes:
        state: ``Lambda``, of ``f`` in the state.
        weights: ``M``, the largest norm of the derivative by the weights.
        state_slope: ``Lambda'``, the Lipschitz constant in the state of the derivative by it.
        weights_slope: ``M'``, that of the derivative by the weights.
    """

    state: float
    weights: float
    state_slope: float
    weights_slope: float


def constants(stack: Stack, states: np.ndarray) -> Constants:
    """Return constants for the ball around zero that holds the states.

    For ``f = V tanh(W h / sqrt(d)) / sqrt(m)`` with ``|tanh'| <= 1``, ``|tanh''| <= 4/(3 sqrt 3)``.
    Where the derivative of a `Kink` jumps it has none: 1 stands for them.
    """
    radius = float(np.linalg.norm(states, axis=-1).max())
    if isinstance(stack, Linear):
        theta = np.asarray(stack.theta[...])
        return Constants(np.linalg.norm(theta, ord=2, axis=(1, 2)).max(), radius, 0.0, 1.0)
    if not isinstance(stack, TwoLayer):
        return Constants(1.0, float(np.sqrt(2)), 1.0, 1.0)
    V, W = (np.asarray(leaf[...]) for leaf in (stack.V, stack.W))
    v, w = (np.linalg.norm(leaf, ord=2, axis=(1, 2)) for leaf in (V, W))
    scale = np.sqrt(V[0].size)
    bend = 4 / (3 * np.sqrt(3)) * np.linalg.norm(W, axis=2).max(axis=1) / np.sqrt(V.shape[1])
    of_weights = np.hypot(np.minimum(w * radius / scale, 1), v * radius / scale)
    slopes = np.hypot(w / scale, v / scale * (1 + bend * radius))
    found = (v * w / scale, of_weights, v * w / scale * bend, slopes)
    return Constants(*(float(each.max()) for each in found))


def _lipschitz(stack: Stack, start: np.ndarray) -> float:
    """Return the Lipschitz constant in the state, of a `Root` the slope at the first state."""
    if isinstance(stack, Root):
        first = jax.tree.map(lambda leaf: leaf[0], stack)
        return float(jnp.linalg.norm(jax.jacobian(first)(jnp.asarray(start[0])), ord=2))
    return constants(stack, start).state


def gradient_errors(
    network: Network, depths: Numbers, *, integrator: Integrator, step_size: StepSize
) -> np.ndarray:
    """Return the relative error of the whole gradient that keeps nothing, for each depth.

    The blocks are two-layer ones, the loss is ``sum ||h_L||^2 / 2``, and backpropagation is the
    reference. A step size is part of a program; to share programs it is ``1/L`` in all of them, and
    what another one has more is a factor of ``V``.

    Args:
        network: a stack and its start, by depth.
        depths: the depths ``L``.
        integrator: what a layer does, and how it is undone.
        step_size: by depth.
    """

    def error(depth: int) -> float:
        stack, start = network(depth)
        scaled = jax.vmap(TwoLayer)(step_size(depth) * depth * stack.V[...], stack.W[...])
        return float(_comparison(integrator, 1 / depth)(scaled, start))

    return np.array([error(depth) for depth in depths])


@cache
def _comparison(integrator: Integrator, step_size: float) -> Callable[..., Array]:
    def loss(stack: Stack, start: State, memory: adjoint.Memory) -> Array:
        scheme = {"integrator": integrator, "step_size": step_size}
        return (adjoint.forward(stack, start, memory=memory, **scheme) ** 2).sum() / 2

    @jax.jit
    def compare(stack: Stack, start: State) -> Array:
        exact = ravel_pytree(jax.grad(loss)(stack, start, adjoint.stored))[0]
        gap = ravel_pytree(jax.grad(loss)(stack, start, adjoint.reversing()))[0] - exact
        return jnp.linalg.norm(gap) / jnp.linalg.norm(exact)

    return compare
