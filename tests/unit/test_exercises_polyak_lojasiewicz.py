"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.polyak_lojasiewicz import CHECKS  # noqa: F401


def steps_by_logarithm(mu, beta, start, target, half=2.0):
    return max(0, int(np.ceil(np.log(target / start) / np.log(1 - mu / (half * beta)))))


def steps_by_loop(mu, beta, start, target):
    count, loss = 0, start
    while loss > target:
        count, loss = count + 1, loss * (1 - mu / (2 * beta))
    return count


def by_gram(X):
    return 4 * np.linalg.eigvalsh(X @ X.T)[0] / len(X)


def by_singular_values(X):
    return 4 * np.linalg.svd(X, compute_uv=False)[-1] ** 2 / X.shape[0]


def loss_at(start):
    return (start[0] * start[1] - 1) ** 2


def margin(start, radius):
    mu = 4 * max(np.linalg.norm(start) - radius, 0) ** 2
    return mu * radius**2 - 4 * loss_at(start)


def margin_on_grid(start, radius):
    turns = np.linspace(0, 2 * np.pi, 2000)
    lengths = np.linspace(0, radius, 400)
    x = start[0] + np.multiply.outer(lengths, np.cos(turns))
    y = start[1] + np.multiply.outer(lengths, np.sin(turns))
    smallest = (4 * (x**2 + y**2)).min()
    return (smallest if smallest > 1e-3 else 0.0) * radius**2 - 4 * loss_at(start)


def power(a, start, time, factor=None):
    factor = a if factor is None else factor
    return (start ** (2 - a) + factor * (a - 2) * time) ** (-a / (a - 2))


def power_of_loss(a, start, time):
    u = start**a
    return (u ** (2 / a - 1) + a**2 * (1 - 2 / a) * time) ** (1 / (2 / a - 1))


def balance(x, y, target):
    D, p = x**2 - y**2, x * y
    nearest = 0.0 if p * target <= 0 else min(abs(p), abs(target))
    return 4 * np.sqrt(D**2 + 4 * nearest**2)


def balance_on_grid(x, y, target):
    products = np.linspace(x * y, target, 100_001)
    return (4 * np.sqrt((x**2 - y**2) ** 2 + 4 * products**2)).min()


RIGHT = [
    ("ex-pl-trap", 4.6),
    ("ex-pl-trap", np.float64(4.6033)),
    ("ex-pl-far", ((20.0, -0.6), 10.0)),
    ("ex-pl-far", (np.array([-0.5, 30.0]), 12)),
    ("ex-pl-time", lambda start, target, mu: np.log(start / target) / (2 * mu)),
    ("ex-pl-time", lambda start, target, mu: -np.log(target / start) / mu / 2),
    ("ex-pl-steps", steps_by_logarithm),
    ("ex-pl-steps", steps_by_loop),
    ("ex-pl-least-squares", by_gram),
    ("ex-pl-least-squares", by_singular_values),
    ("ex-pl-margin", margin),
    ("ex-pl-margin", margin_on_grid),
    ("ex-pl-power", power),
    ("ex-pl-power", power_of_loss),
    ("ex-pl-balance", balance),
    ("ex-pl-balance", balance_on_grid),
]

