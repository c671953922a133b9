import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resode_lib.blocks import (
    DERIVATIVES,
    FastTwoLayer,
    Inside,
    Linear,
    Outside,
    TwoLayer,
    gelu,
)

WIDTH = 4
BLOCKS = {
    "linear": lambda key: Linear(jax.random.normal(key, (WIDTH, WIDTH))),
    "two-layer": lambda key: TwoLayer.gaussian(key, width=WIDTH, hidden=6),
    "inside": lambda key: Inside.gaussian(key, width=WIDTH),
    "outside": lambda key: Outside.gaussian(key, width=WIDTH),
    "fast two-layer": lambda key: FastTwoLayer.gaussian(key, width=WIDTH, hidden=6),
}
WITHOUT_BIAS = {name: BLOCKS[name] for name in ("linear", "two-layer", "fast two-layer")}


@pytest.mark.parametrize("make", BLOCKS.values(), ids=BLOCKS)
def test_a_batch_is_its_samples_one_by_one(make, key):
    block, h = make(key), jax.random.normal(key, (5, WIDTH))
    one_by_one = jnp.stack([block(sample) for sample in h])
    np.testing.assert_allclose(block(h), one_by_one, rtol=1e-13)


@pytest.mark.parametrize("make", WITHOUT_BIAS.values(), ids=WITHOUT_BIAS)
def test_zero_is_a_fixed_point(make, key):
    np.testing.assert_array_equal(make(key)(jnp.zeros(WIDTH)), jnp.zeros(WIDTH))


@pytest.mark.parametrize("make", BLOCKS.values(), ids=BLOCKS)
def test_the_gradient_agrees_with_central_differences(make, key):
    block, h = make(key), jax.random.normal(key, (WIDTH,))
    step = 1e-5  # the error of central differences is about step^2 + 1e-16/step = 1e-10

    def loss(block):
        return (block(h) ** 2).sum()

    gradient = jax.grad(loss)(block)
    direction = jax.tree.map(jnp.ones_like, block)

    def moved(distance):
        return jax.tree.map(lambda a, b: a + distance * b, block, direction)

    difference = (loss(moved(step)) - loss(moved(-step))) / (2 * step)
    slope = sum(leaf.sum() for leaf in jax.tree.leaves(gradient))
    np.testing.assert_allclose(slope, difference, rtol=1e-7)


def test_two_layer_is_its_formula(key):
    block, h = TwoLayer.gaussian(key, width=WIDTH, hidden=6), jnp.arange(4.0)
    V, W = np.asarray(block.V[...]), np.asarray(block.W[...])
    expected = V @ np.tanh(W @ h / np.sqrt(4)) / np.sqrt(6)
    np.testing.assert_allclose(block(h), expected, rtol=1e-13)


def test_outer_scale_zero_is_the_identity_layer(key):
    block = TwoLayer.gaussian(key, width=WIDTH, hidden=6, outer_scale=0.0)
    np.testing.assert_array_equal(block(jnp.ones(WIDTH)), jnp.zeros(WIDTH))


def test_a_linear_block_must_be_square():
    with pytest.raises(ValueError, match=r"square matrix, got shape \(2, 3\)"):
        Linear(jnp.ones((2, 3)))


def test_two_layer_shapes_must_fit():
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(2, 3\); transpose"):
        TwoLayer(jnp.ones((2, 3)), jnp.ones((2, 3)))


def test_inside_is_its_formula_and_linear_in_its_weights(key):
    block, h = Inside.gaussian(key, width=WIDTH), jnp.arange(4.0)
    w, b = np.asarray(block.w[...]), np.asarray(block.b[...])
    np.testing.assert_allclose(block(h), w @ np.tanh(h) + b, rtol=1e-13)
    tripled = jax.tree.map(lambda leaf: 3 * leaf, block)
    np.testing.assert_allclose(tripled(h), 3 * block(h), rtol=1e-13)


def test_outside_is_its_formula(key):
    block, h = Outside.gaussian(key, width=WIDTH), jnp.arange(4.0)
    K, b = np.asarray(block.K[...]), np.asarray(block.b[...])
    np.testing.assert_allclose(block(h), np.tanh(K @ h + b), rtol=1e-13)


@pytest.mark.parametrize("block", [Inside, Outside])
def test_matrix_and_bias_must_fit(block):
    with pytest.raises(ValueError, match=r"square matrix and a bias.*\(2, 2\) and \(3,\)"):
        block(jnp.ones((2, 2)), jnp.ones(3))


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


@TYPES
def test_gelu_is_the_exact_one(dtype):
    a = jnp.linspace(-6, 6, 101, dtype=dtype)
    exact = jax.nn.gelu(jnp.linspace(-6, 6, 101), approximate=False)
    # Rounded, with a relative error of eps/2 each or eps for erf: a, a / sqrt(2), erf, the sum and
    # the product. Where 1 + erf cancels, the error of erf stays as it is, times a / 2 at most 3.
    eps = jnp.finfo(dtype).eps
    np.testing.assert_allclose(gelu(a), exact, rtol=4 * eps, atol=4 * eps)


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
