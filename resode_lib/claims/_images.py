"""The networks for digits that several claims train, and what they measure on them."""

from functools import cache

import jax
import jax.numpy as jnp

from resode_lib import datasets, diagnostics, resnet, stacks
from resode_lib._types import Array, Stack
from resode_lib.classification import (
    Fit,
    Setting,
    entropy,
    fit,
    large_batch_moments,
    standardised,
)
from resode_lib.datasets import Dataset
from resode_lib.images import BlockMoments, ImageResNet, with_moments

__all__ = ["digits", "largest_increment", "refined_loss", "relative_lipschitz", "train"]


@cache
def digits() -> tuple[Dataset, Dataset]:
    """Return the digits, standardised, 1,437 to train with and 360 to test with."""
    return standardised(*datasets.digits(jax.random.key(0)))


@cache  # the same networks serve several claims
def train(setting: Setting) -> Fit:
    """Train on the digits and keep the largest increment in depth after every epoch."""
    return fit(setting, digits()[0], record=largest_increment)


def largest_increment(model: ImageResNet) -> Array:
    """Return ``max_k ||theta_{k+1} - theta_k||``, over all arrays of a layer together."""
    return diagnostics.depth_lipschitz(model.stack) / stacks.depth(model.stack)


def relative_lipschitz(stack: Stack) -> float:
    """Return ``L max_k ||theta_{k+1} - theta_k||`` of the kernels, over their mean norm.

    In front of a normalisation the length of a kernel means nothing.
    """
    kernels = {"inner": stack.inner[...], "outer": stack.outer[...]}
    size = jnp.sqrt(sum(norm**2 for norm in stacks.norms(kernels).values())).mean()
    return float(diagnostics.depth_lipschitz(kernels) / size)


def refined_loss(run: Fit, data: Dataset) -> float:
    """Return the relative change of the loss if ``2L`` layers are interpolated, in evaluation.

    The moments are interpolated as the weights are.
    """
    moments = large_batch_moments(run.network, digits()[0])
    return float(_change(run.network, moments, data.x, data.y))


@jax.jit
def _change(model: ImageResNet, moments: BlockMoments, x: Array, y: Array) -> Array:
    def loss(stack: Stack) -> Array:
        return entropy(model.read(resnet.forward(stack, model.embed(x))), y)

    return diagnostics.refinement_change(loss, with_moments(model.stack, moments))
