"""A network of continuous depth and width exists, and there is one: Picard's iterates agree."""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import variable_width
from resode_lib._types import Array

__all__ = ["CLAIM", "Config", "Result"]


def root(y: Array) -> Array:
    """Return ``sqrt |y|``, which is continuous but not Lipschitz at zero."""
    return jnp.sqrt(jnp.abs(y))


@dataclass(frozen=True)
class Config:
    """A positive kernel, start and bias that oscillate, 48 layers of width 24.

    Attributes:
        activation: ``sigma``.
        size: of start and bias; at zero the zero state is a solution if ``sigma(0) = 0``.
        iterations: of Picard's map.
    """

    activation: Callable[[Array], Array] = jnp.tanh
    size: float = 1.0
    depth: int = 48
    width: int = 24
    iterations: int = 24


@dataclass(frozen=True)
class Result:
    """Per iteration, the distance of the iterates of two guesses and its bound; and for two starts.

    Attributes:
        distances: after 0, 1, ... iterations, the largest over depth and width.
        bounds: ``Lambda^n / n!`` times the first distance.
        growth: the largest ``||z(s) - z'(s)|| / (e^(Lambda s) ||z_0 - z'_0||)`` of two solutions.
    """

    distances: np.ndarray
    bounds: np.ndarray
    growth: float


def run(config: Config) -> Result:
    """Iterate from the guesses 0 and 1, and solve from two starts."""
    x, weights = map(np.array, variable_width.uniform(config.width))
    s = np.arange(config.depth + 1) / config.depth
    w = 2 + np.cos(2 * x[:, None] - 3 * x + s[:, None, None])  # (depth, to, from)
    bias = config.size * np.sin(2 * x + s[:, None])
    start = config.size * np.cos(3 * x)

    @jax.jit
    def iterates(guess: Array, start: Array) -> Array:
        def picard(y: Array, _: None) -> tuple[Array, Array]:
            rates = config.activation(jnp.einsum("kij,j,kj->ki", w, weights, y) + bias)
            moved = jnp.cumsum(rates[:-1], axis=0) / config.depth
            following = start[None] + jnp.concatenate([jnp.zeros((1, len(x))), moved])
            return following, y

        last, seen = jax.lax.scan(picard, guess, length=config.iterations)
        return jnp.concatenate([seen, last[None]])

    zero = np.zeros((config.depth + 1, config.width))
    first, second = np.array(iterates(zero, start)), np.array(iterates(zero + 1, start))
    other = np.array(iterates(zero, start + 0.1 * np.sin(20 * x)))[-1]
    distances = np.abs(first - second).max(axis=(1, 2))
    constant = float((np.abs(w) @ weights).max())  # tanh has the Lipschitz constant 1
    n = np.arange(config.iterations + 1)
    bounds = distances[0] * constant**n / np.array([factorial(i) for i in n], float)
    apart = np.abs(other - first[-1]).max(axis=1)
    growth = float((apart / (np.exp(constant * s) * apart[0]))[1:].max())
    return Result(distances, bounds, growth)


def judge(result: Result) -> tuple[Check, ...]:
    """Below the bound at every iteration, and nothing left at the end."""
    ratio = float((result.distances[1:] / result.bounds[1:]).max())
    return (
        Check("distance of the iterates / bound", ratio, high=1),
        Check("distance after the last iteration", float(result.distances[-1]), high=1e-9),
        Check("distance of two solutions / bound", result.growth, high=1 + 1e-9),
    )


CLAIM = Claim(
    label="thm-kernel-flow",
    chapter="control/variable-width",
    statement="With a continuous kernel and a Lipschitz activation the network of continuous depth "
    "and width has exactly one solution; Picard's iterates approach it like Lambda^n / n!.",
    source="proved in the chapter (Picard, Gronwall)",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a Lipschitz activation": {"activation": root, "size": 0.0}},
)
