"""A linear block that is normal: a layer multiplies each eigendirection by R(lambda / L)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import integrators, resnet, stacks
from resode_lib._types import Array
from resode_lib.blocks import Linear

__all__ = ["CLAIM", "REAL_LIMITS", "Config", "Result", "stability_function"]

REAL_LIMITS = {1: 2.0, 2: 2.0, 4: 2.785293563405282}
"""By order: ``|R(-x)| <= 1`` for real ``x`` from 0 to here; for order 4 the root of
``x^3 - 4 x^2 + 12 x - 24``."""


def stability_function(order: int, z: Array) -> Array:
    """Return ``R(z) = 1 + z + ... + z^p / p!``, the stability function of our methods of order p.

    Args:
        order: ``p``, 1, 2 or 4.
        z: complex numbers, ``lambda / L``.
    """
    value, term = jnp.ones_like(z), jnp.ones_like(z)
    for j in range(1, order + 1):
        term = term * z / j
        value = value + term
    return value


@dataclass(frozen=True)
class Config:
    """Eight layers with one matrix, four of whose eigenvalues are real and two a complex pair.

    ``reach`` is the largest ``|lambda| / L`` in units of the real limit, ``shear`` the size of
    what makes the matrix not normal.
    """

    depth: int = 8
    reach: float = 1.0
    shear: float = 0.0


@dataclass(frozen=True)
class Result:
    """Per method: the largest difference to ``R``, and the largest growth of a state in a layer."""

    differences: dict[str, float]
    growths: dict[str, float]


def spectrum(limit: float) -> np.ndarray:
    """Return ``z = lambda / L`` as a matrix: the real axis up to ``-limit``, and a pair inside."""
    matrix = np.diag([-limit, -0.6 * limit, -0.1 * limit, 0.0, -0.3 * limit, -0.3 * limit])
    matrix[4, 5], matrix[5, 4] = -0.2 * limit, 0.2 * limit
    return matrix


def run(config: Config) -> Result:
    """Run every method of the registry on states along and across the eigendirections."""
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    inputs = jnp.asarray(np.concatenate([basis.T, np.random.default_rng(1).normal(size=(20, 6))]))
    upper = config.shear * np.triu(np.ones((6, 6)), 1)
    differences, growths = {}, {}
    for name, method in integrators.INTEGRATORS.items():
        z = basis @ (spectrum(config.reach * REAL_LIMITS[method.order]) + upper) @ basis.T
        stack = stacks.tied(Linear(jnp.asarray(config.depth * z)), config.depth)
        states = resnet.trajectory(stack, inputs, integrator=method)
        values, vectors = np.linalg.eig(z)
        factors = stability_function(method.order, jnp.asarray(values)) ** config.depth
        exact = inputs @ (vectors @ np.diag(factors) @ np.linalg.inv(vectors)).real.T
        differences[name] = float(jnp.abs(states[-1] - exact).max())
        norms = jax.vmap(lambda h: jnp.linalg.norm(h, axis=1))(states)
        growths[name] = float((norms[1:] / jnp.maximum(norms[:-1], 1e-12)).max())
    return Result(differences, growths)


def judge(result: Result) -> tuple[Check, ...]:
    """The formula to rounding, and no state that grows."""
    checks = []
    for name, difference in result.differences.items():
        checks.append(Check(f"{name}: |h_L - R(theta/L)^L h_0|", difference, high=1e-10))
        # Rounding adds some units in the last place.
        checks.append(Check(f"{name}: largest growth", result.growths[name], high=1 + 1e-12))
    return tuple(checks)


CLAIM = Claim(
    label="prop-stability-function",
    chapter="discretize/integrators",
    statement="For one normal matrix in all layers, h_L = R(theta/L)^L h_0, and no state grows if "
    "and only if |R(lambda/L)| <= 1 for all its eigenvalues.",
    source="classical; proved in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "eigenvalues in the region": {"reach": 1.1},
        "a normal matrix": {"shear": 0.5, "reach": 0.9},
    },
)
