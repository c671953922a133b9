"""The block whose derivative the benchmarks write by hand: the same numbers as `TwoLayer`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evidence.benchmarks.own_derivative import DERIVATIVES, FastTwoLayer
from resode_lib.blocks import TwoLayer

SIGMAS = pytest.mark.parametrize("sigma", DERIVATIVES, ids=lambda sigma: sigma.__name__)
TYPES = pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])


def value_and_gradients(make, sigma, dtype, batch, key):
    """The residual and its pullback of a fixed cotangent, for one drawing of the weights."""
    keys = jax.random.split(key, 4)
    V, W = (jax.random.normal(k, s, dtype) for k, s in zip(keys, [(4, 6), (6, 4)], strict=False))
    h, g = (jax.random.normal(k, (*batch, 4), dtype) for k in keys[2:])
    value, pullback = jax.vjp(lambda h, block: block(h), h, make(V, W, activation=sigma))
    dh, block = pullback(g)
    return value, dh, block.V[...], block.W[...]


@SIGMAS
@TYPES
@pytest.mark.parametrize("batch", [(), (7,), (2, 3)])
def test_the_fast_block_is_the_plain_block(sigma, dtype, batch, key):
    fast = value_and_gradients(FastTwoLayer, sigma, dtype, batch, key)
    plain = value_and_gradients(TwoLayer, sigma, dtype, batch, key)
    # Sums of at most 6 products of size 10: rounding stays below a hundred units in the last place.
    for a, b in zip(fast, plain, strict=True):
        assert a.dtype == b.dtype == dtype
        np.testing.assert_allclose(a, b, atol=100 * jnp.finfo(dtype).eps)


@SIGMAS
def test_a_row_of_the_table_is_the_function_and_its_derivative(sigma):
    a = jnp.linspace(-5, 5, 41)
    value, slope = DERIVATIVES[sigma](a)
    np.testing.assert_allclose(value, sigma(a), rtol=1e-15)
    np.testing.assert_allclose(slope, jax.vmap(jax.grad(sigma))(a), atol=1e-14)


def test_the_fast_block_goes_through_scan_and_vmap(key):
    def gradient(make):
        stack = jax.vmap(lambda k: make.gaussian(k, width=4, hidden=6))(jax.random.split(key, 5))

        def loss(stack, h):
            def layer(h, block):
                return h + block(h) / 5, None

            return (jax.lax.scan(layer, h, stack)[0] ** 2).sum()

        h = jax.random.normal(key, (3, 2, 4))
        return jax.vmap(jax.grad(loss), in_axes=(None, 0))(stack, h)

    fast, plain = jax.tree.leaves(gradient(FastTwoLayer)), jax.tree.leaves(gradient(TwoLayer))
    for a, b in zip(fast, plain, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)


def test_the_fast_block_stores_its_inputs_only(key):
    """The plain block keeps arrays of the hidden width m for the backward pass, the fast none."""
    h = jnp.ones((7, 4))

    def hidden_arrays(make):
        block = make.gaussian(key, width=4, hidden=6)
        _, pullback = jax.vjp(lambda h: block(h), h)
        return [leaf for leaf in jax.tree.leaves(pullback) if leaf.shape == (7, 6)]

    assert not hidden_arrays(FastTwoLayer)
    assert hidden_arrays(TwoLayer)


def test_an_activation_without_a_derivative_is_refused(key):
    with pytest.raises(ValueError, match=r"no derivative of .*only of \['tanh', 'gelu', 'relu'\]"):
        FastTwoLayer.gaussian(key, width=4, hidden=6, activation=jnp.sin)
