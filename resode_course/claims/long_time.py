"""Small targets: the flow never leaves the ball where PL holds, with explicit constants."""

from dataclasses import dataclass
from math import exp, sqrt

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims import pl_ball
from resode_course.claims._claim import Check, Claim
from resode_lib import stacks, training
from resode_lib._types import Array
from resode_lib.resnet import ResNet

__all__ = ["CLAIM", "Config", "Result", "speed_constant"]

HIDDEN, DEPTH = 64, 4
TIMES = np.linspace(0, 60, 31)


def speed_constant(model: ResNet, M: float) -> float:
    """Return ``c`` such that on the ball no array moves faster than ``c sqrt(loss)``, for tanh.

    ``c = 2 e^a (1 + M) max(K_2, sqrt(d))`` with the bound ``a`` on the derivative of the residual
    in the state and ``K_2 = 1 + M e^a (1 + M) / sqrt(m)`` on that in the weights.
    """
    W = np.asarray(model.stack.W[0])
    m, d = W.shape
    a = M * (np.linalg.norm(W, ord=2) + M) / sqrt(m * d)
    in_weights = 1 + M * exp(a) * (1 + M) / sqrt(m)
    return 2 * exp(a) * (1 + M) * max(in_weights, sqrt(d))


@dataclass(frozen=True)
class Config:
    """Six inputs in R^4, width 5, 64 neurons, 4 layers; all weights move, up to time 60.

    The targets have ``part`` of the size that the theorem allows, or ``size`` if that is given.
    """

    part: float = 0.9
    size: float | None = None
    twice: bool = False


@dataclass(frozen=True)
class Result:
    """What the theorem speaks of.

    Attributes:
        smallness: ``2 c sqrt(loss(0)) / (mu M)``; the theorem asks for less than one.
        farthest: the largest distance of an array of a layer from its start, over ``M``.
        ratio: the largest ``loss(t) / (exp(-mu t) loss(0))``.
        final: ``loss(end) / loss(0)``.
        allowed: the largest allowed ``sqrt(loss(0))``.
    """

    smallness: float
    farthest: float
    ratio: float
    final: float
    allowed: float


def farthest(model: ResNet, start: ResNet) -> Array:
    """Return the largest distance from the start, over ``A``, ``B`` and the layers."""
    moves = jax.tree.map(lambda now, before: now - before, model.stack, start.stack)
    layers = jnp.sqrt(sum(norm**2 for norm in jax.tree.leaves(stacks.norms(moves))))
    ends = (model.A[...] - start.A[...], model.B[...] - start.B[...])
    return jnp.array([layers.max(), *(jnp.linalg.norm(end) for end in ends)]).max()


def run(config: Config) -> Result:
    """Take radius and constant from the proof, scale the targets, follow the flow."""
    model = pl_ball.start(HIDDEN, DEPTH)
    x, y, bottom = pl_ball.data(model)
    M, mu = pl_ball.radius(model, bottom), 0.3 * bottom / len(x)
    c = speed_constant(model, M)
    allowed = mu * M / (2 * c)
    size = config.part * allowed if config.size is None else config.size
    if config.twice:
        x, y = pl_ball.data(model, twice=True)[:2]
    y = y * size * sqrt(len(x)) / jnp.linalg.norm(y)

    def loss(model: ResNet) -> Array:
        return training.mean_squared_error(model(x), y)

    walk = training.gradient_flow(
        loss,
        model,
        times=jnp.array(TIMES),
        record=lambda now: farthest(now, model),
        tolerance=1e-13,  # the weights move by less than 1e-5
    )
    decay = walk.losses / walk.losses[0]
    return Result(
        smallness=float(jnp.sqrt(walk.losses[0])) / allowed,
        farthest=float(walk.records.max()) / M,
        ratio=float((decay / jnp.exp(-mu * TIMES)).max()),
        final=float(decay[-1]),
        allowed=allowed,
    )


def judge(result: Result) -> tuple[Check, ...]:
    """The hypothesis, and what follows from it."""
    return (
        Check("2 c sqrt(loss(0)) / (mu M)", result.smallness, high=1),
        Check("farthest layer from its start / M", result.farthest, high=1),
        # The solver keeps far more digits than a hundredth.
        Check("largest loss / envelope", result.ratio, high=1.01),
    )


CLAIM = Claim(
    label="thm-long-time",
    chapter="converge/double-limit",
    statement=(
        "If PL holds on the ball of radius M and 2 c sqrt(loss(0)) < mu M, no layer ever leaves "
        "its ball and the loss decays like exp(-mu t), at every depth."
    ),
    source="Marion, Wu, Sander, Biau 2023, Proposition 8; proved in the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "small targets": {"size": 1.0},
        "the PL inequality": {"twice": True},
    },
)
