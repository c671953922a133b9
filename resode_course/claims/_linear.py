"""Linear residual networks in training: what the claims about them share."""

from collections.abc import Callable
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from resode_lib import resnet, stacks, training
from resode_lib._types import Array, Stack
from resode_lib.blocks import Linear
from resode_lib.training import Trajectory

__all__ = [
    "WIDTH",
    "follow",
    "independent",
    "near_identity",
    "reflected",
    "rotated",
    "symmetric",
    "unbalanced",
    "zero",
]

WIDTH = 4


def zero(depth: int) -> Stack:
    """Return weights zero: the identity map."""
    return stacks.tied(Linear(jnp.zeros((WIDTH, WIDTH))), depth)


def independent(depth: int) -> Stack:
    """Return independent weights with entries of standard deviation 1/8."""
    normal = jax.random.normal
    return stacks.iid(lambda key: Linear(normal(key, (WIDTH, WIDTH)) / 8), jax.random.key(1), depth)


def unbalanced(depth: int) -> Stack:
    """Return weights zero but for the first layer, which halves the first coordinate."""
    halving = -0.5 * depth * jnp.zeros((WIDTH, WIDTH)).at[0, 0].set(1.0)
    return jax.vmap(Linear)(jnp.zeros((depth, WIDTH, WIDTH)).at[0].set(halving))


def _perturbation() -> Array:
    """Return a matrix of Frobenius norm 0.12, far from symmetric."""
    matrix = jax.random.normal(jax.random.key(0), (WIDTH, WIDTH))
    return 0.12 * matrix / jnp.linalg.norm(matrix)


def near_identity() -> Array:
    """Return a target at distance 0.12 from the identity."""
    return jnp.eye(WIDTH) + _perturbation()


def symmetric() -> Array:
    """Return a symmetric target near the identity."""
    return jnp.eye(WIDTH) + (_perturbation() + _perturbation().T) / 2


def rotated() -> Array:
    """Return a rotation of all coordinates, orthogonal and not symmetric, far from the identity."""
    skew = (_perturbation() - _perturbation().T) / 0.12
    return jax.scipy.linalg.expm(skew)


def reflected() -> Array:
    """Return a target of negative determinant, which no flow from the identity reaches."""
    return jnp.diag(jnp.array([-1.0, 1.0, 1.0, 1.0]))


def follow(stack: Stack, target: Array, times: np.ndarray) -> Trajectory:
    """Return the gradient flow on ``||Pi - B||_F^2`` with all weights at ``times``.

    ``Pi = (I + theta_L / L) ... (I + theta_1 / L)``; inputs are the unit vectors.
    """
    return flow(tuple(times.tolist()))(stack, target)


@cache  # starts and targets share one program for each depth
def flow(times: tuple[float, ...]) -> Callable[[Stack, Array], Trajectory]:
    """Return the compiled flow that is seen at ``times``."""
    seen = jnp.array(times)

    def walk(stack: Stack, target: Array) -> Trajectory:
        def loss(stack: Stack) -> Array:
            # Row i of the output is Pi e_i, so the matrix is the transpose of Pi.
            return jnp.sum((resnet.forward(stack, jnp.eye(WIDTH)) - target.T) ** 2)

        return training.gradient_flow(
            loss, stack, times=seen, record=lambda s: s.theta[...], tolerance=1e-10
        )

    return jax.jit(walk)
