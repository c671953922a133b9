"""Convolutional residual networks; above all, what batch normalisation makes of a batch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from resode_lib import datasets, resnet, stacks
from resode_lib.images import (
    EPSILON,
    BatchNorm,
    ConvBlock,
    ImageResNet,
    Moments,
    batch_moments,
    conv,
    with_moments,
)
from resode_lib.integrators import heun

CHANNELS, DEPTH = 4, 3


def moving_average(average, new, rate):
    """Return ``average + rate (new - average)``: what evaluation takes by custom."""
    return jax.tree.map(lambda a, b: a + rate * (b - a), average, new)


DRAW = partial(ConvBlock.gaussian, channels=CHANNELS, outer_scale=1.0)
STACKS = {
    "tied": lambda key: stacks.tied(DRAW(key), DEPTH),
    "iid": lambda key: stacks.iid(DRAW, key, DEPTH),
}


@pytest.fixture
def h(key):
    return jax.random.normal(key, (6, 5, 5, CHANNELS))


@pytest.fixture
def model(key):
    return ImageResNet.gaussian(
        key, STACKS["iid"](key), image=(8, 8, 1), outputs=3, kernel=3, stride=1
    )


@pytest.fixture
def x(key):
    return jax.random.uniform(key, (6, 8, 8, 1))


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (5, 3)])
def test_conv_is_its_sum(size, stride, key):
    h, kernel = jax.random.normal(key, (8, 7, 2)), jax.random.normal(key, (size, size, 2, 3))
    padded = np.pad(np.asarray(h), ((1, 1), (1, 1), (0, 0)))
    expected = np.array(
        [
            [
                np.einsum("abc,abcd->d", padded[i : i + size, j : j + size], kernel)
                for j in range(0, 9 - size + 1, stride)
            ]
            for i in range(0, 10 - size + 1, stride)
        ]
    )
    np.testing.assert_allclose(conv(h, kernel, stride=stride), expected, atol=1e-13)
    two = conv(jnp.stack([h, 2 * h])[None], kernel, stride=stride)  # two axes of batch
    np.testing.assert_allclose(two[0, 1], 2 * expected, atol=1e-13)


@pytest.mark.parametrize("shape", [(3, 3), (5, 5), (1, 1), (2, 3), (4, 1)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_derivatives_of_conv_are_those_of_the_library(shape, stride, key):
    h, kernel = jax.random.normal(key, (2, 8, 7, 2)), jax.random.normal(key, (*shape, 2, 3))

    def plain(h, kernel):
        return jax.lax.conv_general_dilated(
            h,
            kernel,
            (stride, stride),
            ((1, 1), (1, 1)),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    result, expected = jax.vjp(plain, h, kernel)
    actual = jax.vjp(partial(conv, stride=stride), h, kernel)[1]
    g = jax.random.normal(key, result.shape)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-12), actual(g), expected(g))


def test_a_batch_has_mean_zero_and_variance_one_after_its_own_normalisation(h):
    ones = jnp.ones(CHANNELS)
    normalised = BatchNorm(ones, 0 * ones)(3 * h + 7, batch_moments(3 * h + 7))
    mean, variance = batch_moments(normalised)
    np.testing.assert_allclose(mean, 0, atol=1e-13)
    np.testing.assert_allclose(variance, 1, atol=2 * EPSILON)


def test_normalisation_is_its_formula(key):
    scale, shift, mean, root, h = jax.random.normal(key, (5, CHANNELS))
    normalised = BatchNorm(scale, shift)(h[None, None], Moments(mean, root**2))
    expected = scale * (h - mean) / jnp.sqrt(root**2 + EPSILON) + shift
    np.testing.assert_allclose(normalised[0, 0], expected, rtol=1e-12)


def test_the_block_is_its_formula(key, h):
    block = DRAW(key)

    def normalised(h):
        centred = h - h.mean((0, 1, 2), keepdims=True)
        return centred / jnp.sqrt(h.var((0, 1, 2), keepdims=True) + EPSILON)

    middle = jax.nn.relu(normalised(conv(h, block.inner[...])))
    expected = normalised(conv(middle, block.outer[...]))
    np.testing.assert_allclose(block(h), expected, atol=1e-12)


def test_in_evaluation_a_sample_does_not_know_its_batch(model, x):
    _, moments = model.in_training(x)
    alone, among = model.in_evaluation(moments, x[:1]), model.in_evaluation(moments, x)[:1]
    np.testing.assert_allclose(alone, among, rtol=1e-12)


def test_in_training_a_sample_does_know_its_batch(model, x):
    in_one, in_other = (model.in_training(x[:n])[0][0] for n in (3, 6))
    assert jnp.abs(in_one - in_other).max() > 1e-3


def test_evaluation_with_the_moments_of_a_batch_is_training_on_it(model, x):
    predictions, moments = model.in_training(x)
    np.testing.assert_allclose(model.in_evaluation(moments, x), predictions, rtol=1e-11)
    others = jax.tree.map(lambda leaf: leaf + 0.1, moments)
    assert jnp.abs(model.in_evaluation(others, x) - predictions).max() > 1e-3


def test_every_layer_returns_its_own_moments(model, x):
    _, moments = model.in_training(x)
    assert [leaf.shape for leaf in jax.tree.leaves(moments)] == [(DEPTH, CHANNELS)] * 4
    states = resnet.trajectory(model.stack, model.embed(x))
    for k in range(DEPTH):
        kernel = jax.tree.map(lambda leaf, k=k: leaf[k], model.stack).inner[...]
        mean, variance = batch_moments(conv(states[k], kernel))
        np.testing.assert_allclose(moments[0].mean[k], mean, atol=1e-12)
        np.testing.assert_allclose(moments[0].variance[k], variance, rtol=1e-11)


def test_training_changes_nothing_but_what_it_returns(model, x):
    before = jax.tree.map(jnp.copy, model)
    first, _ = model.in_training(x)
    again, _ = model.in_training(x)
    np.testing.assert_array_equal(first, again)
    jax.tree.map(np.testing.assert_array_equal, before, model)


def test_a_running_average_forgets_at_its_rate():
    old, new = Moments(jnp.ones(2), jnp.zeros(2)), Moments(jnp.zeros(2), jnp.ones(2))
    average = old
    for _ in range(3):
        average = moving_average(average, new, rate=0.25)
    np.testing.assert_allclose(average.mean, 0.75**3)
    np.testing.assert_allclose(average.variance, 1 - 0.75**3)


@pytest.mark.parametrize("make", STACKS.values(), ids=STACKS)
def test_the_network_is_the_scan_of_the_library(make, key, x):
    stack = make(key)
    model = ImageResNet.gaussian(key, stack, image=(8, 8, 1), kernel=3, stride=1)
    last = resnet.forward(stack, model.embed(x))
    np.testing.assert_allclose(model.in_training(x)[0], model.read(last), rtol=1e-11)


@pytest.mark.parametrize("activation", [jax.nn.relu, jax.nn.gelu])
def test_a_last_scale_of_zero_is_the_identity_for_tied_and_for_independent_layers(
    activation, key, h
):
    draw = partial(ConvBlock.gaussian, channels=CHANNELS, activation=activation)
    for stack in (stacks.tied(draw(key), DEPTH), stacks.iid(draw, key, DEPTH)):
        np.testing.assert_array_equal(resnet.forward(stack, h), h)
    tied, independent = (stacks.increments(STACKS[name](key)).inner[...] for name in STACKS)
    assert tied.max() == 0 and independent.min() > 0.1


def test_layers_in_evaluation_are_blocks_for_every_integrator(key, h):
    def gap(depth):
        single = with_moments(DRAW(key), (batch_moments(h), batch_moments(h)))
        stack = stacks.tied(single, depth)
        return jnp.abs(resnet.forward(stack, h, integrator=heun) - resnet.forward(stack, h)).max()

    # Tied layers are an autonomous ODE: Euler is 1/L away from Heun. ReLU is Lipschitz, no more.
    np.testing.assert_allclose(gap(64) / gap(128), 2, rtol=0.1)


def test_the_gradient_through_the_normalisation_agrees_with_central_differences(key, h):
    block = ConvBlock.gaussian(key, channels=CHANNELS, outer_scale=1.0, activation=jnp.tanh)
    direction = ConvBlock.gaussian(jax.random.key(1), channels=CHANNELS, outer_scale=0.5)
    direction = jax.tree.unflatten(jax.tree.structure(block), jax.tree.leaves(direction))
    weights = jax.random.normal(key, h.shape)
    step = 1e-5  # the error of central differences is about step^2 + 1e-16/step = 1e-10

    def loss(block):
        return (weights * block(h)).sum()

    def moved(distance):
        return jax.tree.map(lambda a, b: a + distance * b, block, direction)

    products = jax.tree.map(lambda a, b: (a * b).sum(), jax.grad(loss)(block), direction)
    difference = (loss(moved(step)) - loss(moved(-step))) / (2 * step)
    np.testing.assert_allclose(sum(jax.tree.leaves(products)), difference, rtol=1e-6)


def test_the_size_for_cifar(key):
    model = ImageResNet.gaussian(key, STACKS["tied"](key))
    assert model.embed(jnp.zeros((32, 32, 3))).shape == (10, 10, CHANNELS)
    assert model.B[...].shape == (10, 4 * CHANNELS)


def test_read_averages_over_squares(key):
    model = ImageResNet.gaussian(
        key, STACKS["tied"](key), image=(4, 4, 1), kernel=3, stride=1, pool=2
    )
    h = jnp.zeros((4, 4, CHANNELS)).at[2:, :2, 1].set(1.0)  # the lower left square, channel 1
    np.testing.assert_allclose(model.read(h), model.B[...][:, 2 * CHANNELS + 1], rtol=1e-13)


def in_float32(tree):
    """Return the tree in single precision, in which networks for images are trained."""
    floating = lambda leaf: jnp.issubdtype(leaf.dtype, jnp.floating)  # noqa: E731
    return jax.tree.map(lambda a: a.astype(jnp.float32) if floating(a) else a, tree)


def test_a_network_trains_on_digits_and_is_evaluated_with_running_moments(key):
    train, test = in_float32(datasets.digits(key))
    key_stack, key_model, key_batches = jax.random.split(key, 3)
    stack = stacks.tied(ConvBlock.gaussian(key_stack, channels=8), DEPTH)
    model = in_float32(ImageResNet.gaussian(key_model, stack, image=(8, 8, 1), kernel=3, stride=1))
    optimizer = optax.sgd(0.5, momentum=0.9)

    def loss(model, x, y):
        predictions, moments = model.in_training(x)
        entropy = optax.softmax_cross_entropy_with_integer_labels(predictions, y)
        return entropy.mean(), moments

    def step(carry, key):
        model, state, average = carry
        batch = jax.random.choice(key, len(train.x), (32,))
        (value, moments), gradient = jax.value_and_grad(loss, has_aux=True)(
            model, train.x[batch], train.y[batch]
        )
        updates, state = optimizer.update(gradient, state)
        return (
            optax.apply_updates(model, updates),
            state,
            moving_average(average, moments, rate=0.1),
        ), value

    carry = model, optimizer.init(model), model.in_training(train.x[:32])[1]
    start = carry[2]
    (model, _, average), losses = jax.jit(partial(jax.lax.scan, step))(
        carry, jax.random.split(key_batches, 60)
    )

    def right(moments):
        return (model.in_evaluation(moments, test.x).argmax(-1) == test.y).mean()

    assert losses[-10:].mean() < 0.5 * losses[:5].mean()
    assert right(average) > 0.5  # one in ten by chance
    assert right(start) < 0.5  # the moments of the untrained network do not fit the trained one


def test_a_kernel_must_keep_the_shape_of_the_state():
    with pytest.raises(ValueError, match=r"two kernels .* got \(3, 3, 2, 4\)"):
        ConvBlock(jnp.ones((3, 3, 2, 4)), jnp.ones((3, 3, 4, 2)), jnp.ones(2))


def test_the_squares_must_fit_into_the_state(key):
    with pytest.raises(ValueError, match="2 by 2 pixels and pool = 4: .* smaller pool"):
        ImageResNet.gaussian(key, STACKS["tied"](key), image=(8, 8, 1))


@pytest.mark.parametrize("wrapped", [lambda f: f, jax.jit], ids=["eager", "compiled"])
def test_images_and_weights_of_two_types_meet_in_the_finer_one(wrapped, model, x):
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), model)
    for weights, images in ((model, x.astype(jnp.float32)), (single, x)):
        doubled = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), (weights, images))
        expected = doubled[0].in_training(doubled[1])[0]
        actual = wrapped(lambda model, x: model.in_training(x)[0])(weights, images)
        assert actual.dtype == jnp.float64
        np.testing.assert_allclose(actual, expected, rtol=1e-12)
