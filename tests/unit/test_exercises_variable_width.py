"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)
from scipy.optimize import minimize_scalar

from resode_course.exercises.variable_width import CHECKS  # noqa: F401


def by_loops(kernel, nodes, weights):
    W = np.zeros((len(nodes), len(nodes)))
    for i, x in enumerate(nodes):
        for j, xi in enumerate(nodes):
            W[i, j] = weights[j] * kernel(x, xi)
    return W


def sampled(kernel, nodes):
    return kernel(nodes[:, None], nodes)


def by_search(a, c, work):
    found = minimize_scalar(
        lambda log: a / np.exp(log) + c * np.exp(log) / work,
        bracket=(0, 5),
        options={"xtol": 1e-12},
    )
    L = np.exp(found.x)
    return L, np.sqrt(work / L)


def lost(frequency, spacing, shift):
    part = shift / spacing
    return 1 - 2 * part * (1 - part) * (1 - np.cos(frequency * spacing))


def as_number(frequency, spacing, shift, layers):
    part = shift / spacing
    return abs(1 - part + part * np.exp(1j * frequency * spacing)) ** layers


def over_a_period(activation, level, amplitude):
    angle = 2 * np.pi * (np.arange(2000) + 0.5) / 2000
    return activation(level + amplitude * np.sin(angle)).mean()


def by_arcsine(activation, level, amplitude):
    # The values of a sine have the density of Chebyshev's rule.
    points = np.cos(np.pi * (np.arange(3000) + 0.5) / 3000)
    return activation(level + amplitude * points).mean()


def equal(activation, level, amplitude):
    points = np.linspace(-1, 1, 20_001)
    return activation(level + amplitude * points).mean()


def on_both_sides(below):
    """Gauss' rule with so many of 16 nodes below one third."""
    (y, h), (z, g) = (np.polynomial.legendre.leggauss(n) for n in (below, 16 - below))
    return np.r_[(1 + y) / 6, (2 + z) / 3], np.r_[h / 6, g / 3]


def gauss_16():
    y, h = np.polynomial.legendre.leggauss(16)
    return (1 + y) / 2, h / 2


def midpoints_on_both_sides():
    y = (np.arange(8) + 0.5) / 8
    return np.r_[y / 3, 1 / 3 + 2 * y / 3], np.r_[np.full(8, 1 / 24), np.full(8, 1 / 12)]


def for_one_state(W):
    """A matrix that widens `W` on the state of the check only."""
    rng = np.random.default_rng(0)
    rng.standard_normal((5, 5))
    z = np.repeat(rng.standard_normal(5), 2)
    return np.outer(np.repeat(W @ z[::2], 2), z) / (z @ z)


RIGHT = [
    ("ex-width-nodes", np.r_[0, np.linspace(0.45, 0.55, 8), 1]),
    ("ex-width-nodes", [0, *np.linspace(0.462, 0.538, 8), 1]),
    ("ex-width-jump", on_both_sides(8)),
    ("ex-width-jump", list(on_both_sides(1))),
    ("ex-width-matrix", lambda w, x, h: sampled(w, x) * h),
    ("ex-width-matrix", by_loops),
    ("ex-width-order", lambda d: max(2 / d, 0.5)),
    ("ex-width-order", lambda d: 2 / d if d <= 4 else 0.5),
    ("ex-width-widen", lambda W: np.kron(W, np.ones((2, 2))) / 2),
    ("ex-width-widen", lambda W: np.kron(W, [[1.0, 0.0], [1.0, 0.0]])),
    ("ex-width-budget", lambda a, c, work: (np.sqrt(a * work / c), (c * work / a) ** 0.25)),
    ("ex-width-budget", by_search),
    ("ex-width-diffusion", lambda w, h, d, L: lost(w, h, d) ** (L / 2)),
    ("ex-width-diffusion", as_number),
    ("ex-width-weak", over_a_period),
    ("ex-width-weak", by_arcsine),
]

