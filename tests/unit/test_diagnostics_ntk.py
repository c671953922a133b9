from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from resode_lib import diagnostics, resnet, stacks, training
from resode_lib.blocks import Linear, TwoLayer
from resode_lib.images import ConvBlock

WIDTH, SAMPLES, DEPTH = 3, 4, 5


class Biased(nnx.Module):
    """A block that `layer_kernel` knows nothing about."""

    def __init__(self, key):
        self.theta = nnx.Param(jax.random.normal(key, (WIDTH, WIDTH)))
        self.bias = nnx.Param(jax.random.normal(key, (WIDTH,)))

    def __call__(self, h):
        """Return ``tanh(theta h + b)``."""
        offset = h @ self.theta[...].T
        return jnp.tanh(offset + jnp.broadcast_to(self.bias[...], offset.shape))


BLOCKS = {
    "linear": lambda key: Linear(jax.random.normal(key, (WIDTH, WIDTH))),
    "two-layer": partial(TwoLayer.gaussian, width=WIDTH, hidden=7, activation=jnp.sin),
    "biased": Biased,
}


def by_the_jacobian(stack, h, step_size):
    """``L J J^T`` with the whole Jacobian of the last states in all weights."""
    forward = partial(resnet.forward, step_size=step_size)
    leaves = jax.tree.leaves(jax.jacobian(forward)(stack, h))
    J = jnp.concatenate([leaf.reshape(h.size, -1) for leaf in leaves], axis=1)
    return stacks.depth(stack) * J @ J.T


@pytest.mark.parametrize("make", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize("step_size", [None, 0.3])
def test_the_kernel_is_the_gram_matrix_of_the_jacobian(step_size, make, key):
    stack, h = stacks.iid(make, key, DEPTH), jax.random.normal(key, (SAMPLES, WIDTH))
    K = diagnostics.ntk(stack, h, step_size=step_size)
    np.testing.assert_allclose(K, by_the_jacobian(stack, h, step_size), rtol=1e-11, atol=1e-12)


def test_the_kernel_of_one_linear_layer_by_hand():
    """``h_1 = h_0 + theta h_0``: the entry of ``(i,a)`` and ``(j,b)`` is ``h_i . h_j [a = b]``."""
    h = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    K = diagnostics.ntk(stacks.tied(Linear(jnp.eye(2)), 1), h)
    np.testing.assert_allclose(K, np.kron([[5.0, 11.0], [11.0, 25.0]], np.eye(2)), rtol=1e-14)


def test_the_kernel_has_a_limit_in_depth(key):
    """With the factor ``L`` of depth it neither vanishes nor grows."""
    block = BLOCKS["two-layer"](key)
    h = jax.random.normal(key, (SAMPLES, WIDTH))
    traces = [jnp.trace(diagnostics.ntk(stacks.tied(block, L), h)) for L in (16, 64, 256)]
    assert abs(traces[2] - traces[1]) < 0.3 * abs(traces[1] - traces[0])  # O(1/L): a quarter


def test_the_smallest_eigenvalue_bounds_the_gradient_from_below(key):
    stack, h = stacks.iid(BLOCKS["two-layer"], key, DEPTH), jax.random.normal(key, (2, WIDTH))
    lowest = np.linalg.eigvalsh(diagnostics.ntk(stack, h))[0]
    assert lowest > 0

    def ratio(y):
        return diagnostics.pl_ratio(
            lambda stack: training.mean_squared_error(resnet.forward(stack, h), y), stack
        )

    ys = jax.random.normal(key, (20, 2, WIDTH))
    assert jax.jit(jax.vmap(ratio))(ys).min() >= 4 / 2 * lowest
    # Along the eigenvector it is an equality.
    direction = np.linalg.eigh(np.asarray(diagnostics.ntk(stack, h)))[1][:, 0].reshape(2, WIDTH)
    np.testing.assert_allclose(ratio(resnet.forward(stack, h) + direction), 2 * lowest, rtol=1e-10)


def test_the_jacobian_is_never_built():
    """At width 16, 64 hidden neurons, depth 64 and 50 samples: a fiftieth of its memory."""

    def shapes():
        block = TwoLayer.gaussian(jax.random.key(0), width=16, hidden=64)
        return stacks.tied(block, 64), jnp.zeros((50, 16))

    def temporary_bytes(kernel):
        program = jax.jit(kernel).lower(*jax.eval_shape(shapes)).compile()
        return program.memory_analysis().temp_size_in_bytes

    full = temporary_bytes(partial(by_the_jacobian, step_size=None))
    assert temporary_bytes(diagnostics.ntk) <= full / 50


class Attention(nnx.Module):
    """Tokens of one sample see each other, samples do not."""

    def __init__(self, key):
        self.weights = nnx.MultiHeadAttention(
            1, WIDTH, rngs=nnx.Rngs(key), decode=False, dtype=float, param_dtype=float
        )

    def __call__(self, h):
        """Return the attention of all tokens to all tokens."""
        return self.weights(h)


@pytest.mark.parametrize("make", [*BLOCKS.values(), Attention], ids=[*BLOCKS, "attention"])
def test_a_sample_may_have_any_shape(make, key):
    stack, h = stacks.iid(make, key, 2), jax.random.normal(key, (2, 3, WIDTH))
    expected = by_the_jacobian(stack, h, None)
    np.testing.assert_allclose(diagnostics.ntk(stack, h), expected, rtol=1e-11, atol=1e-12)


def test_a_sample_without_a_batch_is_refused(key, as_users_call):
    stack = stacks.iid(BLOCKS["linear"], key, 2)
    with pytest.raises(ValueError, match=r"needs samples, shape \(n, ..., d\), got \(3,\); give"):
        diagnostics.ntk(stack, jnp.ones(WIDTH))


def test_layers_that_mix_samples_are_refused(key):
    stack = stacks.iid(lambda key: ConvBlock.gaussian(key, channels=2, outer_scale=1.0), key, 2)
    with pytest.raises(ValueError, match="treat samples one by one; alone, they differ by"):
        diagnostics.ntk(stack, jax.random.normal(key, (3, 4, 4, 2)))
