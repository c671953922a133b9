"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

from math import ceil, exp, inf, log, sqrt

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.training_without_memory import CHECKS  # noqa: F401


def guess(f, after, L, j):
    h = after
    for _ in range(j + 1):
        h = after - f(h) / L
    return h


def recursive(f, after, L, j):
    return after - f(after if j == 0 else recursive(f, after, L, j - 1)) / L


def walks_on(f, after, L, j):
    for _ in range(j + 1):
        after = after - f(after) / L
    return after


def segments(L, whole=lambda L, c: -(-L // c)):
    return min(whole(L, c) + c for c in range(1, L + 1))


def heun(first, second, h, step):
    k = np.tanh(first @ h)
    return h + step / 2 * (k + np.tanh(second @ (h + step * k)))


def two_points(left, right, after, L):
    k = np.tanh(right @ after)
    other = np.tanh(left @ (after - k / L))
    return after - k / (2 * L) - other / (2 * L)


def counted(L, lip, C, tolerance, first=1, growth=2.0):
    if 2 * lip > L:
        return inf
    j = first - 1
    while exp(growth * lip) * C * (lip / L) ** (j + 1) > tolerance:
        j += 1
    return j


def by_logarithm(L, lip, C, tolerance):
    if 2 * lip > L:
        return float("inf")
    return max(0, ceil(log(tolerance / C / exp(2 * lip)) / log(lip / L)) - 1)


def leading(A, B, h, L):
    return -(B - A) @ (B - A) @ h / (4 * L)


def summed(gamma, L, change):
    return -change / L * sum(gamma**-i for i in range(L))


def closed(gamma, L, change):
    if gamma == 1:
        return -change
    return -change / L * (gamma**-L - 1) / (1 / gamma - 1)


RIGHT = [
    ("ex-memory-harm", lambda h: 12 * h),
    ("ex-memory-harm", lambda h: 10 * h + np.tanh(3 * h)),
    ("ex-memory-gamma", lambda L: 1 - 10 / L),
    ("ex-memory-gamma", lambda L: np.exp(-12 / L)),
    ("ex-memory-invert", guess),
    ("ex-memory-invert", recursive),
    ("ex-memory-checkpoints", segments),
    ("ex-memory-checkpoints", lambda L: ceil(2 * sqrt(L))),
    ("ex-memory-heun", lambda a, b, h, L: heun(b, a, h, -1 / L)),
    ("ex-memory-heun", two_points),
    ("ex-memory-corrections", counted),
    ("ex-memory-corrections", by_logarithm),
    ("ex-memory-defect", leading),
    ("ex-memory-defect", lambda A, B, h, L: (2 * A @ B - A @ A - B @ B) @ h / (4 * L)),
    ("ex-memory-momentum", summed),
    ("ex-memory-momentum", closed),
]

WRONG = [
    ("ex-memory-harm", lambda h: 2 * h, "they help"),
    ("ex-memory-harm", np.tanh, "they help"),
    ("ex-memory-harm", lambda h: -12 * h, "does not increase"),
    ("ex-memory-harm", lambda h: 3.0, "exact here"),
    ("ex-memory-harm", lambda h: np.nan, "not a number"),
    ("ex-memory-harm", lambda h: None, "return"),
    ("ex-memory-gamma", lambda L: 0.9, "the input is off"),
    ("ex-memory-gamma", lambda L: 1 - 30 / L, "the input is off"),
    ("ex-memory-gamma", lambda L: 1 - 1 / L, "is allowed"),
    ("ex-memory-gamma", lambda L: 1.0, "between 0 and 1"),
    ("ex-memory-gamma", lambda L: None, "return"),
    ("ex-memory-invert", lambda f, y, L, j: guess(f, y, L, j + 1), "too many"),
    ("ex-memory-invert", lambda f, y, L, j: guess(f, y, L, max(0, j - 1)), "That is not"),
    ("ex-memory-invert", walks_on, "every time"),
    ("ex-memory-invert", lambda f, y, L, j: guess(f, y, -L, j), "subtracts"),
    ("ex-memory-invert", lambda f, y, L, j: guess(f, y, 1, j), "1/L is missing"),
    ("ex-memory-invert", lambda f, y, L, j: y, "nothing was taken off"),
    ("ex-memory-invert", lambda f, y, L, j: guess(f, y, L, 100 * j), "That is not"),
    ("ex-memory-invert", lambda f, y, L, j: np.nan * y, "after 0 corrections"),
    ("ex-memory-checkpoints", lambda L: segments(L, lambda L, c: L // c), "round up"),
    ("ex-memory-checkpoints", lambda L: 2 * sqrt(L), "are whole"),
    ("ex-memory-checkpoints", lambda L: L, "all of them"),
    ("ex-memory-checkpoints", lambda L: ceil(sqrt(L)), "kept states only"),
    ("ex-memory-checkpoints", lambda L: int(sqrt(L)), "length of a segment"),
    ("ex-memory-checkpoints", lambda L: ceil(2 * sqrt(L)) + 1, "are enough"),
    ("ex-memory-heun", lambda a, b, h, L: heun(a, b, h, -1 / L), "exchange the slices"),
    ("ex-memory-heun", lambda a, b, h, L: heun(a, b, h, 1 / L), "the step forwards"),
    ("ex-memory-heun", lambda a, b, h, L: heun(b, a, h, 1 / L), "still goes forwards"),
    ("ex-memory-heun", lambda a, b, h, L: heun(b, a, h, -1), "1/L is missing"),
    ("ex-memory-heun", lambda a, b, h, L: 2 * heun(b, a, h, -1 / L) - h, "divide by 2 L"),
    (
        "ex-memory-heun",
        lambda a, b, h, L: h - (np.tanh(a @ h) + np.tanh(b @ h)) / (2 * L),
        "where the first one leads",
    ),
    (
        "ex-memory-heun",
        lambda a, b, h, L: h - (np.tanh(b @ h) + np.tanh(a @ (h + np.tanh(b @ h) / L))) / (2 * L),
        "goes back too",
    ),
    ("ex-memory-heun", lambda a, b, h, L: h - np.tanh(a @ h) / L, "Euler's step"),
    ("ex-memory-heun", lambda a, b, h, L: h, "That is not Heun's"),
    ("ex-memory-corrections", lambda *a: counted(*a) + 1, "one correction less"),
    ("ex-memory-corrections", lambda *a: counted(*a) - 1, "one too few"),
    ("ex-memory-corrections", lambda *a: counted(*a, growth=0.0), "e^(2 Lambda)"),
    (
        "ex-memory-corrections",
        lambda L, lip, C, t: log(t / C / exp(2 * lip)) / log(lip / L) - 1,
        "is whole",
    ),
    (
        "ex-memory-corrections",
        lambda L, lip, C, t: ceil(log(t / C / exp(2 * lip)) / log(lip / L)) - 1,
        "fewer than 0",
    ),
    (
        "ex-memory-corrections",
        lambda L, lip, C, t: inf if 2 * lip >= L else counted(L, lip, C, t),
        "which is allowed",
    ),
    (
        "ex-memory-corrections",
        lambda L, lip, C, t: max(0, ceil(log(t / C / exp(2 * lip)) / log(lip / L)) - 1),
        "says nothing",
    ),
    ("ex-memory-corrections", lambda *a: np.nan, "it takes 5"),
    ("ex-memory-defect", lambda *a: -leading(*a), "The sign is wrong"),
    ("ex-memory-defect", lambda A, B, h, L: leading(A, B, h, L) / L, "one factor 1/L is left"),
    ("ex-memory-defect", lambda A, B, h, L: leading(A, B, h, L) * L, "after all cells"),
    ("ex-memory-defect", lambda *a: 4 * leading(*a), "The factor is 1/4."),
    ("ex-memory-defect", lambda *a: 2 * leading(*a), "not 1/2"),
    ("ex-memory-defect", lambda *a: leading(*a) / 2, "every second one"),
    ("ex-memory-defect", lambda A, B, h, L: (A @ A - B @ B) @ h / (4 * L), "of the squares"),
    ("ex-memory-defect", lambda A, B, h, L: (A - B) @ h / (4 * L), "B - A is missing"),
    ("ex-memory-defect", lambda A, B, h, L: 0 * h, "Add up"),
    ("ex-memory-momentum", lambda *a: -summed(*a), "mind the sign"),
    ("ex-memory-momentum", lambda g, L, c: c * g**-L, "change of v_0"),
    ("ex-memory-momentum", lambda g, L, c: L * summed(g, L, c), "h moves by v / L"),
    ("ex-memory-momentum", lambda g, L, c: -c * g**-L / L, "one velocity's share"),
    ("ex-memory-momentum", lambda g, L, c: summed(g, L, c) - c * g**-L / L, "does not enter"),
    ("ex-memory-momentum", lambda g, L, c: summed(g, L, c) + c / L, "enters too"),
    ("ex-memory-momentum", lambda g, L, c: summed(g, L, c) / g, "begins with 1"),
    ("ex-memory-momentum", lambda g, L, c: summed(1 / g, L, c), "divides by gamma"),
    ("ex-memory-momentum", lambda g, L, c: np.nan, "yours by nan"),
    ("ex-memory-momentum", lambda g, L, c: summed(g, L, c) * np.ones(2), "a number"),
]
