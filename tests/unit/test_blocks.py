import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resode_lib.blocks import (
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
}
WITHOUT_BIAS = {name: BLOCKS[name] for name in ("linear", "two-layer")}


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


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_gelu_is_the_exact_one(dtype):
    a = jnp.linspace(-6, 6, 101, dtype=dtype)
    exact = jax.nn.gelu(jnp.linspace(-6, 6, 101), approximate=False)
    # Rounded, with a relative error of eps/2 each or eps for erf: a, a / sqrt(2), erf, the sum and
    # the product. Where 1 + erf cancels, the error of erf stays as it is, times a / 2 at most 3.
    eps = jnp.finfo(dtype).eps
    np.testing.assert_allclose(gelu(a), exact, rtol=4 * eps, atol=4 * eps)
