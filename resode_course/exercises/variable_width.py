"""Checks for the exercises on networks of variable width."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from resode_course._feedback import Feedback, close, first_wrong, given, recognised

__all__ = ["CHECKS"]


def check_matrix(matrix: Callable) -> Feedback:
    """Check ``matrix(kernel, nodes, weights)`` on nodes that are not equidistant."""
    edges = np.array([0.0, 0.1, 0.35, 0.5, 0.8, 1.0])
    nodes, weights = (edges[1:] + edges[:-1]) / 2, np.diff(edges)

    def kernel(x: Any, xi: Any) -> Any:
        return np.exp(x) * np.sin(3 * xi) + x

    values = kernel(nodes[:, None], nodes)
    mistakes = {
        "The weights of the quadrature are missing: entries shrink as the width grows.": values,
        "A weight belongs to the node that is read, xi: to a column.": values * weights[:, None],
        "Row i belongs to x_i and column j to xi_j: yours is the other way round.": (
            values.T * weights
        ),
        "Here the weights differ from node to node: 1/m will not do.": values / len(nodes),
        "The rule integrates w(x, xi) z(xi) over xi only; do not weigh x too.": values
        * np.outer(weights, weights),
    }
    return recognised(
        matrix(kernel, nodes, weights),
        values * weights,
        mistakes,
        "W z should be the sums of h_j w(x_i, xi_j) z_j over j.",
    )


@first_wrong
def check_order(order: Callable) -> Iterator[Feedback]:
    """Check ``order(dimension)``: ``max(2/d, 1/2)``."""
    for d in (1, 2, 3, 4, 6, 10):
        mistakes = {
            "That is in the number of nodes along one axis; m counts all of them.": 2.0,
            "Random nodes do better here: their order does not depend on the dimension.": 2 / d,
            "The grid does better here.": 0.5,
            "With m nodes in all, an axis has m^(1/d) of them.": 2 * d,
            "The order is positive: the error is O(m^-p).": -max(2 / d, 0.5),
            "The larger order is the better one.": min(2 / d, 0.5),
        }
        yield recognised(
            float(order(d)),
            max(2 / d, 0.5),
            mistakes,
            f"In dimension {d} the grid has the order {2 / d:.4g}, random nodes 0.5.",
        )


def check_widen(widen: Callable) -> Feedback:
    """Check ``widen(W)``: on a state with each value twice it does what ``W`` does."""
    rng = np.random.default_rng(0)
    W, z = rng.standard_normal((5, 5)), rng.standard_normal(5)
    wide = np.asarray(widen(W))
    if wide.shape != (10, 10):
        return f"Expected an array of shape (10, 10), got {wide.shape}."
    right, got = np.repeat(W @ z, 2), wide @ np.repeat(z, 2)
    double = np.kron(np.eye(5), np.ones((2, 1)))  # every state with each value twice
    mistakes = {
        "The output is twice what it was: twice the neurons, half the weight of each.": 2 * right,
        "The output is half of what it was: only the neurons that are read are twice as many.": (
            right / 2
        ),
        "The two copies of a neuron are neighbours: repeat, do not tile.": (
            np.tile(W, (2, 2)) @ np.repeat(z, 2) / 2
        ),
        "That is the transpose.": np.repeat(W.T @ z, 2),
    }
    if close(wide @ double, double @ W):
        return None
    if close(got, right):
        return "It is right for one state, not for all: the matrix must not depend on the state."
    return recognised(got, right, mistakes, "widen(W) @ repeat(z) should be repeat(W @ z).")


@first_wrong
def check_budget(budget: Callable) -> Iterator[Feedback]:
    """Check ``budget(a, c, work)``: depth and width with ``L m^2 = work`` and the least error."""
    for a, c, work in [(0.5, 2.0, 6400.0), (3.0, 0.2, 1e5)]:
        L, m = np.sqrt(a * work / c), (c * work / a) ** 0.25
        narrow = (a * work**2 / (2 * c)) ** (1 / 3)
        mistakes = {
            "The other way round: the larger constant asks for more.": [
                np.sqrt(c * work / a),
                (a * work / c) ** 0.25,
            ],
            "That is m^2: a matrix has m^2 entries.": [L, m**2],
            "Depth and width need not be equal: their errors have different orders.": [
                work ** (1 / 3),
                work ** (1 / 3),
            ],
            "That is best if a layer costs m; it costs m^2.": [narrow, work / narrow],
            "The width comes second in the answer.": [m, L],
            "The two errors are to be equal; you made a / L = c / m.": [
                (work * (a / c) ** 2) ** (1 / 3),
                (work * c / a) ** (1 / 3),
            ],
        }
        got = np.asarray(budget(a, c, work), float)
        yield recognised(
            got,
            np.array([L, m]),
            mistakes,
            f"For a = {a:g}, c = {c:g} and {work:g} products the least error is "
            f"{a / L + c / m**2:.4g}.",
        )


@first_wrong
def check_diffusion(amplitude: Callable) -> Iterator[Feedback]:
    """Check ``amplitude(frequency, spacing, shift, layers)`` against the grid that creeps."""
    for frequency, spacing, shift, layers in [(5.0, 0.1, 0.03, 12), (9.0, 0.2, 0.15, 5)]:
        right = _crept(frequency, spacing, shift, layers)
        part = shift / spacing
        turn = 1 - np.cos(frequency * spacing)
        mistakes = {
            "That is the square of the amplitude.": right**2,
            "That is one layer; the factors multiply.": right ** (1 / layers),
            "That is the limit for long waves; here the wave is given.": np.exp(
                -(frequency**2) * shift * (spacing - shift) * layers / 2
            ),
            "That is the error of one transfer times the layers: a first order only.": 1
            - frequency**2 * shift * (spacing - shift) * layers / 2,
            "The part of a cell is shift / spacing; a whole cell loses nothing.": (
                1 - 2 * part * turn
            )
            ** (layers / 2)
            if 2 * part * turn < 1
            else np.nan,
            "The wave turns, too: take the modulus, not the real part.": (1 - part * turn)
            ** layers,
            "That is nearest-node transfer: nothing is lost, but nothing moves.": 1.0,
        }
        yield recognised(
            float(amplitude(frequency, spacing, shift, layers)),
            right,
            mistakes,
            f"Frequency {frequency:g}, spacing {spacing:g}, shift {shift:g}: after {layers} layers "
            f"the wave has the amplitude {right:.4g}.",
        )


def _crept(frequency: float, spacing: float, shift: float, layers: int) -> float:
    """Return the amplitude of a wave after linear transfers, computed on a grid."""
    nodes = spacing * np.arange(layers + 1)
    values = np.exp(1j * frequency * nodes)
    for _ in range(layers):  # one node less each time: the last has no neighbour
        values = values[:-1] + shift / spacing * np.diff(values)
    return float(np.abs(values[0]))


def _closely(got: Any, expected: Any) -> bool:
    return close(got, expected, 1e-3)


@first_wrong
def check_weak(rate: Callable) -> Iterator[Feedback]:
    """Check ``rate(activation, level, amplitude)`` against a fast wave on a fine grid."""
    x = (np.arange(40_000) + 0.5) / 40_000
    activations: list[Callable] = [np.abs, np.tanh, lambda y: np.maximum(y, 0)]
    for activation, level, amplitude in zip(
        activations, (0.2, 0.7, -0.3), (1.0, 2.0, 1.5), strict=True
    ):
        right = float(activation(level + amplitude * np.sin(2 * np.pi * 25 * x)).mean())
        ends = activation(np.array([level + amplitude, level - amplitude]))
        mistakes = {
            "That is the activation of the weak limit: it does not see the wave.": float(
                activation(np.array(level))
            ),
            "The wave is not at its two ends only.": float(ends.mean()),
            "A sine is near its ends longer than in the middle: not all values are alike.": float(
                activation(level + amplitude * (2 * x - 1)).mean()
            ),
            "That is the mean of the wave under the activation, without its level.": float(
                activation(amplitude * np.sin(2 * np.pi * x)).mean()
            ),
            "A mean, not a sum.": right * 1000,
        }
        yield recognised(
            np.asarray(rate(activation, level, amplitude), float),
            right,
            mistakes,
            f"At level {level:g} and amplitude {amplitude:g} the integral tends to {right:.4f}.",
            same=_closely,
        )


def check_nodes(nodes: Any) -> Feedback:
    """Check ten nodes by which the trapezoidal rule sees a narrow window."""
    nodes = np.asarray(given(nodes), float)
    if nodes.shape != (10,):
        return f"Expected ten numbers, got the shape {nodes.shape}."
    if nodes[0] != 0 or nodes[-1] != 1 or not np.all(np.diff(nodes) > 0):
        return "Nodes increase from 0 to 1, and both ends are nodes."
    seen = []
    for center in (0.495, 0.5, 0.505):
        u = (nodes - center) / 0.03
        window = 15 / 16 * np.maximum(1 - u**2, 0) ** 2 / 0.03
        seen.append(float(np.sum(np.diff(nodes) * (window[1:] + window[:-1]) / 2)))
    worst = max(seen, key=lambda value: abs(value - 1))
    if abs(worst - 1) <= 0.02:
        return None
    inside = int(np.sum(np.abs(nodes - 0.5) < 0.03))
    return (
        f"One of the windows has the integral {worst:.3g} on your nodes, which should be 1; "
        f"{inside} of the nodes are in the window around 0.5."
    )


def check_jump(rule: Any) -> Feedback:
    """Check 16 nodes and weights that integrate what jumps at one third."""
    rule = given(rule)
    if not isinstance(rule, tuple | list) or [np.shape(part) for part in rule] != [(16,), (16,)]:
        return "Give a pair, the nodes and the weights: two arrays of 16 numbers."
    nodes, weights = (np.asarray(part, float) for part in rule)
    if nodes.min() < 0 or nodes.max() > 1:
        return "Nodes lie in [0, 1]."
    if weights.min() < 0 or not close(weights.sum(), 1.0):
        return f"Weights are not negative and add up to 1; yours add up to {weights.sum():.6g}."
    x, h = np.polynomial.legendre.leggauss(40)
    x, h = (2 + x) / 3, h / 3  # on [1/3, 1]
    smooth: list[Callable] = [np.ones_like, np.exp, lambda y: np.cos(3 * y)]
    off = max(
        abs(float(np.sum(weights * g(nodes) * (nodes > 1 / 3)) - np.sum(h * g(x)))) for g in smooth
    )
    if off < 1e-6:
        return None
    above = float(weights[nodes > 1 / 3].sum())
    if not close(above, 2 / 3):
        return f"The error is {off:.1g}: the nodes above 1/3 weigh {above:.4g} in all, not 2/3."
    return f"The error is {off:.1g}; take a rule of high order above 1/3."


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-width-nodes": check_nodes,
    "ex-width-jump": check_jump,
    "ex-width-matrix": check_matrix,
    "ex-width-order": check_order,
    "ex-width-widen": check_widen,
    "ex-width-budget": check_budget,
    "ex-width-diffusion": check_diffusion,
    "ex-width-weak": check_weak,
}
