"""Training of networks for images: minibatches, momentum, normalisation.

A run is described by a `Setting`, a value. `fit` trains epoch by epoch, by the loop of
`resode_lib.training`; given a folder it saves after each, and goes on there. The same code trains
on digits within seconds and on CIFAR-10 at the size of the papers within hours.

The theory of the course covers none of it: not the batches, not the momentum, not the
normalisation.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from os import PathLike
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from resode_lib import datasets, resnet, stacks, training
from resode_lib._types import Array, Key, Stack
from resode_lib.blocks import gelu
from resode_lib.datasets import Dataset
from resode_lib.images import BlockMoments, ConvBlock, ImageResNet

__all__ = [
    "ACTIVATIONS",
    "MARION",
    "SANDER",
    "SMALL_CIFAR",
    "Fit",
    "Setting",
    "accuracy",
    "digits",
    "entropy",
    "fit",
    "fit_digits",
    "large_batch_moments",
    "network",
    "standardised",
]

LARGE = 2000
"""Images in a large batch."""


def identity(a: Array) -> Array:
    """Return ``a``."""
    return a


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": gelu,
    "silu": jax.nn.silu,
    "relu": jax.nn.relu,
    "identity": identity,
}
"""The activations of a `Setting`, by name.

:meta hide-value:
"""


@dataclass(frozen=True)
class Setting:
    """A network and its training; the defaults are small enough for digits on a laptop.

    Attributes:
        depth: ``L``.
        channels: channels of a state.
        activation: a key of `ACTIVATIONS`, for the residuals.
        tied: whether all layers start alike; otherwise each draws its own.
        image: height, width and channels of an image.
        kernel: side of the stem's kernel.
        stride: stride of the stem.
        pool: side of the squares over which the last state is averaged.
        epochs: passes over the training set.
        batch: images in a minibatch; the last, smaller one of an epoch is left out.
        rate: learning rate at the start; it falls to zero along a cosine.
        momentum: of the stochastic gradients.
        decay: weight decay, of all weights.
        factor: whether the gradient of residual weights is multiplied by ``L``.
        augment: whether images are shifted by up to four pixels and flipped at random.
        precision: the type of all numbers.
        seed: of weights, batches and augmentation.
    """

    depth: int = 16
    channels: int = 8
    activation: str = "gelu"
    tied: bool = True
    image: tuple[int, int, int] = (8, 8, 1)
    kernel: int = 3
    stride: int = 2
    pool: int = 2
    epochs: int = 10
    batch: int = 64
    rate: float = 0.3
    momentum: float = 0.9
    decay: float = 0.0
    factor: bool = True
    augment: bool = False
    precision: str = "float64"
    seed: int = 0


MARION = Setting(
    depth=256,
    channels=16,
    image=(32, 32, 3),
    kernel=5,
    stride=3,
    pool=4,
    epochs=180,
    batch=64,
    rate=4e-2,
    decay=5e-4,
    factor=False,
    augment=True,
    precision="float32",
)
"""CIFAR-10 as in Table 1 of Marion, Wu, Sander, Biau; hours on a GPU."""

SANDER = replace(MARION, depth=64, activation="relu", epochs=90, batch=256, rate=0.1)
"""CIFAR-10 at the size of Figure 3c of Sander, Ablin, Peyré, where the rate falls in steps."""

SMALL_CIFAR = replace(MARION, depth=32, epochs=10, batch=256, rate=0.1)
"""CIFAR-10 at a reduced size; minutes on a GPU."""


class Fit(NamedTuple):
    """What a training left behind.

    Attributes:
        network: the trained network.
        losses: the mean loss of each epoch, shape (epochs,).
        records: what ``record`` returned before the first epoch and after each, every array with
            a leading axis of ``epochs + 1``.
    """

    network: ImageResNet
    losses: np.ndarray
    records: Any


def standardised(train: Dataset, test: Dataset) -> tuple[Dataset, Dataset]:
    """Return both sets, moved and scaled: in training each channel has mean 0 and variance 1."""
    axes = tuple(range(train.x.ndim - 1))
    mean, deviation = train.x.mean(axes, keepdims=True), train.x.std(axes, keepdims=True)
    return (
        Dataset((train.x - mean) / deviation, train.y),
        Dataset((test.x - mean) / deviation, test.y),
    )


@cache
def digits() -> tuple[Dataset, Dataset]:
    """Return the digits of scikit-learn, standardised: 1,437 to train with and 360 to test with."""
    return standardised(*datasets.digits(jax.random.key(0)))


def network(setting: Setting) -> ImageResNet:
    """Return the network at its start: every layer is the identity, tied or independent."""
    key_stack, key_ends = jax.random.split(jax.random.key(setting.seed))
    draw = partial(
        ConvBlock.gaussian,
        channels=setting.channels,
        activation=ACTIVATIONS[setting.activation],
    )
    stack = (
        stacks.tied(draw(key_stack), setting.depth)
        if setting.tied
        else stacks.iid(draw, key_stack, setting.depth)
    )
    model = ImageResNet.gaussian(
        key_ends,
        stack,
        image=setting.image,
        kernel=setting.kernel,
        stride=setting.stride,
        pool=setting.pool,
    )
    return jax.tree.map(lambda leaf: leaf.astype(setting.precision), model)


def entropy(predictions: Array, labels: Array) -> Array:
    """Return the mean cross entropy of predictions, shape (n, classes), and labels."""
    return optax.softmax_cross_entropy_with_integer_labels(predictions, labels).mean()


def fit(
    setting: Setting,
    train: Dataset,
    *,
    forward: Callable[[Stack, Array], Array] = resnet.forward,
    record: Callable[[ImageResNet], Any] = training.nothing,
    progress: Callable[[int, int, float], Any] | None = None,
    folder: PathLike | str | None = None,
) -> Fit:
    """Train by stochastic gradient descent with momentum on the cross entropy.

    Args:
        setting: the network and its training.
        train: images and labels.
        forward: how the states go through the stack, for example with another integrator, or
            `resode_lib.adjoint.forward` with a choice of memory.
        record: chosen quantities, ``network -> arrays``, kept at the start and after each epoch.
        progress: called as ``progress(done, epochs, loss)`` after each epoch.
        folder: where to save after each epoch; called again with the same arguments, it goes on
            there.

    Returns:
        The fit.

    Raises:
        ValueError: if the training set is smaller than a batch, or ``folder`` holds another run.

    Source: :cite:t:`marion2024implicit`, Table 1.
    """
    steps = len(train.y) // setting.batch
    if steps < 1:
        raise ValueError(
            f"an epoch needs one batch at least: got {len(train.y)} images and batches of "
            f"{setting.batch}; take smaller ones."
        )
    model = network(setting)
    x = jnp.asarray(train.x, setting.precision)
    rate = optax.cosine_decay_schedule(setting.rate, steps * setting.epochs)
    rates = rate(jnp.arange(steps * setting.epochs)).astype(x.dtype).reshape(-1, steps)
    (model, _), losses, records = _loop(_alike(setting), forward, record).run(
        (model, _optimizer(setting, setting.rate).init(model)),
        setting.epochs,
        data=(x, jnp.asarray(train.y), rates, jax.random.key(setting.seed + 1)),
        parts=setting.epochs,
        progress=progress,
        folder=folder,
        identity={"setting": repr(setting)},
    )
    return Fit(model, np.asarray(losses), records)


@cache
def fit_digits(setting: Setting) -> Fit:
    """Train on `digits`, once in a session: the page and its claims look at the same networks.

    Args:
        setting: the network and its training.

    Returns:
        The fit; its records are the stack before the first epoch and after each.
    """
    return fit(setting, digits()[0], record=training.residual)


def _optimizer(setting: Setting, rate: Array | float) -> optax.GradientTransformation:
    factor = training.scale_by_depth() if setting.factor else optax.identity()
    decay = optax.add_decayed_weights(setting.decay)
    return optax.chain(factor, decay, optax.sgd(rate, momentum=setting.momentum))


def _alike(setting: Setting) -> Setting:
    """Forget what does not change the compiled epoch, so that it is compiled once."""
    return replace(setting, tied=True, seed=0, epochs=1, rate=1.0)


@lru_cache(maxsize=32)
def _loop(
    setting: Setting, forward: Callable[[Stack, Array], Array], record: Callable
) -> training.Loop:
    """Return the loop over epochs; what `training` calls a step is an epoch here."""

    def loss(model: ImageResNet, x: Array, y: Array) -> Array:
        return entropy(model.read(forward(model.stack, model.embed(x))), y)

    def step(state: tuple, batch: tuple, x: Array, y: Array) -> tuple:
        (model, memory), (rows, key, rate) = state, batch
        images = augmented(key, x[rows]) if setting.augment else x[rows]
        value, gradient = jax.value_and_grad(loss)(model, images, y[rows])
        updates, memory = _optimizer(setting, rate).update(gradient, memory, model)
        return (optax.apply_updates(model, updates), memory), value

    def epoch(state: tuple, k: Array, data: tuple) -> tuple:
        x, y, rates, key = data
        steps = rates.shape[1]
        key_order, key_images = jax.random.split(jax.random.fold_in(key, k))
        order = jax.random.permutation(key_order, len(y))[: steps * setting.batch]
        batches = order.reshape(steps, -1), jax.random.split(key_images, steps), rates[k]
        state, values = jax.lax.scan(lambda state, batch: step(state, batch, x, y), state, batches)
        return state, values.mean()

    return training.Loop(epoch, lambda state: record(state[0]))


def augmented(key: Key, images: Array, *, shift: int = 4) -> Array:
    """Return each image moved by up to ``shift`` pixels, zeros moving in, half of them flipped."""
    key_place, key_flip = jax.random.split(key)
    n, height, width, channels = images.shape
    wide = jnp.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
    places = jax.random.randint(key_place, (n, 2), 0, 2 * shift + 1)

    def crop(image: Array, place: Array) -> Array:
        corner = (place[0], place[1], jnp.zeros_like(place[0]))
        return jax.lax.dynamic_slice(image, corner, (height, width, channels))

    flip = jax.random.bernoulli(key_flip, shape=(n, 1, 1, 1))
    moved = jax.vmap(crop)(wide, places)
    return jnp.where(flip, moved[:, :, ::-1], moved)


def large_batch_moments(model: ImageResNet, data: Dataset) -> BlockMoments:
    """Return what the normalisations see on the first 2,000 images: for evaluation.

    All digits are fewer, so these are the moments of their training set. A running average over
    small batches, the custom, lags behind the weights.
    """
    return _moments(model, jnp.asarray(data.x[:LARGE], model.stem[...].dtype))


@jax.jit
def _moments(model: ImageResNet, x: Array) -> BlockMoments:
    return model.in_training(x)[1]


def accuracy(model: ImageResNet, moments: BlockMoments, data: Dataset) -> float:
    """Return the share of images whose label gets the largest prediction, in evaluation."""
    x = jnp.asarray(data.x, model.stem[...].dtype)
    parts = [_guesses(model, moments, x[i : i + LARGE]) for i in range(0, len(x), LARGE)]
    return float((jnp.concatenate(parts) == data.y).mean())


@jax.jit
def _guesses(model: ImageResNet, moments: BlockMoments, x: Array) -> Array:
    return model.in_evaluation(moments, x).argmax(-1)
