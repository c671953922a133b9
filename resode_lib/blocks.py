"""What one layer computes: the residual ``f(h, theta)``, without the step size ``1/L``.

Blocks act on the last axis, so a batch of states of shape (n, d) goes through as it is. They are
`flax.nnx` modules used as plain pytrees: arrays in ``nnx.Param``, everything else static.
"""

from collections.abc import Callable
from math import sqrt

import jax
import jax.numpy as jnp
from flax import nnx

from resode_lib._types import Array, Float, Key, State

__all__ = ["Linear", "TwoLayer"]


class Linear(nnx.Module):
    """The linear residual ``f(h) = theta h``.

    Args:
        theta: the matrix, shape (d, d).

    Raises:
        ValueError: if ``theta`` is not square.

    Source: :cite:t:`sander2022residual`, linear case.
    """

    def __init__(self, theta: Float[Array, "d1 d2"]):
        if theta.shape[-1] != theta.shape[-2]:
            raise ValueError(
                f"Linear needs a square matrix, got shape {theta.shape}; "
                "a residual has the width of its state."
            )
        self.theta = nnx.Param(theta)

    def __call__(self, h: State) -> State:
        """Return ``theta h``, shape (..., d)."""
        return h @ self.theta[...].T


class TwoLayer(nnx.Module):
    r"""The two-layer residual ``f(h) = V sigma(W h / sqrt(d)) / sqrt(m)``.

    The factors ``1/sqrt(d)`` and ``1/sqrt(m)`` keep the residual of order one for Gaussian
    weights of any width. There is no bias, so ``f(0) = 0``.

    Args:
        V: outer weights, shape (d, m).
        W: inner weights, shape (m, d).
        activation: elementwise function ``sigma``.

    Raises:
        ValueError: if the shapes do not fit each other.

    Source: :cite:t:`marion2024implicit`, equation (1).
    """

    def __init__(
        self,
        V: Float[Array, "d m"],
        W: Float[Array, "m2 d2"],
        *,
        activation: Callable[[Array], Array] = jnp.tanh,
    ):
        if V.shape != W.shape[::-1]:
            raise ValueError(
                f"TwoLayer needs V of shape (d, m) and W of shape (m, d), got {V.shape} and "
                f"{W.shape}; transpose one of them."
            )
        self.V = nnx.Param(V)
        self.W = nnx.Param(W)
        self.activation = activation

    @classmethod
    def gaussian(
        cls,
        key: Key,
        *,
        width: int,
        hidden: int,
        outer_scale: float = 1.0,
        activation: Callable[[Array], Array] = jnp.tanh,
    ) -> "TwoLayer":
        """Draw standard Gaussian weights; ``outer_scale`` multiplies ``V`` (0: the identity).

        Args:
            key: random key.
            width: ``d``, the width of the state.
            hidden: ``m``, the number of hidden neurons.
            outer_scale: standard deviation of the entries of ``V``.
            activation: elementwise function ``sigma``.
        """
        key_V, key_W = jax.random.split(key)
        V = outer_scale * jax.random.normal(key_V, (width, hidden))
        W = jax.random.normal(key_W, (hidden, width))
        return cls(V, W, activation=activation)

    def __call__(self, h: State) -> State:
        """Return ``V sigma(W h / sqrt(d)) / sqrt(m)``, shape (..., d)."""
        V, W = self.V[...], self.W[...]
        m, d = W.shape
        return self.activation(h @ W.T / sqrt(d)) @ V.T / sqrt(m)
