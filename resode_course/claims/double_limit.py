"""Long time and large depth: one envelope for the losses of all depths."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import diagnostics, stacks, training
from resode_lib._types import Array, Block, Key
from resode_lib.blocks import TwoLayer
from resode_lib.resnet import ResNet

__all__ = ["CLAIM", "Config", "Result"]

INPUTS, WIDTH, HIDDEN, SAMPLES = 6, 8, 32, 4
TIMES = np.linspace(0, 12, 25)


def tied(depth: int) -> ResNet:
    """Return the smooth initialisation of the paper."""
    return ResNet.at_identity(
        jax.random.key(0), inputs=INPUTS, outputs=1, width=WIDTH, hidden=HIDDEN, depth=depth
    )


def independent(depth: int) -> ResNet:
    """Return the same with a new ``W`` in every layer."""

    def draw(key: Key) -> Block:
        return TwoLayer.gaussian(key, width=WIDTH, hidden=HIDDEN, outer_scale=0.0)

    model = tied(depth)
    return ResNet(model.A[...], stacks.iid(draw, jax.random.key(0), depth), model.B[...])


def distinct() -> Array:
    """Return four inputs of norm ``sqrt(q)``."""
    x = jax.random.normal(jax.random.key(1), (SAMPLES, INPUTS))
    return x * jnp.sqrt(WIDTH) / jnp.linalg.norm(x, axis=1, keepdims=True)


def duplicated() -> Array:
    """Return the same with the first input given twice, each with its own target."""
    x = distinct()
    return x.at[1].set(x[0])


@dataclass(frozen=True)
class Config:
    """Four inputs on a sphere, one output, 32 neurons; all weights move, up to time 12."""

    depths: tuple[int, ...] = (4, 16)
    start: Callable[[int], ResNet] = tied
    inputs: Callable[[], Array] = distinct


@dataclass(frozen=True)
class Result:
    """Per depth (rows): losses, PL ratios and Lipschitz numbers in depth along training."""

    losses: np.ndarray
    ratios: np.ndarray
    lipschitz: np.ndarray


def run(config: Config) -> Result:
    """Follow the flow of each network."""
    y = 0.5 * jax.random.normal(jax.random.key(2), (SAMPLES, 1))
    walks = [flow()(config.start(depth), config.inputs(), y) for depth in config.depths]
    return Result(*(np.array(part) for part in zip(*walks, strict=True)))


@cache  # starts and inputs share one program for each depth
def flow() -> Callable[[ResNet, Array, Array], tuple[Array, Array, Array]]:
    """Return what gives losses, PL ratios and Lipschitz numbers of the weights at all times."""
    times = jnp.array(TIMES)

    def walk(start: ResNet, x: Array, y: Array) -> tuple[Array, Array, Array]:
        def loss(model: ResNet) -> Array:
            return training.mean_squared_error(model(x), y)

        def record(model: ResNet) -> tuple[Array, Array]:
            return diagnostics.pl_ratio(loss, model), diagnostics.depth_lipschitz(model.stack)

        run = training.gradient_flow(loss, start, times=times, record=record)
        return run.losses, *run.records

    return jax.jit(walk)


def judge(result: Result) -> tuple[Check, ...]:
    """One rate for all depths, and weights whose roughness depends on neither time nor depth."""
    mu = float(result.ratios.min())
    envelope = np.exp(-mu * TIMES) * result.losses[:, :1]
    halfway, final = result.lipschitz[:, len(TIMES) // 2], result.lipschitz[:, -1]
    return (
        Check("smallest PL ratio over depths and times", mu, low=1e-2),
        # The solver's tolerance is far below a hundredth.
        Check("largest loss / envelope", float((result.losses / envelope).max()), high=1.01),
        Check("L * increment, deepest over shallowest", float(final[-1] / final[0]), high=1.3),
        Check("L * increment, end over half time", float((final / halfway).max()), high=1.1),
    )


CLAIM = Claim(
    label="thm-double-limit",
    chapter="converge/double-limit",
    statement=(
        "If the local PL condition holds uniformly in the depth, the losses of all depths lie "
        "under one exponential and the weights stay Lipschitz in depth for all times."
    ),
    source="Marion, Wu, Sander, Biau 2023, Proposition 8 and Theorem 6",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "the PL condition": {"inputs": duplicated},
        "a smooth start": {"start": independent},
    },
)
