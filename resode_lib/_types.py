"""The nouns of the library, as type aliases: no code."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

__all__ = [
    "Array",
    "Block",
    "Field",
    "Float",
    "Key",
    "Numbers",
    "Path",
    "Scalar",
    "Stack",
    "State",
    "Times",
]

Key = PRNGKeyArray
Scalar = Float[Array, ""] | float
Numbers = Sequence[float] | Sequence[int] | np.ndarray
"""A list of numbers measured outside of traced code, such as one error per depth."""

Times = Float[Array, " t"] | Float[np.ndarray, " t"]
"""Times that are known before a program is traced."""

State = Float[Array, "*batch d"]
"""Hidden states: the last axis is the width ``d``, every axis before it is batch."""


@runtime_checkable
class Block(Protocol):
    """What one layer computes, ``h -> f(h, theta)``, before the step size multiplies it."""

    def __call__(self, h: State) -> State:
        """Return the residual, of the shape of ``h``."""
        ...


Stack: TypeAlias = Any
"""A block whose every array has a leading axis ``L``, the depth.

To a type checker it is anything: the type of a block, a dictionary or a gradient is that of its
stack, and axes are no part of it.
"""

Path = Callable[[Scalar], Block]
"""Weights as a function of depth, ``s -> theta(s)`` for ``s`` in [0, 1], given as blocks."""

Field = Callable[[Scalar, State], State]
"""The right-hand side of an ODE, ``(s, h) -> f(h, theta(s))``."""
