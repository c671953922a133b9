"""Training of networks for images: that it resumes, and that each setting does what it says."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resode_lib import adjoint, datasets, resnet, stacks
from resode_lib.image_training import (
    MARION,
    SANDER,
    SMALL_CIFAR,
    Setting,
    accuracy,
    augmented,
    fit,
    fit_digits,
    large_batch_moments,
    network,
    standardised,
)
from resode_lib.integrators import heun

SMALL = Setting(depth=2, channels=2, epochs=3, batch=16)


@pytest.fixture(scope="module")
def data():
    train, test = standardised(*datasets.digits(jax.random.key(0)))
    return datasets.Dataset(train.x[:48], train.y[:48]), test


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_an_interrupted_run_goes_on_where_it_stopped(data, tmp_path):
    def stop(done, epochs, loss):
        if done == 2:
            raise KeyboardInterrupt

    seen = []
    kernels = lambda model: model.stack.inner[...]  # noqa: E731
    with pytest.raises(KeyboardInterrupt):
        fit(SMALL, data[0], record=kernels, folder=tmp_path, progress=stop)
    resumed = fit(
        SMALL, data[0], record=kernels, folder=tmp_path, progress=lambda done, *_: seen.append(done)
    )
    assert seen == [3]
    whole = fit(SMALL, data[0], record=kernels)
    same(resumed.network, whole.network)
    np.testing.assert_array_equal(resumed.losses, whole.losses)
    assert resumed.records.shape[0] == 4
    np.testing.assert_array_equal(resumed.records, whole.records)
    again = fit(SMALL, data[0], record=kernels, folder=tmp_path, progress=seen.append)
    same(again.network, whole.network)  # nothing left to do


def test_another_run_is_not_resumed(data, tmp_path):
    one = replace(SMALL, epochs=1)
    fit(one, data[0], folder=tmp_path)
    setting = r"holds another run: its setting is Setting\(depth=2.* here it is.* Name another"
    with pytest.raises(ValueError, match=setting):
        fit(replace(SMALL, epochs=2), data[0], folder=tmp_path)
    with pytest.raises(ValueError, match="holds another run: its data"):
        fit(one, datasets.Dataset(data[0].x.at[0, 0, 0, 0].add(1), data[0].y), folder=tmp_path)
    with pytest.raises(ValueError, match="holds another run: its step"):
        fit(one, data[0], forward=partial(resnet.forward, integrator=heun), folder=tmp_path)
    with pytest.raises(ValueError, match="holds another run: its record"):
        fit(one, data[0], record=lambda model: model.B[...], folder=tmp_path)


def test_an_epoch_needs_a_batch(data):
    with pytest.raises(ValueError, match="got 48 images and batches of 64; take smaller"):
        fit(replace(SMALL, batch=64), data[0])


def test_the_factor_is_the_depth(data):
    """One step on all data, no momentum: the residual weights move L times as far."""
    one = replace(SMALL, epochs=1, batch=48, depth=4)
    start = network(one)
    far, near = (fit(replace(one, factor=f), data[0]).network for f in (True, False))
    shift = far.stack.outer_norm.shift[...] - start.stack.outer_norm.shift[...]
    other = near.stack.outer_norm.shift[...] - start.stack.outer_norm.shift[...]
    np.testing.assert_allclose(shift, 4 * other, rtol=1e-9)
    assert jnp.abs(other).max() > 0
    np.testing.assert_allclose(far.B[...], near.B[...])


def test_tied_layers_start_alike_and_independent_ones_do_not():
    tied, free = (network(replace(SMALL, tied=tied)).stack for tied in (True, False))
    assert stacks.increments(tied).inner[...].max() == 0
    assert stacks.increments(free).inner[...].min() > 0.1


def test_the_rate_ends_at_zero_and_the_loss_falls(data):
    run = fit(replace(SMALL, epochs=30), data[0])
    assert run.losses[-1] < 0.5 * run.losses[0]
    moments = large_batch_moments(run.network, data[0])
    assert accuracy(run.network, moments, data[0]) > 0.7  # one in ten by chance


def test_another_way_through_the_stack(data):
    one = replace(SMALL, epochs=1, depth=2)
    plain = fit(one, data[0]).network
    other = fit(one, data[0], forward=adjoint.forward).network
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), plain, other)
    memoryless = partial(adjoint.forward, memory=adjoint.reversing())
    third = fit(one, data[0], forward=memoryless).network
    assert jnp.abs(third.stack.inner[...] - plain.stack.inner[...]).max() > 1e-9


def test_augmented_images_are_shifted_or_flipped(key):
    images = jax.random.uniform(key, (40, 6, 6, 1)) + 1
    moved = np.asarray(augmented(key, images, shift=1))
    wide = np.pad(np.asarray(images), ((0, 0), (1, 1), (1, 1), (0, 0)))
    flips = 0
    for image, result in zip(wide, moved, strict=True):
        crops = [image[i : i + 6, j : j + 6] for i in range(3) for j in range(3)]
        straight = any(np.array_equal(result, crop) for crop in crops)
        mirrored = any(np.array_equal(result, crop[:, ::-1]) for crop in crops)
        assert straight or mirrored
        flips += not straight
    assert 5 < flips < 35


def test_standardised_digits(data):
    train, test = standardised(*datasets.digits(jax.random.key(0)))
    np.testing.assert_allclose([train.x.mean(), train.x.std()], [0, 1], atol=1e-12)
    assert abs(float(test.x.mean())) > 1e-6  # moved as the training set, not by its own mean


@pytest.mark.parametrize("setting", [MARION, SANDER, SMALL_CIFAR])
def test_the_settings_for_cifar_fit_its_images(setting):
    model = network(replace(setting, depth=2, channels=4))
    assert model.stem[...].dtype == jnp.float32
    assert model.embed(jnp.zeros((1, 32, 32, 3), jnp.float32)).shape == (1, 10, 10, 4)


def test_single_precision_stays_single(data):
    run = fit(replace(SMALL, epochs=1, precision="float32", augment=True, decay=5e-4), data[0])
    assert {leaf.dtype for leaf in jax.tree.leaves(run.network)} == {jnp.dtype("float32")}


def test_digits_are_trained_once_and_every_epoch_is_kept():
    setting = Setting(depth=2, channels=2, epochs=1)
    run = fit_digits(setting)
    assert fit_digits(setting) is run
    start, end = run.records.inner[...]
    np.testing.assert_array_equal(start, network(setting).stack.inner[...])
    np.testing.assert_array_equal(end, run.network.stack.inner[...])
    assert jnp.abs(end - start).max() > 0
