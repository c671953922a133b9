"""Trained networks converge to the trained limit, at rate 1/L."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import continuous, stacks, training
from resode_lib._types import Array, Block, Key
from resode_lib.blocks import TwoLayer
from resode_lib.continuous import TrainingLimit
from resode_lib.diagnostics import observed_slope
from resode_lib.resnet import ResNet
from resode_lib.training import Trajectory

__all__ = ["CLAIM", "Config", "Result"]

INPUTS, WIDTH, HIDDEN, SAMPLES = 2, 4, 8, 10


def tied(depth: int) -> ResNet:
    """Return the initialisation of the paper: ``V = 0``, one Gaussian ``W``."""
    return ResNet.at_identity(
        jax.random.key(0), inputs=INPUTS, outputs=INPUTS, width=WIDTH, hidden=HIDDEN, depth=depth
    )


def independent(depth: int) -> ResNet:
    """Return the same with a new ``W`` in every layer."""
    model = tied(depth)

    def draw(key: Key) -> Block:
        return TwoLayer.gaussian(key, width=WIDTH, hidden=HIDDEN, outer_scale=0.0)

    return ResNet(model.A[...], stacks.iid(draw, jax.random.key(2), depth), model.B[...])


@dataclass(frozen=True)
class Config:
    """Ten Gaussian pairs in R^2, width 4, tanh; ``A``, ``B`` and all residual weights move."""

    depths: tuple[int, ...] = (8, 16, 32, 64)
    times: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0)
    start: Callable[[int], ResNet] = tied


@dataclass(frozen=True)
class Result:
    """The largest distance to the limit over layers, entries and times, per depth."""

    depths: tuple[int, ...]
    weights: np.ndarray
    losses: np.ndarray


@cache
def data() -> tuple[Array, Array]:
    """Return inputs and targets."""
    x, y = jax.random.normal(jax.random.key(1), (2, SAMPLES, INPUTS))
    return x, y


@cache  # the control compares with the same limit
def limit(times: tuple[float, ...]) -> TrainingLimit:
    """Return the trained limit, solved without layers."""
    model = tied(1)
    path = stacks.piecewise_constant(model.stack)
    return continuous.training_limit(model, path, *data(), times=jnp.array(times))


@cache  # both starts share one program for each depth
def flow(times: tuple[float, ...]) -> Callable[[ResNet], Trajectory]:
    """Return the compiled gradient flow of a network, seen at ``times``."""
    seen = jnp.array(times)
    x, y = data()

    def walk(model: ResNet) -> Trajectory:
        return training.gradient_flow(
            lambda model: training.mean_squared_error(model(x), y),
            model,
            times=seen,
            record=lambda model: model.stack,
        )

    return jax.jit(walk)


def distances(walk: Trajectory, exact: TrainingLimit) -> tuple[float, float]:
    """Return how far a gradient flow is from the limit: weights, losses."""
    sampled = exact.sample(stacks.depth(walk.parameters.stack))
    gaps = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), walk.records, sampled)
    return float(max(jax.tree.leaves(gaps))), float(jnp.abs(walk.losses - exact.losses).max())


def run(config: Config) -> Result:
    """Solve the gradient flow of each network and compare it with the limit."""
    exact, follow = limit(config.times), flow(config.times)
    gaps = np.array([distances(follow(config.start(depth)), exact) for depth in config.depths])
    return Result(config.depths, gaps[:, 0], gaps[:, 1])


def judge(result: Result) -> tuple[Check, ...]:
    """Both distances fall like ``1/L`` or faster."""
    return tuple(
        Check(
            f"slope of the distance of the {name}",
            observed_slope(result.depths, gaps).value,
            high=-0.9,
        )
        for name, gaps in (("weights", result.weights), ("losses", result.losses))
    )


CLAIM = Claim(
    label="thm-trained-limit",
    chapter="train/implicit-regularization",
    statement=(
        "On a finite time interval, trained networks converge to the solution of a closed system "
        "in continuous depth, at rate 1/L."
    ),
    source="Marion, Wu, Sander, Biau 2023, Theorem 4; the rate is proved in the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a smooth start": {"start": independent}},
)
