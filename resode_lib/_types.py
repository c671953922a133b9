"""The nouns of the library, as type aliases: no code."""

from collections.abc import Callable
from typing import Any, Protocol

from jaxtyping import Array, Float, PRNGKeyArray

__all__ = ["Array", "Block", "Field", "Float", "Key", "Path", "Scalar", "Stack", "State"]

Key = PRNGKeyArray
Scalar = Float[Array, ""] | float
State = Float[Array, "*batch d"]
"""Hidden states: the last axis is the width ``d``, every axis before it is batch."""


class Block(Protocol):
    """What one layer computes, ``h -> f(h, theta)``, before the step size multiplies it."""

    def __call__(self, h: State) -> State:
        """Return the residual, of the shape of ``h``."""
        ...


Stack = Any
"""A block whose every array has a leading axis ``L``, the depth."""

Path = Callable[[Scalar], Block]
"""Weights as a function of depth, ``s -> theta(s)`` for ``s`` in [0, 1], given as blocks."""

Field = Callable[[Scalar, State], State]
"""The right-hand side of an ODE, ``(s, h) -> f(h, theta(s))``."""
