"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.double_limit import CHECKS  # noqa: F401


def distance(c, loss, mu):
    return 2 * c * np.sqrt(loss) / mu


def distance_by_sum(c, loss, mu):
    times = np.linspace(0, 80 / mu, 400_001)
    return np.trapezoid(c * np.sqrt(loss * np.exp(-mu * times)), times)


def enough_time(mu, part):
    return 2 * np.log(1 / part) / mu


def grown(start, alpha, beta, mu, time, depth):
    tau = 2 / mu * (1 - np.exp(-mu * time / 2))
    return np.exp(alpha * tau) * start + beta / (alpha * depth) * np.expm1(alpha * tau)


def grown_by_shift(start, alpha, beta, mu, time, depth):
    rest = beta / (alpha * depth)
    return (start + rest) * np.exp(-2 * alpha / mu * np.expm1(-mu * time / 2)) - rest


def exponent(kappa, mu):
    return mu / (2 * kappa + mu)


RIGHT = [
    ("ex-double-floor", lambda y: (y[0, 0] - y[1, 0]) ** 2 / (2 * len(y))),
    ("ex-double-floor", lambda y: 2 * y[:2].var() / y.size),
    ("ex-double-rough", 2),
    ("ex-double-rough", np.float64(1.95)),
    ("ex-double-distance", distance),
    ("ex-double-distance", distance_by_sum),
    ("ex-double-time", enough_time),
    ("ex-double-time", lambda mu, part: np.log(part**-2.0) / mu),
    ("ex-double-gronwall", grown),
    ("ex-double-gronwall", grown_by_shift),
    ("ex-double-runaway", lambda L, t: t / (t + L)),
    ("ex-double-runaway", lambda L, t: 1 - np.exp(-t / L)),
    ("ex-double-runaway", lambda L, t: t**2 / (t**2 + L**2)),
    ("ex-double-runaway", lambda L, t: min(np.log1p(t) / L, 1.0)),
    ("ex-double-runaway", lambda L, t: np.log1p(t) / (np.log1p(t) + L)),
    ("ex-double-runaway", lambda L, t: min(np.log1p(t) / np.log1p(L), 1.0)),
    ("ex-double-runaway", lambda L, t: 1 - (1 + t) ** (-1 / L)),
    ("ex-double-runaway", lambda L, t: float(np.clip(np.log((1 + t) / (1 + L)), 0, 1))),
    ("ex-double-width-one", lambda C: np.log(C) ** 2 / 2),
    ("ex-double-width-one", lambda C: 1e6 * (1e6 * np.expm1(np.log(C) / 1e6) - np.log(C))),
    ("ex-double-rate", exponent),
    ("ex-double-rate", lambda kappa, mu: 1 - kappa / (kappa + mu / 2)),
]

