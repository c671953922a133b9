"""The regression by two-layer networks that the claims on training by short steps share."""

from dataclasses import dataclass

import jax

from resode_lib import resnet, stacks, training
from resode_lib._types import Array, Stack
from resode_lib.blocks import TwoLayer

__all__ = ["SAMPLES", "Regression"]

SAMPLES = 32


@dataclass(frozen=True)
class Regression:
    """Gaussian inputs and targets, and networks of two-layer tanh blocks without embedding.

    Attributes:
        seed: of data and weights.
        width: of the states; a layer has four times as many neurons.
        scale: of the targets.
        outer: the standard deviation of the outer weights at the start.
    """

    seed: int
    width: int
    scale: float = 1.0
    outer: float = 0.0

    def loss(self, stack: Stack) -> Array:
        """Return the mean squared error."""
        keys = jax.random.split(jax.random.key(self.seed))
        x, y = (jax.random.normal(key, (SAMPLES, self.width)) for key in keys)
        return training.mean_squared_error(resnet.forward(stack, x), self.scale * y)

    def block(self, key: Array) -> TwoLayer:
        """Draw a layer."""
        hidden = 4 * self.width
        return TwoLayer.gaussian(key, width=self.width, hidden=hidden, outer_scale=self.outer)

    def tied(self, depth: int) -> Stack:
        """Return the same layer everywhere."""
        return stacks.tied(self.block(self._key()), depth)

    def independent(self, depth: int) -> Stack:
        """Return layers drawn anew."""
        return stacks.iid(self.block, self._key(), depth)

    def _key(self) -> Array:
        return jax.random.fold_in(jax.random.key(self.seed), 1)
