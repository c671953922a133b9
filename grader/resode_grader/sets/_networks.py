"""Small residual networks and their training, in numpy: what answers that train are compared with.

The network is ``h_{k+1} = h_k + V_k sigma(W_k h_k / sqrt(d)) / (L sqrt(m))``, with ``V`` of shape
``(L, d, m)`` and ``W`` of shape ``(L, m, d)``.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from resode_grader.sets._draws import ACTIVATIONS, derivative

__all__ = [
    "Rule",
    "Weights",
    "adam",
    "finite",
    "fitted",
    "momentum",
    "pulled_back",
    "residual",
    "roughness",
    "states",
    "trained",
]

Weights = tuple[np.ndarray, ...]
Rule = Callable[[Weights], Weights]


def residual(V: np.ndarray, W: np.ndarray, h: np.ndarray, activation: str) -> np.ndarray:
    """Return ``V sigma(W h / sqrt(d)) / sqrt(m)`` for one layer.

    Args:
        V: its outer weights.
        W: its inner weights.
        h: states, a row each.
        activation: the name of ``sigma``.
    """
    d, m = V.shape
    return ACTIVATIONS[activation](h @ W.T / np.sqrt(d)) @ V.T / np.sqrt(m)


def states(weights: Weights, x: np.ndarray, activation: str) -> list[np.ndarray]:
    """Return the states ``h_0, ..., h_L`` of all samples."""
    found = [x]
    for V, W in zip(*weights, strict=True):
        found.append(found[-1] + residual(V, W, found[-1], activation) / len(weights[0]))
    return found


def pulled_back(
    weights: Weights, before: list[np.ndarray], costate: np.ndarray, activation: str
) -> Weights:
    """Return the derivatives of ``sum(costate * h_L)`` with respect to the weights.

    Args:
        weights: ``V`` and ``W``.
        before: the state that enters each layer.
        costate: what the last states are multiplied by.
        activation: the name of ``sigma``.
    """
    V, W = weights
    L, d, m = V.shape
    sigma = ACTIVATIONS[activation]
    outer, inner = np.empty_like(V), np.empty_like(W)
    for k in reversed(range(L)):
        u = before[k] @ W[k].T / np.sqrt(d)
        hidden = derivative(activation, u) * (costate @ V[k]) / np.sqrt(m)
        outer[k] = costate.T @ sigma(u) / np.sqrt(m) / L
        inner[k] = hidden.T @ before[k] / np.sqrt(d) / L
        costate = costate + hidden @ W[k] / np.sqrt(d) / L
    return outer, inner


def fitted(
    weights: Weights, x: np.ndarray, y: np.ndarray, activation: str
) -> tuple[float, Weights]:
    """Return the loss, a sum over outputs and a mean over samples, and its plain gradient.

    Args:
        weights: ``V`` and ``W``.
        x: inputs, a row each.
        y: targets.
        activation: the name of ``sigma``.
    """
    *before, last = states(weights, x, activation)
    loss = float(((last - y) ** 2).sum(axis=1).mean())
    return loss, pulled_back(weights, before, 2 * (last - y) / len(x), activation)


def momentum(rate: float, kept: float = 0.0, factor: float = 1.0) -> Rule:
    """Return the rule ``v <- kept v + factor g``, ``theta <- theta - rate v``; ``v`` starts at 0.

    Args:
        rate: the length of a step.
        kept: which part of the last velocity is kept.
        factor: what gradients are multiplied by first, such as the depth.
    """
    velocity: list[np.ndarray | float] = [0.0, 0.0]

    def rule(gradients: Weights) -> Weights:
        velocity[:] = [kept * v + factor * g for v, g in zip(velocity, gradients, strict=True)]
        return tuple(-rate * np.asarray(v) for v in velocity)

    return rule


def adam(rate: float) -> Rule:
    """Return Adam's rule with its usual numbers, those of optax."""
    means: list[np.ndarray | float] = [0.0, 0.0]
    squares: list[np.ndarray | float] = [0.0, 0.0]
    count = [0]

    def rule(gradients: Weights) -> Weights:
        count[0] += 1
        means[:] = [0.9 * m + 0.1 * g for m, g in zip(means, gradients, strict=True)]
        squares[:] = [0.999 * s + 0.001 * g**2 for s, g in zip(squares, gradients, strict=True)]
        first, second = 1 - 0.9 ** count[0], 1 - 0.999 ** count[0]
        return tuple(
            -rate * (m / first) / (np.sqrt(s / second) + 1e-8)
            for m, s in zip(means, squares, strict=True)
        )

    return rule


def trained(
    gradient: Callable[[Weights], tuple[float, Weights]], start: Weights, steps: int, rule: Rule
) -> tuple[np.ndarray, Weights]:
    """Return the losses before each step and after the last, and the weights at the end.

    Args:
        gradient: the loss of weights and its gradient.
        start: the weights at the start.
        steps: their number.
        rule: what is added to the weights, given a gradient.
    """
    losses, weights = [], start
    with np.errstate(over="ignore", invalid="ignore"):  # a typical mistake may diverge
        for _ in range(steps):
            loss, gradients = gradient(weights)
            losses.append(loss)
            weights = tuple(w + move for w, move in zip(weights, rule(gradients), strict=True))
        return np.array([*losses, gradient(weights)[0]]), weights


def finite(mistakes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what mistakes give, without those that diverge: these are no numbers to compare."""
    return {words: value for words, value in mistakes.items() if np.isfinite(value).all()}


def roughness(weights: Weights) -> float:
    """Return ``L`` times the largest distance of neighbouring layers, over all their entries."""
    squares = sum((np.diff(w, axis=0) ** 2).sum(axis=(1, 2)) for w in weights)
    return float(len(weights[0]) * np.sqrt(np.max(squares)))
