"""The PL constant of a two-layer residual network at its start, exactly."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import diagnostics, training
from resode_lib._types import Array, Stack
from resode_lib.resnet import ResNet

__all__ = ["CLAIM", "Config", "Result"]

WIDTH, INPUTS, OUTPUTS, DEPTH = 15, 10, 5, 6


def distinct(key: Array, samples: int) -> Array:
    """Return inputs of norm ``sqrt(q)``, all different."""
    x = jax.random.normal(key, (samples, INPUTS))
    return x * jnp.sqrt(WIDTH) / jnp.linalg.norm(x, axis=1, keepdims=True)


def duplicated(key: Array, samples: int) -> Array:
    """Return the same with the first input given twice."""
    x = distinct(key, samples)
    return x.at[1].set(x[0])


@dataclass(frozen=True)
class Config:
    """Thirty inputs on a sphere, width 15, tanh; ``V = 0`` and one Gaussian ``W``."""

    hidden: tuple[int, ...] = (60, 240)
    samples: int = 30
    inputs: Callable[[Array, int], Array] = distinct


@dataclass(frozen=True)
class Result:
    """Per number of neurons: the formula, the ratio that autodiff measures, and a scale.

    The scale is the formula with the mean eigenvalue in place of the smallest.
    """

    formula: np.ndarray
    measured: np.ndarray
    scale: np.ndarray


def run(config: Config) -> Result:
    """Evaluate ``4 lambda_min(S^T S) / (n m)``, and the PL ratio at its worst residual."""
    rows = [constants(m, config) for m in config.hidden]
    return Result(*map(np.array, zip(*rows, strict=True)))


def constants(hidden: int, config: Config) -> tuple[float, float, float]:
    """Return formula, measurement and scale for ``m`` neurons.

    The worst residual has one output coordinate equal to the bottom eigenvector of the Gram
    matrix ``S^T S`` of the features ``S = sigma(W A x / sqrt(q))``.
    """
    n = config.samples
    x = config.inputs(jax.random.key(1), n)
    model = ResNet.at_identity(
        jax.random.key(0), inputs=INPUTS, outputs=OUTPUTS, width=WIDTH, hidden=hidden, depth=DEPTH
    )
    inner = np.asarray(model.A[...]).T @ np.asarray(model.stack.W[0]).T
    features = np.tanh(np.asarray(x) @ inner / np.sqrt(WIDTH))  # (n, m)
    values, vectors = np.linalg.eigh(features @ features.T)
    y = jnp.zeros((n, OUTPUTS)).at[:, 0].set(vectors[:, 0])

    def loss(stack: Stack) -> Array:
        whole = ResNet(model.A[...], stack, model.B[...])
        return training.mean_squared_error(whole(x), y)

    measured = jax.jit(lambda stack: diagnostics.pl_ratio(loss, stack))(model.stack)
    unit = 4 / (n * hidden)
    return unit * float(values[0]), float(measured), unit * float(values.mean())


def judge(result: Result) -> tuple[Check, ...]:
    """Both numbers agree to rounding, and they are positive: the network is wide enough."""
    error = np.abs((result.measured - result.formula) / result.scale).max()
    return (
        Check("largest error / mean constant", float(error), high=1e-10),
        Check("smallest PL constant", float(result.measured.min()), low=1e-6),
    )


CLAIM = Claim(
    label="prop-pl-constant",
    chapter="converge/overparameterization",
    statement=(
        "With V = 0 the PL constant of the residual weights is 4 lambda_min(S^T S) / (n m): "
        "positive if and only if the features of the n samples are independent, so never for "
        "m < n."
    ),
    source="the course; the first layer of the proof of Proposition 5 of Marion et al. 2023",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "at least as many neurons as samples": {"hidden": (20, 29)},
        "distinct inputs": {"inputs": duplicated},
    },
)
