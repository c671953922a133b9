"""Random keys, from JAX or from Flax."""

from flax import nnx

from resode_lib._types import Key

__all__ = ["Random", "key_from"]

Random = Key | nnx.Rngs
"""A random key, or Flax's streams of keys."""


def key_from(random: Random) -> Key:
    """Return the key, or the next one of the stream of parameters, which counts on."""
    return random.params() if isinstance(random, nnx.Rngs) else random
