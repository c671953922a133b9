import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from resode_lib import resnet, stacks
from resode_lib.blocks import Linear, TwoLayer


def path(s):
    return Linear(jnp.stack([jnp.sin(3 * s), s, s**2, jnp.exp(s)]).reshape(2, 2))


def theta(block):
    return np.asarray(block.theta[...])


def test_depth_is_the_common_leading_axis(key):
    stack = stacks.iid(lambda key: TwoLayer.gaussian(key, width=3, hidden=5), key, 7)
    assert stacks.depth(stack) == 7
    assert stack.V.shape == (7, 3, 5)


def test_tied_layers_are_equal_and_independent_ones_differ(key):
    def draw(key):
        return Linear(jax.random.normal(key, (2, 2)))

    tied, iid = stacks.tied(draw(key), 4), stacks.iid(draw, key, 4)
    assert np.ptp(theta(tied), axis=0).max() == 0
    assert np.ptp(theta(iid), axis=0).min() > 0


def test_slices_sit_at_k_over_depth():
    slices = theta(stacks.sample(path, 5))
    for k in range(5):
        np.testing.assert_allclose(slices[k], theta(path(k / 5)), rtol=1e-14)


@pytest.mark.parametrize("interpolate", [stacks.piecewise_constant, stacks.piecewise_linear])
def test_interpolation_passes_through_the_slices(interpolate):
    stack = stacks.sample(path, 6)
    resampled = stacks.sample(interpolate(stack), 6)
    np.testing.assert_allclose(theta(resampled), theta(stack), atol=1e-14)


def test_between_the_slices_constant_waits_and_linear_averages():
    stack = stacks.sample(path, 4)
    halfway = 1.5 / 4
    np.testing.assert_array_equal(theta(stacks.piecewise_constant(stack)(halfway)), theta(stack)[1])
    np.testing.assert_allclose(
        theta(stacks.piecewise_linear(stack)(halfway)), theta(stack)[1:3].mean(0), rtol=1e-14
    )


def test_the_last_cell_repeats_the_last_slice():
    stack = stacks.sample(path, 4)
    for s in (0.9, 1.0):
        np.testing.assert_array_equal(theta(stacks.piecewise_linear(stack)(s)), theta(stack)[-1])


@pytest.mark.parametrize(
    ("interpolate", "order"), [(stacks.piecewise_constant, 1), (stacks.piecewise_linear, 2)]
)
def test_interpolation_error_halves_with_its_order(interpolate, order):
    depths = [16, 32, 64, 128]
    points = np.linspace(0, 1 - 1 / 16, 400)  # away from the repeated last slice

    def error(depth):
        between = interpolate(stacks.sample(path, depth))
        return max(np.abs(theta(between(s)) - theta(path(s))).max() for s in points[::8])

    errors = np.array([error(depth) for depth in depths])
    slope = np.polyfit(np.log(depths), np.log(errors), 1)[0]
    assert abs(slope + order) < 0.15


def test_leaves_of_different_depth_are_no_stack():
    block = TwoLayer(jnp.ones((2, 3)), jnp.ones((3, 2)))
    with pytest.raises(ValueError, match="one leading axis, the depth"):
        stacks.depth(block)


def test_a_network_needs_a_layer():
    with pytest.raises(ValueError, match="at least one layer, got depth 0"):
        stacks.sample(path, 0)


def test_a_gaussian_process_has_its_covariance(key):
    """Over 4,000 entries a sample covariance is off by about sqrt(2 / 4000) = 0.022."""
    path = stacks.gaussian_process(
        lambda key: Linear(jax.random.normal(key, (64, 64))), key, length_scale=0.3
    )
    values = theta(stacks.sample(path, 6)).reshape(6, -1)
    s = np.arange(6) / 6
    exact = np.exp(-((s[:, None] - s) ** 2) / (2 * 0.3**2))
    np.testing.assert_allclose(values @ values.T / values.shape[1], exact, atol=5 * 0.022)


def test_a_gaussian_process_is_one_path_at_every_depth(key):
    path = stacks.gaussian_process(
        lambda key: Linear(jax.random.normal(key, (2, 2))), key, length_scale=0.05
    )
    coarse, fine = stacks.sample(path, 8), stacks.sample(path, 64)
    np.testing.assert_allclose(theta(fine)[::8], theta(coarse), rtol=1e-12)
    assert np.isfinite(theta(fine)).all()


def test_a_gaussian_process_has_bounded_roughness(key):
    with pytest.raises(ValueError, match=r"needs length_scale >= 0.05, got 0.01"):
        stacks.gaussian_process(lambda key: Linear(jnp.eye(2)), key, length_scale=0.01)


