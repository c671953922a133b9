"""The features of the first layer, their Gram matrix, and its limit for many neurons.

An input ``x`` of norm ``sqrt(d)`` has the direction ``u = x / sqrt(d)``. A Gaussian neuron ``w``
sees it as ``sigma(w . u)``.
"""

from collections.abc import Callable

import numpy as np

__all__ = [
    "Activation",
    "coherence",
    "directions",
    "duplicated",
    "features",
    "floor",
    "hermite_coefficients",
    "limit_gram",
    "opposite",
    "smallest_singular_value",
]

Activation = Callable[[np.ndarray], np.ndarray]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(200)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
"""Gauss's rule for the standard Gaussian."""

ORDER = 60


def directions(samples: int, inputs: int, seed: int = 0) -> np.ndarray:
    """Return independent uniform points of the unit sphere, shape (n, inputs)."""
    points = np.random.default_rng(seed).standard_normal((samples, inputs))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def duplicated(samples: int, inputs: int) -> np.ndarray:
    """Return the same with the first point given twice."""
    points = directions(samples, inputs)
    points[1] = points[0]
    return points


def opposite(samples: int, inputs: int) -> np.ndarray:
    """Return the same with the first point and its negative."""
    points = directions(samples, inputs)
    points[1] = -points[0]
    return points


def features(points: np.ndarray, neurons: int, activation: Activation, seed: int) -> np.ndarray:
    """Return ``S``, shape (m, n): one row per Gaussian neuron, one column per input."""
    W = np.random.default_rng([1, seed]).standard_normal((neurons, points.shape[1]))
    return activation(W @ points.T)


def smallest_singular_value(S: np.ndarray) -> float:
    """Return the n-th singular value of ``S``, shape (m, n): zero if there are fewer."""
    values = np.linalg.svd(S, compute_uv=False)
    return float(values[S.shape[1] - 1]) if len(S) >= S.shape[1] else 0.0


def coherence(points: np.ndarray) -> float:
    """Return the largest ``|u_i . u_j|`` over pairs of different points."""
    return float(np.abs(points @ points.T - np.eye(len(points))).max())


def hermite_coefficients(activation: Activation) -> np.ndarray:
    """Return ``E sigma(g) h_r(g)`` for the normalised Hermite polynomials ``h_r``, r = 0..60."""
    polynomials = [np.ones_like(NODES), NODES]
    for r in range(1, ORDER):
        new = NODES * polynomials[r] - np.sqrt(r) * polynomials[r - 1]
        polynomials.append(new / np.sqrt(r + 1))
    return np.array([WEIGHTS @ (activation(NODES) * p) for p in polynomials])


def limit_gram(points: np.ndarray, activation: Activation) -> np.ndarray:
    """Return ``E sigma(w . u_i) sigma(w . u_j)``: the Gram matrix of infinitely many neurons."""
    cosines = np.minimum(points @ points.T, 1.0)
    gram = sum(
        eta**2 * cosines**r for r, eta in enumerate(hermite_coefficients(activation))
    )  # the series is short unless the cosine is near one
    gram[cosines > 1 - 1e-12] = WEIGHTS @ activation(NODES) ** 2
    return gram


def floor(samples: int, rho: float, activation: Activation) -> float:
    """Return ``sum_r eta_r^2 max(0, 1 - (n - 1) rho^r)``, below the limit's eigenvalues."""
    eta = hermite_coefficients(activation)
    return float(np.sum(eta**2 * np.maximum(0, 1 - (samples - 1) * rho ** np.arange(len(eta)))))
