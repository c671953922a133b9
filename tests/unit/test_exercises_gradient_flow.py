"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)
from scipy.linalg import logm

from resode_course.exercises.gradient_flow import CHECKS  # noqa: F401


def by_power_iteration(hessian):
    v = np.ones(len(hessian))
    for _ in range(500):
        v = hessian @ v / np.linalg.norm(hessian @ v)
    return 2 / (v @ hessian @ v)


def blow_up(p, start):
    return start ** (1 - p) / (p - 1) if p > 1 else np.inf


def one_over(p, start):
    return 1 / ((p - 1) * start ** (p - 1)) if p > 1 else float("inf")


def unguarded(p, start):
    return start ** (1 - p) / (p - 1) if p != 1 else 1e9


def step_by_step(losses, rate):
    total = 0.0
    for before, after in zip(losses[:-1], losses[1:], strict=True):
        total += rate * np.sqrt(2 * (before - after) / rate)
    return total


def lost(losses):
    return losses[0] - losses[-1]


def halves(losses):
    return np.sqrt(-np.diff(losses)).sum()


def bent(gradient, hessian, rate):
    return -(np.eye(2) + rate / 2 * hessian) @ gradient


def exact_for_quadratics(gradient, hessian, rate):
    return np.real(logm(np.eye(2) - rate * hessian)) @ np.linalg.solve(hessian, gradient) / rate


def by_logarithms(depth, gamma):
    return np.exp((2 * gamma - 1) * np.log(depth))


RIGHT = [
    ("ex-flow-edge", (-1.0, 3.6)),
    ("ex-flow-edge", np.array([3.7, -0.9])),
    ("ex-flow-power", lambda depth, gamma: depth ** (2 * gamma - 1)),
    ("ex-flow-power", by_logarithms),
    ("ex-flow-speed", lambda g: len(g) * np.sum(g**2)),
    ("ex-flow-speed", lambda g: np.mean([np.sum((len(g) * layer) ** 2) for layer in g])),
    ("ex-flow-limit", lambda H: 2 / np.linalg.eigvalsh(H)[-1]),
    ("ex-flow-limit", by_power_iteration),
    ("ex-flow-blow-up", blow_up),
    ("ex-flow-blow-up", one_over),
    ("ex-flow-reach", lambda losses, rate: np.sqrt(2 * rate * -np.diff(losses)).sum()),
    ("ex-flow-reach", step_by_step),
    ("ex-flow-conserved", lambda V, W: V.T @ V - W @ W.T),
    ("ex-flow-conserved", lambda V, W: np.sum(W**2) - np.sum(V**2)),
    ("ex-flow-modified", lambda g, H, rate: -g - rate / 2 * H @ g),
    ("ex-flow-modified", bent),
    ("ex-flow-modified", exact_for_quadratics),
]

WRONG = [
    ("ex-flow-edge", (-1.4, 2.4), "less than 0.25 is asked"),
    ("ex-flow-edge", (0.0, 6.0), "but descent diverges"),
    ("ex-flow-edge", (1.0, 2.0, 3.0), "two numbers"),
    ("ex-flow-power", lambda depth, gamma: depth, "gamma = 0.5"),
    ("ex-flow-power", lambda depth, gamma: depth**gamma, "balances one entry"),
    ("ex-flow-power", lambda depth, gamma: depth ** (2 * gamma), "as if there were one layer"),
    ("ex-flow-power", lambda depth, gamma: depth ** (1 - 2 * gamma), "wrong sign"),
    ("ex-flow-power", lambda depth, gamma: 1.0, "times as much"),
    ("ex-flow-speed", lambda g: np.sum(g**2), "without the factor L"),
    ("ex-flow-speed", lambda g: np.sum((len(g) * g) ** 2), "one L is left"),
    ("ex-flow-speed", lambda g: np.mean(np.sum(g**2, axis=(1, 2))), "not 1/L"),
    ("ex-flow-speed", lambda g: np.sqrt(len(g) * np.sum(g**2)), "square of the norm"),
    ("ex-flow-speed", lambda g: -len(g) * np.sum(g**2), "a positive number"),
    ("ex-flow-speed", lambda g: len(g) * g**2, "shape ()"),
    ("ex-flow-speed", lambda g: 4 * np.sum(g**2), "squared norm of depth"),
    ("ex-flow-limit", lambda H: 1 / np.linalg.eigvalsh(H)[-1], "twice as long"),
    ("ex-flow-limit", lambda H: 2 / np.linalg.eigvalsh(H)[0], "steepest"),
    ("ex-flow-limit", lambda H: 2 / np.trace(H), "trace"),
    ("ex-flow-limit", lambda H: 2 / H.max(), "largest entry"),
    ("ex-flow-limit", lambda H: np.linalg.eigvalsh(H)[-1], "1 - rate a"),
    ("ex-flow-blow-up", lambda p, x: 1 / (p - 1), "Mind the start"),
    ("ex-flow-blow-up", lambda p, x: x**-p / p, "one too large"),
    ("ex-flow-blow-up", lambda p, x: x ** (1 - p), "Divide by"),
    ("ex-flow-blow-up", lambda p, x: x ** (1 - p) / (1 - p), "a time is positive"),
    ("ex-flow-blow-up", lambda p, x: x ** (1 - p) / p, "For p = 3 from 1.5"),
    ("ex-flow-blow-up", unguarded, "return infinity"),
    ("ex-flow-reach", lambda l, r: np.sqrt(2 * r * (len(l) - 1) * lost(l)), "not the best"),
    ("ex-flow-reach", lambda l, r: np.sqrt(r) * halves(l), "the flow all of it"),
    ("ex-flow-reach", lambda l, r: np.sqrt(r * (len(l) - 1) * lost(l)), "flow's bound"),
    ("ex-flow-reach", lambda l, r: np.sqrt(2 * r * lost(l)), "Lengths add up"),
    ("ex-flow-reach", lambda l, r: 2 * r * lost(l), "squares of the lengths"),
    ("ex-flow-reach", lambda l, r: np.sqrt(2 / r) * halves(l), "multiply by the rate"),
    ("ex-flow-reach", lambda l, r: np.nan, "not the reverse"),
    ("ex-flow-reach", lambda l, r: 0.0, "add the lengths"),
    ("ex-flow-conserved", lambda V, W: V.T @ V + W @ W.T, "not their sum"),
    ("ex-flow-conserved", lambda V, W: V @ V.T - W.T @ W, "other way round"),
    ("ex-flow-conserved", lambda V, W: V @ W, "what training changes"),
    ("ex-flow-conserved", lambda V, W: V.T @ V, "alone moves"),
    ("ex-flow-conserved", lambda V, W: np.sum(V**2 + W.T**2), "that changes"),
    ("ex-flow-conserved", lambda V, W: 1.0, "says nothing"),
    ("ex-flow-conserved", lambda V, W: np.zeros((2, 2)), "says nothing"),
    ("ex-flow-modified", lambda g, H, r: -g, "first order only"),
    ("ex-flow-modified", lambda g, H, r: -g + r / 2 * H @ g, "Mind the sign"),
    ("ex-flow-modified", lambda g, H, r: -g - r * H @ g, "twice too large"),
    ("ex-flow-modified", lambda g, H, r: g + r / 2 * H @ g, "points downhill"),
    ("ex-flow-modified", lambda g, H, r: -g - H @ g / 2, "rate is missing"),
    ("ex-flow-modified", lambda g, H, r: -g - r / 4 * H @ g, "second order would"),
    ("ex-flow-modified", lambda g, H, r: -g[:1], "shape (2,)"),
]
