"""What one layer computes: the residual ``f(h, theta)``, without the step size ``1/L``.

Blocks act on the last axis, so a batch of states of shape (n, d) goes through as it is. They are
`flax.nnx` modules used as plain pytrees: arrays in ``nnx.Param``, everything else static.
"""

from collections.abc import Callable
from math import sqrt

import jax
import jax.numpy as jnp
from flax import nnx

from resode_lib._keys import Random, key_from
from resode_lib._types import Array, Float, State

__all__ = ["Inside", "Linear", "Outside", "TwoLayer", "gelu"]


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
        key: Random,
        *,
        width: int,
        hidden: int,
        outer_scale: float = 1.0,
        activation: Callable[[Array], Array] = jnp.tanh,
    ) -> "TwoLayer":
        """Draw standard Gaussian weights; ``outer_scale`` multiplies ``V`` (0: the identity).

        Args:
            key: random key, or ``nnx.Rngs``.
            width: ``d``, the width of the state.
            hidden: ``m``, the number of hidden neurons.
            outer_scale: standard deviation of the entries of ``V``.
            activation: elementwise function ``sigma``.
        """
        key_V, key_W = jax.random.split(key_from(key))
        V = outer_scale * jax.random.normal(key_V, (width, hidden))
        W = jax.random.normal(key_W, (hidden, width))
        return cls(V, W, activation=activation)

    def __call__(self, h: State) -> State:
        """Return ``V sigma(W h / sqrt(d)) / sqrt(m)``, shape (..., d)."""
        V, W = self.V[...], self.W[...]
        m, d = W.shape
        return self.activation(h @ W.T / sqrt(d)) @ V.T / sqrt(m)


def gelu(a: Array) -> Array:
    """Return the exact GELU, ``a Phi(a)`` with the Gaussian distribution function ``Phi``."""
    # Of two equal forms of Phi, the one that XLA computes faster on a CPU, by two and by a tenth.
    if a.dtype == jnp.float64:
        return a * jax.lax.erfc(-a / sqrt(2)) / 2
    return a * (1 + jax.lax.erf(a / sqrt(2))) / 2


def _require_bias(name: str, weights: Array, bias: Array) -> None:
    if weights.shape[-2:] != (bias.shape[-1],) * 2:
        raise ValueError(
            f"{name} needs a square matrix and a bias of its width, got shapes {weights.shape} and "
            f"{bias.shape}."
        )


class Inside(nnx.Module):
    """The residual ``f(h) = w sigma(h) + b``: the activation inside, linear in ``(w, b)``.

    Linear in the controls, hence homogeneous: ``f(h, a u) = a f(h, u)``.

    Args:
        w: the matrix, shape (d, d).
        b: the bias, shape (d,).
        activation: elementwise function ``sigma``.

    Raises:
        ValueError: if the shapes do not fit each other.

    Source: :cite:t:`esteve2020large`.
    """

    def __init__(
        self,
        w: Float[Array, "d1 d2"],
        b: Float[Array, " d3"],
        *,
        activation: Callable[[Array], Array] = jnp.tanh,
    ):
        _require_bias("Inside", w, b)
        self.w = nnx.Param(w)
        self.b = nnx.Param(b)
        self.activation = activation

    @classmethod
    def gaussian(
        cls,
        key: Random,
        *,
        width: int,
        scale: float = 1.0,
        activation: Callable[[Array], Array] = jnp.tanh,
    ) -> "Inside":
        """Draw Gaussian weights and biases.

        Args:
            key: random key, or ``nnx.Rngs``.
            width: ``d``, the width of the state.
            scale: standard deviation of all entries.
            activation: elementwise function ``sigma``.
        """
        return cls(*_gaussian_pair(key, width, scale), activation=activation)

    def __call__(self, h: State) -> State:
        """Return ``w sigma(h) + b``, shape (..., d)."""
        product = self.activation(h) @ self.w[...].T
        return product + jnp.broadcast_to(self.b[...], product.shape)


class Outside(nnx.Module):
    """The residual ``f(h) = sigma(K h + b)``: the activation outside.

    Args:
        K: the matrix, shape (d, d).
        b: the bias, shape (d,).
        activation: elementwise function ``sigma``.

    Raises:
        ValueError: if the shapes do not fit each other.

    Source: :cite:t:`thorpe2023deep`.
    """

    def __init__(
        self,
        K: Float[Array, "d1 d2"],
        b: Float[Array, " d3"],
        *,
        activation: Callable[[Array], Array] = jnp.tanh,
    ):
        _require_bias("Outside", K, b)
        self.K = nnx.Param(K)
        self.b = nnx.Param(b)
        self.activation = activation

    @classmethod
    def gaussian(
        cls,
        key: Random,
        *,
        width: int,
        scale: float = 1.0,
        activation: Callable[[Array], Array] = jnp.tanh,
    ) -> "Outside":
        """Draw Gaussian weights and biases.

        Args:
            key: random key, or ``nnx.Rngs``.
            width: ``d``, the width of the state.
            scale: standard deviation of all entries.
            activation: elementwise function ``sigma``.
        """
        return cls(*_gaussian_pair(key, width, scale), activation=activation)

    def __call__(self, h: State) -> State:
        """Return ``sigma(K h + b)``, shape (..., d)."""
        product = h @ self.K[...].T
        return self.activation(product + jnp.broadcast_to(self.b[...], product.shape))


def _gaussian_pair(key: Random, width: int, scale: float) -> tuple[Array, Array]:
    """Return a matrix and a vector with independent entries of standard deviation ``scale``."""
    key_matrix, key_vector = jax.random.split(key_from(key))
    matrix = jax.random.normal(key_matrix, (width, width))
    return scale * matrix, scale * jax.random.normal(key_vector, (width,))
