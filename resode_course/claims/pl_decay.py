"""Polyak-Lojasiewicz: the loss decays exponentially along a path of finite length."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import diagnostics, stacks, training
from resode_lib._types import Array, Stack
from resode_lib.blocks import Linear

__all__ = ["CLAIM", "Config", "Result"]

START = 3.0


def wave(x: Array) -> Array:
    """Return ``x^2 + 3 sin^2 x``: not convex, with the PL inequality."""
    return x**2 + 3 * jnp.sin(x) ** 2


def quartic(x: Array) -> Array:
    """Return ``x^4``: convex, and so flat at its minimum that no PL inequality holds."""
    return x**4


@dataclass(frozen=True)
class Config:
    """A flow on the line from 3; ``promise`` is the constant that is claimed on [-3, 3]."""

    loss: Callable[[Array], Array] = wave
    promise: float = 0.35
    time: float = 60.0


@dataclass(frozen=True)
class Result:
    """The promised and the measured PL constant, and the walk."""

    promise: float
    mu: float
    times: np.ndarray
    losses: np.ndarray
    length: float


def run(config: Config) -> Result:
    """Evaluate the ratio on a grid around the minimum, and follow the flow."""

    def loss(stack: Stack) -> Array:
        return config.loss(stack.theta[0, 0, 0])

    def at(x: Array) -> Stack:
        return stacks.tied(Linear(jnp.reshape(x, (1, 1))), 1)

    grid = np.linspace(1e-3, START, 400)
    mu = min(float(diagnostics.pl_ratio(loss, at(jnp.asarray(x)))) for x in grid[::8])
    times = jnp.linspace(0.0, config.time, 161)
    walk = training.gradient_flow(
        loss, at(jnp.asarray(START)), times=times, record=lambda s: s, tolerance=1e-12
    )
    length = float(diagnostics.path_length(walk.records))
    return Result(config.promise, mu, np.asarray(times), np.asarray(walk.losses), length)


def judge(result: Result) -> tuple[Check, ...]:
    """The promised constant, the decay and the length that follow from it."""
    envelope = np.exp(-result.promise * result.times) * result.losses[0]
    allowed = 2 * np.sqrt(result.losses[0] / result.promise)
    return (
        Check("PL constant", result.mu, low=result.promise),
        # The solver keeps twelve digits, far fewer than a hundredth.
        Check("largest ratio loss / envelope", float((result.losses / envelope).max()), high=1.01),
        Check("length / bound", result.length / allowed, high=1),
    )


CLAIM = Claim(
    label="thm-pl-decay",
    chapter="converge/polyak-lojasiewicz",
    statement=(
        "Under ||gradient||^2 >= mu loss the gradient flow satisfies loss(t) <= exp(-mu t) loss(0) "
        "and has length at most 2 sqrt(loss(0) / mu), convex or not."
    ),
    source="Karimi, Nutini, Schmidt 2016; Marion, Wu, Sander, Biau 2023, Proposition 8",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"the PL inequality": {"loss": quartic}},
)
