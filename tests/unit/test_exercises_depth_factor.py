"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)
from scipy.linalg import logm

from resode_course.exercises.depth_factor import CHECKS  # noqa: F401


def by_power_iteration(hessian):
    v = np.ones(len(hessian))
    for _ in range(500):
        v = hessian @ v / np.linalg.norm(hessian @ v)
    return 2 / (v @ hessian @ v)


def bent(gradient, hessian, rate):
    return -(np.eye(2) + rate / 2 * hessian) @ gradient


def exact_for_quadratics(gradient, hessian, rate):
    return np.real(logm(np.eye(2) - rate * hessian)) @ np.linalg.solve(hessian, gradient) / rate


def by_logarithms(depth, gamma):
    return np.exp((2 * gamma - 1) * np.log(depth))


RIGHT = [
    ("ex-factor-power", lambda depth, gamma: depth ** (2 * gamma - 1)),
    ("ex-factor-power", by_logarithms),
    ("ex-factor-unequal", lambda lengths: 1 / lengths),
    ("ex-factor-unequal", lambda lengths: [sum(lengths) / length for length in lengths]),
    ("ex-factor-speed", lambda g: len(g) * np.sum(g**2)),
    ("ex-factor-speed", lambda g: np.mean([np.sum((len(g) * layer) ** 2) for layer in g])),
    ("ex-factor-limit", lambda H: 2 / np.linalg.eigvalsh(H)[-1]),
    ("ex-factor-limit", by_power_iteration),
    ("ex-factor-modified", lambda g, H, rate: -g - rate / 2 * H @ g),
    ("ex-factor-modified", bent),
    ("ex-factor-modified", exact_for_quadratics),
]

WRONG = [
    ("ex-factor-power", lambda depth, gamma: depth, "gamma = 0.5"),
    ("ex-factor-power", lambda depth, gamma: depth**gamma, "balances one entry"),
    ("ex-factor-power", lambda depth, gamma: depth ** (2 * gamma), "as if there were one layer"),
    ("ex-factor-power", lambda depth, gamma: depth ** (1 - 2 * gamma), "wrong sign"),
    ("ex-factor-power", lambda depth, gamma: 1.0, "times as much"),
    ("ex-factor-unequal", lambda lengths: np.full(len(lengths), len(lengths)), "short layers"),
    ("ex-factor-unequal", lambda lengths: lengths**-2.0, "not two"),
    ("ex-factor-unequal", lambda lengths: lengths, "divide by its length"),
    ("ex-factor-unequal", lambda lengths: lengths**-0.5, "shares of the progress"),
    ("ex-factor-unequal", lambda lengths: 1 / lengths / len(lengths), "but shorter"),
    ("ex-factor-unequal", lambda lengths: len(lengths) / lengths, "but longer"),
    ("ex-factor-unequal", lambda lengths: 1 / lengths[::-1], "one and the same matrix"),
    ("ex-factor-unequal", lambda lengths: 1 / lengths.min(), "shape"),
    ("ex-factor-speed", lambda g: np.sum(g**2), "without the factor L"),
    ("ex-factor-speed", lambda g: np.sum((len(g) * g) ** 2), "one L is left"),
    ("ex-factor-speed", lambda g: np.mean(np.sum(g**2, axis=(1, 2))), "not 1/L"),
    ("ex-factor-speed", lambda g: np.sqrt(len(g) * np.sum(g**2)), "square of the norm"),
    ("ex-factor-speed", lambda g: -len(g) * np.sum(g**2), "a positive number"),
    ("ex-factor-speed", lambda g: len(g) * g**2, "shape ()"),
    ("ex-factor-speed", lambda g: 4 * np.sum(g**2), "squared norm of depth"),
    ("ex-factor-limit", lambda H: 1 / np.linalg.eigvalsh(H)[-1], "twice as long"),
    ("ex-factor-limit", lambda H: 2 / np.linalg.eigvalsh(H)[0], "steepest"),
    ("ex-factor-limit", lambda H: 2 / np.trace(H), "trace"),
    ("ex-factor-limit", lambda H: 2 / H.max(), "largest entry"),
    ("ex-factor-limit", lambda H: np.linalg.eigvalsh(H)[-1], "1 - rate a"),
    ("ex-factor-modified", lambda g, H, r: -g, "first order only"),
    ("ex-factor-modified", lambda g, H, r: -g + r / 2 * H @ g, "Mind the sign"),
    ("ex-factor-modified", lambda g, H, r: -g - r * H @ g, "twice too large"),
    ("ex-factor-modified", lambda g, H, r: g + r / 2 * H @ g, "points downhill"),
    ("ex-factor-modified", lambda g, H, r: -g - H @ g / 2, "rate is missing"),
    ("ex-factor-modified", lambda g, H, r: -g - r / 4 * H @ g, "second order would"),
    ("ex-factor-modified", lambda g, H, r: -g[:1], "shape (2,)"),
]
