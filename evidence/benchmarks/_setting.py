"""The sizes of what is measured, and the arrays that every method starts from."""

from typing import NamedTuple

import numpy as np

__all__ = ["Setting", "data"]


class Setting(NamedTuple):
    """The sizes of a network and of its training.

    Attributes:
        width: ``d``.
        hidden: ``m``.
        samples: ``n``.
        depth: ``L``.
        dtype: of everything.
        activation: "gelu" or "tanh".
        steps: of gradient descent, for trajectories.
        every: steps between the records of all weights.
        rate: of gradient descent, in training time.
        tied: whether training starts as in the papers, with ``V = 0`` and one ``W``.
    """

    width: int
    hidden: int
    samples: int
    depth: int
    dtype: str = "float32"
    activation: str = "gelu"
    steps: int = 0
    every: int = 1
    rate: float = 1e-2
    tied: bool = False


def data(setting: Setting) -> tuple[np.ndarray, ...]:
    """Return ``V (L, d, m)``, ``W (L, m, d)``, inputs and targets ``(n, d)``."""
    rng = np.random.default_rng(0)
    d, m, n, L = setting[:4]
    layers = 1 if setting.tied else L
    shapes = ((layers, d, m), (layers, m, d), (n, d), (n, d))
    V, W, x, y = (rng.standard_normal(shape).astype(setting.dtype) for shape in shapes)
    if setting.tied:
        V, W = np.zeros((L, d, m), setting.dtype), np.repeat(W, L, axis=0)
    return V, W, x, y
