"""The PL inequality on a ball around the start, with explicit radius and constant."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._features import directions
from resode_lib import diagnostics, training
from resode_lib._types import Array
from resode_lib.blocks import TwoLayer
from resode_lib.resnet import ResNet

__all__ = ["CLAIM", "Config", "Result", "data", "radius", "start"]

SAMPLES, INPUTS, OUTPUTS, WIDTH = 6, 4, 1, 5
LARGEST, ROUNDING = 0.25, 1e-12


def start(hidden: int, depth: int) -> ResNet:
    """Return the initialisation of the paper."""
    return ResNet.at_identity(
        jax.random.key(0), inputs=INPUTS, outputs=OUTPUTS, width=WIDTH, hidden=hidden, depth=depth
    )


def data(model: ResNet, *, twice: bool = False) -> tuple[Array, Array, float]:
    """Return inputs, the unit targets that the start fits most slowly, and ``lambda``.

    ``lambda = lambda_min(S^T S) / m``; the targets are its eigenvector. With ``twice`` the first
    input is given twice.
    """
    x = directions(SAMPLES, INPUTS) * sqrt(WIDTH)
    x[1] = x[0] if twice else x[1]
    S = np.tanh(np.asarray(model.stack.W[0]) @ np.asarray(model.A[...]) @ x.T / sqrt(WIDTH))
    values, vectors = np.linalg.eigh(S.T @ S / len(S))
    # A singular matrix shows rounding instead of zero.
    bottom = float(values[0]) if values[0] > ROUNDING else 0.0
    return jnp.asarray(x), jnp.asarray(vectors[:, :1]), bottom


def radius(model: ResNet, bottom: float, samples: int = SAMPLES) -> float:
    """Return the largest ``M <= 1/4`` that the proof allows, by bisection.

    ``a = M (w + M) / sqrt(m d) <= 1/4`` and ``2 sqrt(n) (2 M + w (M + 2 a)) <= sqrt(lambda m)``
    with ``w = ||W||_2``, for tanh.
    """
    W = np.asarray(model.stack.W[0])
    (m, d), w = W.shape, float(np.linalg.norm(W, ord=2))

    def allowed(M: float) -> bool:
        a = M * (w + M) / sqrt(m * d)
        return a <= 1 / 4 and 2 * sqrt(samples) * (2 * M + w * (M + 2 * a)) <= sqrt(bottom * m)

    low, high = 0.0, LARGEST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return low


@dataclass(frozen=True)
class Config:
    """Six inputs of norm ``sqrt(d)`` in R^4, width 5, 64 neurons, 5 layers, 30 points of the ball.

    ``stretch`` multiplies the distance at which we look.
    """

    hidden: int = 64
    twice: bool = False
    stretch: Callable[[float, ResNet], float] = lambda M, model: M


@dataclass(frozen=True)
class Result:
    """Radius, promised constant, and the PL ratios of the residual weights where we looked."""

    radius: float
    promise: float
    ratios: np.ndarray


def whole(M: float, model: ResNet) -> float:
    """Return the distance from ``W`` to zero, far outside the ball."""
    return float(jnp.linalg.norm(model.stack.W[0]))


def around(model: ResNet, M: float) -> tuple[np.ndarray, ...]:
    """Return ``A, V, W, B`` at 31 points of the sphere, every layer at the distance ``M``.

    The first point makes all arrays smaller, where features are weakest; the others are random.
    """
    rng = np.random.default_rng(0)

    def points(array: Array, axes: tuple[int, ...]) -> np.ndarray:
        centre = np.asarray(array)
        moves = np.concatenate([-centre[None], rng.standard_normal((30, *centre.shape))])
        lengths = np.sqrt(np.sum(moves**2, axis=axes, keepdims=True))
        return centre + M * moves / np.maximum(lengths, 1e-300)

    V, W = (points(array, (-2, -1)) for array in (model.stack.V[...], model.stack.W[...]))
    A, B = (points(array, (-2, -1)) for array in (model.A[...], model.B[...]))
    return A, V, W, B


def run(config: Config) -> Result:
    """Measure the ratio on the sphere around the start."""
    model = start(config.hidden, depth=5)
    x, y, bottom = data(model, twice=config.twice)
    M = radius(model, bottom)

    def ratio(A: Array, V: Array, W: Array, B: Array) -> Array:
        def loss(stack: TwoLayer) -> Array:
            return training.mean_squared_error(ResNet(A, stack, B)(x), y)

        return diagnostics.pl_ratio(loss, jax.vmap(TwoLayer)(V, W))

    ratios = jax.jit(jax.vmap(ratio))(*around(model, config.stretch(M, model)))
    return Result(M, 0.3 * bottom / SAMPLES, np.asarray(ratios))


def judge(result: Result) -> tuple[Check, ...]:
    """A ball and a constant that are positive, and the inequality wherever we look."""
    return (
        Check("radius M", result.radius, low=1e-4),
        Check("promised constant", result.promise, low=1e-6),
        Check("smallest ratio / promise", result.ratios.min() / max(result.promise, 1e-6), low=1),
    )


CLAIM = Claim(
    label="thm-pl-ball",
    chapter="converge/overparameterization",
    statement=(
        "If the features at the start have lambda_min(S^T S) >= lambda m > 0, then on a ball of "
        "explicit radius, the same for all depths, the PL inequality holds with 0.3 lambda / n."
    ),
    source="after Marion, Wu, Sander, Biau 2023, Proposition 5; proved in the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "at least as many neurons as samples": {"hidden": 4},
        "distinct inputs": {"twice": True},
        "weights in the ball": {"stretch": whole},
    },
)
