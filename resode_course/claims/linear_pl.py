"""Linear residual networks: a gradient that vanishes only with the loss, at any width."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import resnet, training
from resode_lib._types import Array, Stack
from resode_lib.blocks import Linear

__all__ = ["CLAIM", "Config", "Result"]

WIDTH, SAMPLES, DRAWS, RADIUS = 3, 5, 40, 0.9


@dataclass(frozen=True)
class Config:
    """Random networks with ``||theta_k||_2 <= 0.9``, random inputs and targets.

    ``collapsed`` layers are set to ``-L I``, so that they map everything to zero; ``factor`` says
    whether the gradient carries the factor L.
    """

    depths: tuple[int, ...] = (2, 8, 32)
    collapsed: int = 0
    factor: bool = True


@dataclass(frozen=True)
class Result:
    """The squared gradient over the bound: the least of all networks, and the extreme one's."""

    least: float
    extreme: float


def run(config: Config) -> Result:
    """Measure the quotient for many networks of each depth."""
    rows = np.array([quotients(depth, config) for depth in config.depths])
    return Result(float(rows.min()), float(rows[:, 1].max()))


def quotients(depth: int, config: Config) -> tuple[float, float]:
    """Return the least quotient of random networks, and that of ``theta_k = -R I`` and ``I``."""
    keys = jax.random.split(jax.random.key(depth), 3)
    thetas = jax.random.normal(keys[0], (DRAWS, depth, WIDTH, WIDTH))
    thetas *= RADIUS / jnp.linalg.norm(thetas, ord=2, axis=(-2, -1), keepdims=True)
    thetas = thetas.at[:, : config.collapsed].set(-depth * jnp.eye(WIDTH))
    inputs = jax.random.normal(keys[1], (DRAWS, SAMPLES, WIDTH))
    targets = jax.random.normal(keys[2], (DRAWS, WIDTH, WIDTH))
    power = 1.0 if config.factor else 1 / depth
    quotient = jax.jit(jax.vmap(_quotient))
    extreme = jnp.broadcast_to(-RADIUS * jnp.eye(WIDTH), thetas.shape)
    whitened = jnp.broadcast_to(jnp.sqrt(WIDTH) * jnp.eye(WIDTH), (DRAWS, WIDTH, WIDTH))
    return (
        power * float(quotient(thetas, inputs, targets).min()),
        power * float(quotient(extreme, whitened, targets).min()),
    )


def _quotient(theta: Array, inputs: Array, target: Array) -> Array:
    """Return ``||grad||_L^2 / (4 (1 - R/L)^(2 (L - 1)) lambda_min(Sigma) loss)``."""

    def loss(stack: Stack) -> Array:
        return training.mean_squared_error(resnet.forward(stack, inputs), inputs @ target.T)

    value, gradient = training.depth_gradient(loss, jax.vmap(Linear)(theta))
    depth = len(theta)
    smallest = jnp.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[0]
    bound = 4 * (1 - RADIUS / depth) ** (2 * (depth - 1)) * smallest * value
    return training.depth_norm(gradient) ** 2 / bound


def judge(result: Result) -> tuple[Check, ...]:
    """At least one, and one at the extreme: the bound is sharp."""
    return (
        Check("least squared gradient / bound", result.least, low=1 - 1e-9),
        Check("theta_k = -R I: squared gradient / bound", result.extreme, high=1 + 1e-9),
    )


CLAIM = Claim(
    label="prop-linear-pl",
    chapter="train/linear-networks",
    statement=(
        "If all weights of a linear network have norm at most R < L, the squared gradient is at "
        "least 4 (1 - R/L)^(2L-2) lambda_min(Sigma) times the loss, and no larger factor will do."
    ),
    source="after Hardt, Ma 2017; proved in the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "weights of norm below L": {"collapsed": 2},
        "the gradient in the norm of depth": {"factor": False},
    },
)