def test_norms_and_increments_are_per_layer_and_array():
    stack = stacks.sample(path, 5)
    np.testing.assert_allclose(
        theta(stacks.norms(stack)), np.linalg.norm(theta(stack), axis=(1, 2)), rtol=1e-14
    )
    steps = np.diff(theta(stack), axis=0)
    np.testing.assert_allclose(
        theta(stacks.increments(stack)), np.linalg.norm(steps, axis=(1, 2)), rtol=1e-14
    )


def test_one_layer_has_no_increments():
    with pytest.raises(ValueError, match="at least two layers, got depth 1"):
        stacks.increments(stacks.sample(path, 1))


def test_resampling_is_linear_between_the_slices():
    slices = jnp.array([1.0, 3.0, -1.0])[:, None, None]
    finer = stacks.resample(jax.vmap(Linear)(slices), 6)
    # New slices at k/6, old ones at 0, 1/3, 2/3; the last one repeats.
    np.testing.assert_allclose(theta(finer).ravel(), [1, 2, 3, 1, -1, -1], atol=1e-14)


def test_resampling_to_the_same_depth_changes_nothing_but_rounding():
    stack = stacks.sample(path, 49)
    np.testing.assert_allclose(theta(stacks.resample(stack, 49)), theta(stack), rtol=1e-12)


class Layer(nnx.Module):
    """A layer with a state that is no weight."""

    def __init__(self, key, extra):
        self.linear = nnx.Linear(4, 4, rngs=nnx.Rngs(key), param_dtype=float)
        self.extra = extra(nnx.Rngs(key))

    def __call__(self, h):
        """Return what the linear part does; the rest is beside the point."""
        return self.linear(h)


STATE = {
    "BatchNorm": (
        lambda rngs: nnx.BatchNorm(4, use_running_average=True, rngs=rngs),
        "weights are nnx.Param, got BatchStat at .extra.*; .* nnx.LayerNorm, or images.Conv",
    ),
    "Dropout": (
        lambda rngs: nnx.Dropout(0.5, rngs=rngs),
        "weights are nnx.Param, got Rng[A-Za-z]+ at .extra.*no nnx.Dropout",
    ),
    "integers": (
        lambda rngs: nnx.Param(jnp.arange(4)),
        "weights are real numbers, got int64 at .extra.*; make whole numbers static",
    ),
}


@pytest.mark.parametrize("make", [stacks.iid, stacks.tied, stacks.sample], ids=lambda f: f.__name__)
@pytest.mark.parametrize("what", STATE)
def test_a_stack_is_weights_and_nothing_else(what, make, key):
    extra, message = STATE[what]
    with pytest.raises(TypeError, match=message):
        if make is stacks.iid:
            stacks.iid(lambda key: Layer(key, extra), key, 3)
        elif make is stacks.tied:
            stacks.tied(Layer(key, extra), 3)
        else:
            stacks.sample(lambda s: Layer(key, extra), 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda rngs: nnx.Linear(4, 4, rngs=rngs),
        lambda rngs: nnx.Conv(4, 4, (3,), rngs=rngs),
        lambda rngs: nnx.LayerNorm(4, rngs=rngs),
        lambda rngs: nnx.MultiHeadAttention(2, 4, rngs=rngs, decode=False),
    ],
    ids=["Linear", "Conv", "LayerNorm", "MultiHeadAttention"],
)
def test_ordinary_layers_of_flax_make_a_stack(make, key):
    """Against the loop over layers that each was made by itself."""
    stack = stacks.iid(lambda key: make(nnx.Rngs(key)), key, 3)
    h = jax.random.normal(key, (2, 5, 4), jnp.float32)
    expected = h
    for each in jax.random.split(key, 3):
        expected = expected + make(nnx.Rngs(each))(expected) / 3
    np.testing.assert_allclose(resnet.forward(stack, h), expected, atol=1e-5)
    assert jax.tree.leaves(stacks.resample(stack, 6))[0].shape[0] == 6


def test_streams_of_flax_draw_like_their_keys():
    """`nnx.Rngs` stands for its next key, so that two draws from it differ."""

    def draw(random):
        return TwoLayer.gaussian(random, width=3, hidden=5)

    def drawn_from(random):
        return np.asarray(stacks.iid(draw, random, 4).V[...])

    rngs, again = nnx.Rngs(0), nnx.Rngs(0)
    first, second = drawn_from(rngs), drawn_from(rngs)
    np.testing.assert_array_equal(first, drawn_from(again.params()))
    assert not np.allclose(first, second)
    model = resnet.ResNet.at_identity(nnx.Rngs(1), inputs=2, outputs=1, width=3, hidden=4, depth=5)
    assert model(jnp.ones((7, 2))).shape == (7, 1)
