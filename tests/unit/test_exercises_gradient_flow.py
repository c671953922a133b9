"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.gradient_flow import CHECKS  # noqa: F401


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


RIGHT = [
    ("ex-flow-edge", (-1.0, 3.6)),
    ("ex-flow-edge", np.array([3.7, -0.9])),
    ("ex-flow-growth", lambda p: 1 / p if p > 2 else 0),
    ("ex-flow-growth", lambda p: {1: 0, 2: 0}.get(p, p**-1.0)),
    ("ex-flow-blow-up", blow_up),
    ("ex-flow-blow-up", one_over),
    ("ex-flow-reach", lambda losses, rate: np.sqrt(2 * rate * -np.diff(losses)).sum()),
    ("ex-flow-reach", step_by_step),
    ("ex-flow-conserved", lambda V, W: V.T @ V - W @ W.T),
    ("ex-flow-conserved", lambda V, W: np.sum(W**2) - np.sum(V**2)),
]

WRONG = [
    ("ex-flow-edge", (-1.4, 2.4), "less than 0.25 is asked"),
    ("ex-flow-edge", (0.0, 6.0), "but descent diverges"),
    ("ex-flow-edge", (1.0, 2.0, 3.0), "two numbers"),
    ("ex-flow-growth", lambda p: 1 / p, "at most linear"),
    ("ex-flow-growth", lambda p: 1 / 3 if p > 2 else 0, "That is p = 3"),
    ("ex-flow-growth", lambda p: 1 / 2 if p > 2 else 0, "reach the target"),
    ("ex-flow-growth", lambda p: 1 / (p - 1) if p > 2 else 0, "power p - 1"),
    ("ex-flow-growth", lambda p: 0, "It grows with depth"),
    ("ex-flow-growth", lambda p: p / 3 if p > 2 else 0, "shrinks with p"),
    ("ex-flow-growth", lambda p: 1 / p**2 if p > 2 else 0, "reach the target"),
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
]
