"""Gradient descent inherits the exponential decay, if its step is short."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims.descent_lemma import SMOOTHNESS
from resode_course.claims.pl_decay import START, wave

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Descent on ``x^2 + 3 sin^2 x`` from 3; ``step`` is in units of one over the smoothness."""

    step: float = 1.0
    steps: int = 400


@dataclass(frozen=True)
class Result:
    """The loss per step, and the factor that the theorem guarantees."""

    losses: np.ndarray
    factor: float


def run(config: Config) -> Result:
    """Iterate, with the PL constant from a grid."""
    grid = jnp.linspace(1e-3, START, 4000)
    slopes = jax.vmap(jax.grad(wave))
    mu = float((slopes(grid) ** 2 / wave(grid)).min())
    eta = 1 / SMOOTHNESS

    def step(x: jax.Array, _: None) -> tuple:
        return x - config.step * eta * jax.grad(wave)(x), wave(x)

    _, losses = jax.lax.scan(step, jnp.asarray(START), length=config.steps)
    return Result(np.asarray(losses), 1 - mu / (2 * SMOOTHNESS))


def judge(result: Result) -> tuple[Check, ...]:
    """Every step shrinks the loss by the guaranteed factor, or more."""
    ratios = (result.losses / result.factor ** np.arange(len(result.losses))) / result.losses[0]
    return (Check("largest ratio loss / guarantee", float(ratios.max()), high=1),)


CLAIM = Claim(
    label="thm-pl-descent",
    chapter="converge/polyak-lojasiewicz",
    statement=(
        "Under PL and a beta-Lipschitz gradient, descent with step 1/beta shrinks the loss by the "
        "factor 1 - mu/(2 beta) in every step."
    ),
    source="Karimi, Nutini, Schmidt 2016, Theorem 1, in the convention without 1/2",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a step of 1/beta": {"step": 2.5}},
)