WRONG = [
    ("ex-double-floor", lambda y: None, "returns None"),
    ("ex-double-floor", lambda y: (y[0, 0] - y[1, 0]) ** 2 / len(y), "half of the difference"),
    ("ex-double-floor", lambda y: (y[0, 0] - y[1, 0]) ** 2 / 2, "over all n"),
    ("ex-double-floor", lambda y: y[:2].var() / len(y), "not one"),
    ("ex-double-floor", lambda y: 0.0, "half way"),
    ("ex-double-floor", lambda y: y.var(), "variance of all"),
    ("ex-double-floor", lambda y: 17.0, "ends at"),
    ("ex-double-rough", "two", "a number"),
    ("ex-double-rough", 1, "moved first"),
    ("ex-double-rough", 0.0, "smoother"),
    ("ex-double-rough", 5, "whole number"),
    ("ex-double-distance", lambda c, loss, mu: c * np.sqrt(loss) / mu, "rate mu / 2"),
    ("ex-double-distance", lambda c, loss, mu: 2 * c * loss / mu, "square root of the loss"),
    ("ex-double-distance", lambda c, loss, mu: c * np.sqrt(loss), "integrate"),
    ("ex-double-distance", lambda c, loss, mu: c * np.sqrt(loss) * mu / 2, "mu divides"),
    ("ex-double-distance", lambda c, loss, mu: 2 * np.sqrt(loss) / mu, "constant c"),
    ("ex-double-distance", lambda c, loss, mu: 1.0, "is at most"),
    ("ex-double-time", lambda mu, part: np.log(1 / part) / mu, "twice as long"),
    ("ex-double-time", lambda mu, part: 2 * np.log(part) / mu, "positive"),
    ("ex-double-time", lambda mu, part: 2 * np.log10(1 / part) / mu, "natural"),
    ("ex-double-time", lambda mu, part: 2 * np.log(1 / part) * mu, "divides"),
    ("ex-double-time", lambda mu, part: np.exp(-mu / 2) * part, "Solve for t"),
    ("ex-double-time", lambda mu, part: 0.0, "the time is"),
    ("ex-double-gronwall", lambda s, a, b, mu, t, L: grown(s, a, b, 1e-9, t, L), "for ever"),
    ("ex-double-gronwall", lambda s, a, b, mu, t, L: grown(s, a, b, 2 * mu, t, L), "not mu"),
    ("ex-double-gronwall", lambda s, a, b, mu, t, L: grown(s, a, b, mu, 1e9, L), "infinite time"),
    ("ex-double-gronwall", lambda s, a, b, mu, t, L: grown(s, a, b, mu, t, 1), "divided by L"),
    (
        "ex-double-gronwall",
        lambda s, a, b, mu, t, L: (
            np.exp(2 * a / mu * (1 - np.exp(-mu * t / 2)))
            * (s + b / L * 2 / mu * (1 - np.exp(-mu * t / 2)))
        ),
        "this one is smaller",
    ),
    ("ex-double-gronwall", lambda s, a, b, mu, t, L: s, "the time to tau"),
    ("ex-double-runaway", lambda L, t: min(t / L, 1.0), "the family of the text"),
    ("ex-double-runaway", lambda L, t: t / L, "too fast"),
    ("ex-double-runaway", lambda L, t: 0.5 * t / (t + L), "limit in time is 1"),
    ("ex-double-runaway", lambda L, t: t / (1 + t), "limit in depth is 0"),
    (
        "ex-double-runaway",
        lambda L, t: 0.9 * np.log1p(t) / (np.log1p(t) + L),
        "limit in time is 1; yours nears 0.9",
    ),
    (
        "ex-double-runaway",
        lambda L, t: (0.1 + 0.9 / L) * t / (1 + t) if L > 1 else t / (1 + t),
        "limit in time is 1",
    ),
    ("ex-double-runaway", lambda L, t: float(t > L), "too fast"),
    ("ex-double-runaway", lambda L, t: min(L * t, 1.0), "too fast"),
    ("ex-double-runaway", lambda L, t: (1 + t) / (1 + t + L), "starts at 0"),
    ("ex-double-runaway", lambda L, t: np.array([t, L]), "one number"),
    ("ex-double-width-one", np.log, "double limit itself"),
    ("ex-double-width-one", lambda C: np.log(C) ** 2, "1/2"),
    ("ex-double-width-one", lambda C: -(np.log(C) ** 2) / 2, "sign"),
    ("ex-double-width-one", lambda C: np.log(C) / 2, "squared"),
    ("ex-double-width-one", lambda C: 0.0, "does not vanish"),
    ("ex-double-width-one", lambda C: C, "deep networks give"),
    ("ex-double-rate", lambda kappa, mu: mu / (kappa + mu), "not exp(-mu t)"),
    ("ex-double-rate", lambda kappa, mu: 2 * kappa / (2 * kappa + mu), "one minus"),
    ("ex-double-rate", lambda kappa, mu: -exponent(kappa, mu), "positive"),
    ("ex-double-rate", lambda kappa, mu: 1.0, "does not survive"),
    ("ex-double-rate", lambda kappa, mu: mu / (2 * kappa), "equally large"),
    ("ex-double-rate", lambda kappa, mu: 0.5, "the exponent is"),
]