WRONG = [
    ("ex-pl-trap", ..., "a number"),
    ("ex-pl-trap", 10, "caught"),
    ("ex-pl-trap", 4.7, "caught"),
    ("ex-pl-trap", 3.0, "may be higher"),
    ("ex-pl-far", ..., "a pair"),
    ("ex-pl-far", (20.0, -0.6), "a pair"),
    ("ex-pl-far", ((20.0, 0.6), 10.0), "wrong side"),
    ("ex-pl-far", ((0.9, -0.9), 0.5), "more than 100"),
    ("ex-pl-far", ((20.0, -0.6), 30.0), "the origin"),
    ("ex-pl-far", ((6.0, -6.0), 4.0), "does not apply"),
    ("ex-pl-far", ((20.0, -0.6), 0.1), "does not apply"),
    (
        "ex-pl-balance",
        lambda x, y, c: 4 * (x**2 + y**2) if x * y > c else balance(x, y, c),
        "start",
    ),
    ("ex-pl-time", lambda s, t, mu: np.log(s / t) / mu, "twice as fast"),
    ("ex-pl-time", lambda s, t, mu: 2 * np.log(s / t) / mu, "wrong side"),
    ("ex-pl-time", lambda s, t, mu: np.log(t / s) / (2 * mu), "positive"),
    ("ex-pl-time", lambda s, t, mu: np.log10(s / t) / (2 * mu), "natural"),
    ("ex-pl-time", lambda s, t, mu: 1.0, "the bound gives"),
    ("ex-pl-steps", lambda *a: steps_by_logarithm(*a, half=1.0), "1 - mu/(2 beta)"),
    ("ex-pl-steps", lambda *a: steps_by_loop(*a) + 1, "one step less"),
    ("ex-pl-steps", lambda *a: steps_by_loop(*a) // 3, "still above"),
    (
        "ex-pl-steps",
        lambda mu, beta, s, t: int(np.ceil(np.log(t / s) / np.log1p(-mu / (2 * beta)))),
        "from 1 to 2 yours is -1",
    ),
    ("ex-pl-steps", lambda mu, beta, s, t: 2 * beta / mu * np.log(s / t), "whole number"),
    ("ex-pl-steps", lambda mu, beta, s, t: int(4 * beta / mu * np.log(s / t)), "one step less"),
    ("ex-pl-least-squares", lambda X: len(X) * by_gram(X), "mean over n"),
    ("ex-pl-least-squares", lambda X: by_gram(X) / len(X), "cancels"),
    ("ex-pl-least-squares", lambda X: by_gram(X) / 4, "factor 2"),
    ("ex-pl-least-squares", lambda X: by_gram(X) / 2, "no factor 1/2"),
    ("ex-pl-least-squares", lambda X: 4 / len(X) * np.linalg.eigvalsh(X.T @ X)[0], "singular"),
    ("ex-pl-least-squares", lambda X: 4 / len(X) * np.linalg.norm(X, 2) ** 2, "steepest"),
    ("ex-pl-least-squares", lambda X: 4 / len(X) * np.linalg.svd(X)[1][-1], "sigma_min squared"),
    ("ex-pl-least-squares", lambda X: 4 / len(X) * np.linalg.eigvalsh(X @ X.T), "shape ()"),
    ("ex-pl-least-squares", lambda X: 1.0, "the worst residual"),
    ("ex-pl-margin", lambda s, r: 4 * s @ s * r**2 - 4 * loss_at(s), "whole ball"),
    (
        "ex-pl-margin",
        lambda s, r: 4 * (np.linalg.norm(s) - r) ** 2 * r**2 - 4 * loss_at(s),
        "contains the origin",
    ),
    ("ex-pl-margin", lambda s, r: margin(s, r) + 3 * loss_at(s), "four times"),
    (
        "ex-pl-margin",
        lambda s, r: 4 * max(np.linalg.norm(s) - r, 0) ** 2 * r - 4 * loss_at(s) if r < 1 else 0.0,
        "around (1.6, 1)",
    ),
    ("ex-pl-margin", lambda s, r: margin(s, r) / 4 - 3 * loss_at(s), "factor 4"),
    ("ex-pl-power", lambda a, s, t: power(a, s, t) ** (1 / a), "place x(t)"),
    ("ex-pl-power", lambda a, s, t: s**a * np.exp(-(a**2) * s ** (a - 2) * t), "not exponential"),
    ("ex-pl-power", lambda a, s, t: power(a, s, t, factor=1.0), "a^2, not a"),
    ("ex-pl-power", lambda a, s, t: power(a, s, -t / 100), "the flow has the loss"),
    ("ex-pl-power", lambda a, s, t: s**a, "the flow has the loss"),
    ("ex-pl-balance", lambda x, y, c: 4 * (x**2 + y**2), "at the start"),
    ("ex-pl-balance", lambda x, y, c: 4 * np.sqrt((x**2 - y**2) ** 2 + 4 * c**2), "at the end"),
    ("ex-pl-balance", lambda x, y, c: 4 * abs(x**2 - y**2), "does not always pass zero"),
    ("ex-pl-balance", lambda x, y, c: balance(x, y, c) / 4, "factor 4"),
    ("ex-pl-balance", lambda x, y, c: 1.0, "smallest ratio on the way"),
]
