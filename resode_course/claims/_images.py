"""What several claims measure on the networks for digits."""

import jax
import jax.numpy as jnp

from resode_lib import diagnostics, resnet, stacks
from resode_lib._types import Array, Stack
from resode_lib.datasets import Dataset
from resode_lib.image_training import Fit, digits, entropy, large_batch_moments
from resode_lib.images import BlockMoments, ImageResNet, with_moments

__all__ = ["largest_increment", "refined_loss", "relative_lipschitz"]


def largest_increment(run: Fit) -> float:
    """Return ``max_k ||theta_{k+1} - theta_k||``, over all epochs.

    The norm is over all arrays of a layer together.
    """
    lipschitz = jax.vmap(diagnostics.depth_lipschitz)(run.records)
    return float(lipschitz.max() / stacks.depth(run.network.stack))


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
