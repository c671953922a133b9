"""Networks with momentum: inverted by a formula, at the price of rounding errors that grow."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from resode_course.claims._claim import Check, Claim

__all__ = ["CLAIM", "Config", "Result"]

MOMENTUM = 0.9
ROUNDING = 2.0**-53

Number = Fraction | float


@dataclass(frozen=True)
class Config:
    """``f = -h`` in width one, from ``h = 1`` and ``v = 0``; the hypotheses are fields."""

    depths: tuple[int, ...] = (100, 200, 300, 400)
    momentum: float = MOMENTUM
    rounded: bool = True
    keeps_velocity: bool = True


@dataclass(frozen=True)
class Result:
    """Per depth: the growth of the worst change, and errors of the recovered input."""

    depths: tuple[int, ...]
    amplifications: np.ndarray
    errors: np.ndarray
    exact_errors: np.ndarray


def _recovered(depth: int, momentum: Number, one: Number, keeps_velocity: bool) -> Number:
    """Walk there and back in the arithmetic of ``one``."""
    h, v = one, 0 * one
    for _ in range(depth):
        v = momentum * v - (1 - momentum) * h
        h = h + v / depth
    if not keeps_velocity:
        v = -h  # what the velocity is close to
    for _ in range(depth):
        h = h - v / depth
        v = (v + (1 - momentum) * h) / momentum
    return h


def _amplification(depth: int, momentum: float) -> float:
    """Return the norm of the inverse of all layers, a matrix that acts on ``(h, v)``."""
    moves = np.array([[1.0, -1 / depth], [0.0, 1.0]])
    forgets = np.array([[1.0, 0.0], [(1 - momentum) / momentum, 1 / momentum]])
    return float(np.linalg.norm(np.linalg.matrix_power(forgets @ moves, depth), ord=2))


def run(config: Config) -> Result:
    """Walk there and back, in floating-point numbers and in fractions."""
    fraction = Fraction(config.momentum).limit_denominator(1000)
    keeps = config.keeps_velocity
    errors, exact = [], []
    for depth in config.depths:
        exact.append(abs(_recovered(depth, fraction, Fraction(1), keeps) - 1))
        rounded = abs(_recovered(depth, config.momentum, 1.0, keeps) - 1)
        errors.append(rounded if config.rounded else exact[-1])
    growth = [_amplification(depth, config.momentum) for depth in config.depths]
    return Result(config.depths, np.array(growth), np.array(errors, float), np.array(exact, float))


def judge(result: Result) -> tuple[Check, ...]:
    """The inverse multiplies areas by ``0.9^-L``, so one direction by its root at least.

    A rounding error of the walk there is one such change, made along the way, and all of them add
    up: what they grow to is found, not proved, to lie above the same root.
    """
    root = MOMENTUM ** (-np.asarray(result.depths) / 2)
    growth, rounding = result.amplifications / root, result.errors / ROUNDING / root
    return (
        Check("error in exact arithmetic", float(result.exact_errors.max()), high=0),
        Check("smallest ratio of growth and 0.9^(-L/2)", float(growth.min()), low=1),
        Check("smallest ratio of error / rounding and 0.9^(-L/2)", float(rounding.min()), low=1),
    )


CLAIM = Claim(
    label="prop-momentum-reversal",
    chapter="remember/training-without-memory",
    statement="A network with momentum gamma is inverted exactly by its formula, but the inverse "
    "multiplies some change of the last state by gamma^(-L/2) at least.",
    source="after Sander, Ablin, Blondel, Peyré 2021; proof in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "a momentum that stays below one": {"momentum": 1 - 1 / 400},
        "rounding": {"rounded": False},
        "the last velocity": {"keeps_velocity": False},
    },
)
