"""Residual networks for images: convolutions, and batch normalisation that hides nothing.

States are images of shape (..., height, width, channels). A normalised layer is a function of the
whole batch while training and of each sample alone afterwards. So there are two functions, and the
`Moments` that connect them are values: training returns them, evaluation takes them. Nothing is
updated behind the caller's back, and no gradient flows into a running average.

The theory of the course covers none of this: the normalised residual is no function of one sample.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from resode_lib import stacks
from resode_lib._keys import Random, key_from
from resode_lib._types import Array, Float, Key, Stack
from resode_lib.resnet import forward

__all__ = [
    "ConvBlock",
    "ImageResNet",
    "Moments",
    "batch_moments",
    "conv",
    "with_moments",
]

Images = Float[Array, "*batch height width c"]
Activation = Callable[[Array], Array]

EPSILON = 1e-5
"""Added to a variance before its root is taken."""


def conv(
    h: Float[Array, "*batch h1 w1 i"], kernel: Float[Array, "a b i o"], *, stride: int = 1
) -> Float[Array, "*batch h2 w2 o"]:
    """Return the convolution of images with a kernel, one ring of zeros around each image.

    Of two types, as of images in float32 and weights in float64, the result has the finer one. It
    has derivatives of the first order, backwards only: `jax.jvp` refuses it.

    Args:
        h: images, shape (..., height, width, i).
        kernel: weights, shape (rows, columns, i, o); 3 by 3 keeps height and width.
        stride: distance of the places where the kernel is applied.

    Returns:
        Images with ``o`` channels.
    """
    finer = jnp.promote_types(h.dtype, kernel.dtype)
    batch = h.astype(finer).reshape(-1, *h.shape[-3:])
    result = _conv(stride, batch, kernel.astype(finer))
    return result.reshape(*h.shape[:-3], *result.shape[-3:])


def _conv_plainly(stride: int, h: Array, kernel: Array) -> Array:
    # In a loop XLA's own convolution can take ten times as long on a CPU and more.
    return jax.lax.platform_dependent(
        h,
        kernel,
        cpu=partial(_conv_by_columns, stride),
        default=partial(_conv_by_library, stride),
    )


_conv = jax.custom_vjp(_conv_plainly, nondiff_argnums=(0,))


def _conv_forward(stride: int, h: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _conv_plainly(stride, h, kernel), (h, kernel)


def _conv_backward(stride: int, saved: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    by_library = partial(_derivatives_by_library, stride)
    if min(saved[1].shape[:2]) < 3:  # the ring of zeros is wider than the kernel's own
        return by_library(*saved, g)
    by_products = partial(_derivatives_by_products, stride)
    return jax.lax.platform_dependent(*saved, g, cpu=by_products, default=by_library)


_conv.defvjp(_conv_forward, _conv_backward)


def _conv_by_library(stride: int, h: Array, kernel: Array) -> Array:
    return jax.lax.conv_general_dilated(
        h,
        kernel,
        window_strides=(stride, stride),
        padding=((1, 1), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _derivatives_by_library(stride: int, h: Array, kernel: Array, g: Array) -> tuple[Array, Array]:
    return jax.vjp(partial(_conv_by_library, stride), h, kernel)[1](g)


def _conv_by_columns(stride: int, h: Array, kernel: Array) -> Array:
    """Put the rows under the kernel side by side; multiply by each of its columns and add."""
    rows, columns, inputs, outputs = kernel.shape
    height, width = (
        stride * ((side + 2 - size) // stride + 1)
        for side, size in zip(h.shape[1:3], kernel.shape[:2], strict=True)
    )
    wide = jnp.pad(h, ((0, 0), (1, 1), (0, 0), (0, 0)))
    beside = jnp.concatenate([wide[:, i : i + height : stride] for i in range(rows)], -1)

    def product(column: int) -> Array:
        result = beside @ kernel[:, column].reshape(rows * inputs, outputs)
        ring = jnp.pad(result, ((0, 0), (0, 0), (1, 1), (0, 0)))
        return ring[:, :, column : column + width : stride]

    return sum(map(product, range(1, columns)), product(0))


def _derivatives_by_products(stride: int, h: Array, kernel: Array, g: Array) -> tuple[Array, Array]:
    """Return the derivatives along the images and along the kernel, given that of the result.

    The result at (y, x) reads the image at (stride y + a - 1, stride x + b - 1) through the entry
    (a, b) of the kernel. So the first is a convolution of ``g``, its places ``stride`` apart, with
    the kernel turned round. The second, a sum over (y, x) for each (a, b), is one product: rows of
    the image under the kernel beside each other, times ``g`` moved to the columns that it reads.
    """
    rows, columns, inputs, outputs = kernel.shape

    def placed(axis: int, first: int) -> tuple[int, int, int]:
        """Padding that puts the places of ``g`` into a row of the image, the first one there."""
        return first, h.shape[axis] - first - stride * (g.shape[axis] - 1) - 1, stride - 1

    def padded(along_rows: tuple[int, int, int], along_columns: tuple[int, int, int]) -> Array:
        still, zero = (0, 0, 0), jnp.zeros((), g.dtype)
        return jax.lax.pad(g, zero, (still, along_rows, along_columns, still))

    def around(axis: int, size: int) -> tuple[int, int, int]:
        before, behind, between = placed(axis, size - 2)
        return before - 1, behind + size - 2, between

    turned = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    along_images = _conv_by_columns(1, padded(around(1, rows), around(2, columns)), turned)

    wide = jnp.pad(h, ((0, 0), (1, 1), (0, 0), (0, 0)))
    last = stride * (g.shape[1] - 1) + 1
    read = jnp.concatenate([wide[:, a : a + last : stride] for a in range(rows)], -1)
    moved = [padded((0, 0, 0), placed(2, b - 1)) for b in range(columns)]
    product = read.reshape(-1, rows * inputs).T @ (
        jnp.concatenate(moved, -1).reshape(-1, columns * outputs)
    )
    return along_images, product.reshape(rows, inputs, columns, outputs).swapaxes(1, 2)


def _gaussian_kernel(key: Key, size: int, inputs: int, outputs: int) -> Array:
    """Draw a kernel whose entries have variance 1 / (number of numbers that it sums)."""
    return jax.random.normal(key, (size, size, inputs, outputs)) / (size * size * inputs) ** 0.5


class Moments(NamedTuple):
    """Mean and variance of each channel, shape (c,); in a stack (L, c)."""

    mean: Array
    variance: Array


BlockMoments = tuple[Moments, Moments]
"""What the two normalisations of a block saw, the inner one first."""


def batch_moments(h: Images) -> Moments:
    """Return mean and variance of each channel over the samples and pixels of a batch."""
    axes = tuple(range(h.ndim - 1))
    return Moments(h.mean(axes), h.var(axes))


class BatchNorm(nnx.Module):
    """The normalisation ``scale (h - mean) / sqrt(variance + 1e-5) + shift`` of each channel.

    Args:
        scale: shape (c,).
        shift: shape (c,).

    Source: :cite:t:`ioffe2015batch`.
    """

    def __init__(self, scale: Float[Array, " c"], shift: Float[Array, " c"]):
        self.scale = nnx.Param(scale)
        self.shift = nnx.Param(shift)

    def __call__(self, h: Images, moments: Moments) -> Images:
        """Return the images normalised with these moments."""
        factor = self.scale[...] / jnp.sqrt(moments.variance + EPSILON)
        return _along_channels(h, factor) * (h - _along_channels(h, moments.mean)) + (
            _along_channels(h, self.shift[...])
        )


def _along_channels(h: Images, value: Float[Array, " c"]) -> Array:
    """Give a vector of one number per channel as many axes as the images have."""
    return value.reshape((1,) * (h.ndim - 1) + value.shape)


class ConvBlock(nnx.Module):
    """The residual ``norm(conv(activation(norm(conv(h)))))``.

    As a `Block` it computes as in training: with the moments of the batch that it is given.

    Args:
        inner: the first kernel, shape (3, 3, c, c).
        outer: the second kernel, shape (3, 3, c, c).
        outer_scale: scale of the last normalisation, shape (c,); zero makes the layer the identity.
        activation: elementwise function.

    Raises:
        ValueError: if a kernel does not keep the shape of the state.

    Source: :cite:t:`marion2024implicit` and :cite:t:`sander2022residual`, experiments on CIFAR-10.
    """

    def __init__(
        self,
        inner: Float[Array, "a b c1 c2"],
        outer: Float[Array, "a2 b2 c3 c4"],
        outer_scale: Float[Array, " c"],
        *,
        activation: Activation = jax.nn.relu,
    ):
        (channels,) = outer_scale.shape
        if not inner.shape == outer.shape == (3, 3, channels, channels):
            raise ValueError(
                f"ConvBlock needs two kernels of shape (3, 3, c, c) and c scales, got "
                f"{inner.shape}, {outer.shape} and {outer_scale.shape}; a residual has the shape "
                "of its state."
            )
        zeros = jnp.zeros_like(outer_scale)
        self.inner = nnx.Param(inner)
        self.inner_norm = BatchNorm(jnp.ones_like(outer_scale), zeros)
        self.outer = nnx.Param(outer)
        self.outer_norm = BatchNorm(outer_scale, zeros)
        self.activation = activation

    @classmethod
    def gaussian(
        cls,
        key: Random,
        *,
        channels: int,
        outer_scale: float = 0.0,
        activation: Activation = jax.nn.relu,
    ) -> "ConvBlock":
        """Draw Gaussian kernels of variance ``1/(9 c)``; by default the layer is the identity.

        Args:
            key: random key, or ``nnx.Rngs``.
            channels: ``c``.
            outer_scale: scale of the last normalisation, the same for every channel.
            activation: elementwise function.
        """
        kernels = [
            _gaussian_kernel(key, 3, channels, channels) for key in jax.random.split(key_from(key))
        ]
        return cls(*kernels, jnp.full(channels, outer_scale), activation=activation)

    # On the way back the convolutions are kept. To compute the rest again costs less than to read
    # it from where large arrays lie.
    @partial(jax.checkpoint, policy=jax.checkpoint_policies.save_only_these_names("conv"))
    def in_training(self, h: Images) -> tuple[Images, BlockMoments]:
        """Return the residual with the moments of this batch, and these moments."""
        first = checkpoint_name(conv(h, self.inner[...]), "conv")
        first_moments = batch_moments(first)
        second = self._second(first, first_moments)
        second_moments = batch_moments(second)
        return self.outer_norm(second, second_moments), (first_moments, second_moments)

    def in_evaluation(self, moments: BlockMoments, h: Images) -> Images:
        """Return the residual with given moments: a function of each sample alone."""
        second = self._second(conv(h, self.inner[...]), moments[0])
        return self.outer_norm(second, moments[1])

    def _second(self, first: Images, moments: Moments) -> Images:
        middle = self.activation(self.inner_norm(first, moments))
        return checkpoint_name(conv(middle, self.outer[...]), "conv")

    def __call__(self, h: Images) -> Images:
        """Return the residual as in training, of the shape of ``h``."""
        return self.in_training(h)[0]


class ImageResNet(nnx.Module):
    """The model ``x -> B pool(h_L)`` with ``h_0 = relu(conv(x))`` and residual layers in between.

    Args:
        stem: kernel that makes images into states, shape (a, a, inputs, c).
        stack: the residual weights, a `ConvBlock` with leading axis ``L`` on every array.
        B: readout, shape (outputs, features).
        stride: stride of the stem.
        pool: side of the squares over which the last state is averaged.

    Source: :cite:t:`marion2024implicit`, experiments on CIFAR-10 (there also with biases).
    """

    def __init__(
        self,
        stem: Float[Array, "a b i c"],
        stack: Stack,
        B: Float[Array, "o f"],
        *,
        stride: int,
        pool: int,
    ):
        stacks.depth(stack)
        self.stem = nnx.Param(stem)
        self.stack = stack
        self.B = nnx.Param(B)
        self.stride = stride
        self.pool = pool

    @classmethod
    def gaussian(
        cls,
        key: Random,
        stack: Stack,
        *,
        image: tuple[int, int, int] = (32, 32, 3),
        outputs: int = 10,
        kernel: int = 5,
        stride: int = 3,
        pool: int = 4,
    ) -> "ImageResNet":
        """Draw stem and readout around a stack; the sizes left out are those for CIFAR-10.

        Args:
            key: random key, or ``nnx.Rngs``.
            stack: the residual weights.
            image: height, width and channels of an image.
            outputs: number of classes.
            kernel: side of the stem's kernel.
            stride: stride of the stem.
            pool: side of the squares over which the last state is averaged.

        Raises:
            ValueError: if no square of that side fits into the state.
        """
        height, width = ((side + 2 - kernel) // stride + 1 for side in image[:2])
        if min(height, width) < pool:
            raise ValueError(
                f"the last state is {height} by {width} pixels and pool = {pool}: nothing to "
                "average; take a smaller pool or stride."
            )
        key_stem, key_B = jax.random.split(key_from(key))
        channels = stack.inner.shape[-1]
        features = (height // pool) * (width // pool) * channels
        stem = _gaussian_kernel(key_stem, kernel, image[2], channels)
        B = jax.random.normal(key_B, (outputs, features)) / features**0.5
        return cls(stem, stack, B, stride=stride, pool=pool)

    def embed(self, x: Float[Array, "*batch h1 w1 i"]) -> Float[Array, "*batch h2 w2 c"]:
        """Return the first state ``h_0``."""
        return jax.nn.relu(conv(x, self.stem[...], stride=self.stride))

    def read(self, h: Images) -> Float[Array, "*batch o"]:
        """Return the prediction of a last state: averages over squares, then ``B``."""
        p, (height, width, c) = self.pool, h.shape[-3:]
        rows, columns = height // p, width // p
        squares = h[..., : rows * p, : columns * p, :].reshape(-1, rows, p, columns, p, c)
        features = squares.mean((2, 4)).reshape(*h.shape[:-3], rows * columns * c)
        return features @ self.B[...].T

    def in_training(self, x: Images) -> tuple[Float[Array, "*batch o"], BlockMoments]:
        """Return the predictions of a batch, and the moments that every layer saw.

        Args:
            x: images, shape (n, height, width, inputs).

        Returns:
            Predictions, shape (n, outputs), and the moments of each layer, shape (L, c).
        """
        depth = stacks.depth(self.stack)

        def layer(h: Images, block: ConvBlock) -> tuple[Images, BlockMoments]:
            residual, moments = block.in_training(h)
            return h + residual / depth, moments

        h, moments = jax.lax.scan(layer, self.embed(x), self.stack)
        return self.read(h), moments

    def in_evaluation(self, moments: BlockMoments, x: Images) -> Float[Array, "*batch o"]:
        """Return the predictions with given moments, each a function of its own sample.

        Args:
            moments: running averages of the moments of each layer, shape (L, c).
            x: images, shape (..., height, width, inputs).
        """
        return self.read(forward(with_moments(self.stack, moments), self.embed(x)))


def with_moments(stack: Stack, moments: BlockMoments) -> Stack:
    """Return the stack of layers in evaluation: blocks in the sense of the rest of the library."""
    return jax.tree_util.Partial(ConvBlock.in_evaluation, stack, moments)