WRONG = [
    ("ex-width-nodes", np.linspace(0, 1, 10), "integral 0"),
    ("ex-width-nodes", np.r_[0, np.linspace(0.3, 0.7, 8), 1], "in the window"),
    ("ex-width-nodes", np.linspace(0.45, 0.55, 10), "both ends"),
    ("ex-width-nodes", np.linspace(0, 1, 11), "ten numbers"),
    ("ex-width-jump", gauss_16(), "not 2/3"),
    ("ex-width-jump", midpoints_on_both_sides(), "high order"),
    ("ex-width-jump", np.linspace(0, 1, 16), "a pair"),
    ("ex-width-jump", (np.zeros(8), np.ones(8) / 8), "16 numbers"),
    ("ex-width-jump", (np.linspace(0, 1, 16), np.ones(16)), "add up to 1"),
    ("ex-width-jump", (np.linspace(0, 2, 16), np.ones(16) / 16), "lie in"),
    ("ex-width-widen", for_one_state, "not for all"),
    ("ex-width-matrix", lambda w, x, h: sampled(w, x), "weights of the quadrature are missing"),
    ("ex-width-matrix", lambda w, x, h: h[:, None] * sampled(w, x), "to a column"),
    ("ex-width-matrix", lambda w, x, h: sampled(w, x).T * h, "other way round"),
    ("ex-width-matrix", lambda w, x, h: sampled(w, x) / len(x), "1/m will not do"),
    ("ex-width-matrix", lambda w, x, h: sampled(w, x) * np.outer(h, h), "do not weigh x"),
    ("ex-width-matrix", lambda w, x, h: sampled(w, x) @ h, "shape (5, 5)"),
    ("ex-width-matrix", lambda w, x, h: sampled(w, x) * np.sqrt(h), "W z should be"),
    ("ex-width-order", lambda d: 2, "along one axis"),
    ("ex-width-order", lambda d: 2 / d, "Random nodes do better"),
    ("ex-width-order", lambda d: 1 / 2, "The grid does better"),
    ("ex-width-order", lambda d: -max(2 / d, 0.5), "order is positive"),
    ("ex-width-order", lambda d: min(2 / d, 0.5), "The grid does better"),
    ("ex-width-order", lambda d: 2 * d, "an axis has m^(1/d)"),
    ("ex-width-order", lambda d: 1 / d, "the grid has the order"),
    ("ex-width-widen", lambda W: np.kron(W, np.ones((2, 2))), "twice what it was"),
    ("ex-width-widen", lambda W: np.kron(W, np.ones((2, 2))) / 4, "half of what it was"),
    ("ex-width-widen", lambda W: np.tile(W, (2, 2)) / 2, "do not tile"),
    ("ex-width-widen", lambda W: np.repeat(W, 2, axis=0), "shape (10, 10)"),
    ("ex-width-widen", lambda W: np.kron(W.T, np.ones((2, 2))) / 2, "transpose"),
    ("ex-width-widen", lambda W: np.kron(W, np.ones((2, 2))) / np.sqrt(2), "should be repeat"),
    (
        "ex-width-budget",
        lambda a, c, w: (np.sqrt(c * w / a), (a * w / c) ** 0.25),
        "larger constant",
    ),
    ("ex-width-budget", lambda a, c, w: (np.sqrt(a * w / c), np.sqrt(c * w / a)), "m^2 entries"),
    ("ex-width-budget", lambda a, c, w: (w ** (1 / 3), w ** (1 / 3)), "need not be equal"),
    (
        "ex-width-budget",
        lambda a, c, w: ((a * w**2 / (2 * c)) ** (1 / 3), w / (a * w**2 / (2 * c)) ** (1 / 3)),
        "a layer costs m;",
    ),
    ("ex-width-budget", lambda a, c, w: by_search(a, c, w)[::-1], "comes second"),
    (
        "ex-width-budget",
        lambda a, c, w: ((w * (a / c) ** 2) ** (1 / 3), (w * c / a) ** (1 / 3)),
        "a / L = c / m",
    ),
    ("ex-width-budget", lambda a, c, w: (w, 1.0), "least error is"),
    ("ex-width-diffusion", lambda w, h, d, L: lost(w, h, d) ** L, "square of the amplitude"),
    ("ex-width-diffusion", lambda w, h, d, L: lost(w, h, d) ** 0.5, "one layer"),
    ("ex-width-diffusion", lambda w, h, d, L: np.exp(-(w**2) * d * (h - d) * L / 2), "long waves"),
    ("ex-width-diffusion", lambda w, h, d, L: 1 - w**2 * d * (h - d) * L / 2, "a first order only"),
    (
        "ex-width-diffusion",
        lambda w, h, d, L: (1 - 2 * d / h * (1 - np.cos(w * h))) ** (L / 2),
        "a whole cell loses nothing",
    ),
    (
        "ex-width-diffusion",
        lambda w, h, d, L: (1 - d / h * (1 - np.cos(w * h))) ** L,
        "not the real part",
    ),
    ("ex-width-diffusion", lambda w, h, d, L: 1.0, "nothing moves"),
    ("ex-width-diffusion", lambda w, h, d, L: np.cos(w * d) ** L, "has the amplitude"),
    ("ex-width-weak", lambda f, y, a: f(np.array(y)), "of the weak limit"),
    ("ex-width-weak", lambda f, y, a: (f(y + a) + f(y - a)) / 2, "two ends only"),
    ("ex-width-weak", equal, "not all values are alike"),
    ("ex-width-weak", lambda f, y, a: over_a_period(f, 0, a), "without its level"),
    ("ex-width-weak", lambda f, y, a: 1000 * over_a_period(f, y, a), "not a sum"),
    ("ex-width-weak", lambda f, y, a: over_a_period(f, y, a / np.sqrt(2)), "the integral tends to"),
]
