"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)
from scipy.linalg import solve_discrete_are
from scipy.optimize import minimize_scalar

from resode_course.exercises.turnpike import CHECKS  # noqa: F401


def by_riccati(penalty, step):
    one = np.eye(1)
    P = solve_discrete_are(one, step * one, step * one, penalty * step * one)[0, 0]
    return 1 - step**2 * P / (penalty * step + step**2 * P)


def by_difference(penalty, horizon, depth):
    def cost(weight):
        return penalty * horizon / depth * weight**2

    return cost(1.5) - cost(0.5)  # the slope at 1, exact for a parabola


def smaller_root(penalty, step):
    return np.roots([1, -2 - step**2 / penalty, 1]).min()


def by_shooting(penalty, time):
    # x'' = x / lambda from x(0) = 1 to x(T_0) = 0; at the optimum the cost is -lambda x'(0).
    root = np.sqrt(penalty)
    ends = np.linalg.solve([[1, 1], [np.exp(time / root), np.exp(-time / root)]], [1, 0])
    return 1 / (-penalty * (ends[0] - ends[1]) / root)


def by_search(price, horizon):
    def cost(t):
        return (1 - (1 - t) ** 3) / 3 + (horizon - t) * (1 - t) ** 2 + price * t

    end = min(1, horizon)
    found = minimize_scalar(cost, bounds=(0, end), method="bounded", options={"xatol": 1e-11}).x
    return found if cost(found) < cost(0.0) else 0.0


def root_of(price, horizon):
    return (1 + horizon - np.sqrt((horizon - 1) ** 2 + 2 * price)) / 2


def a_of(penalty, step):
    return step**2 / penalty


def left(penalty, horizon):
    return max(0.0, 1 - horizon / (2 * penalty))


def by_descent(penalty, horizon):
    x = np.linspace(0, 1, 2_000_001)
    cost = penalty * x**2 / horizon
    square, absolute = x[np.argmin((x - 1) ** 2 + cost)], x[np.argmin(1 - x + cost)]
    return np.array([(square - 1) ** 2, 1 - absolute])


RIGHT = [
    ("ex-turnpike-plateau", lambda t: 1.0 * (t > 2.2)),
    ("ex-turnpike-plateau", lambda t: 10 * max(0.0, t - 2.0)),
    ("ex-turnpike-pace", 0.27),
    ("ex-turnpike-pace", (2.4 / np.log(100)) ** 2),
    ("ex-turnpike-degree", lambda lam, T, p: lam * T ** (1 - 2 / p)),
    ("ex-turnpike-degree", lambda lam, T, p: lam * T / (T ** (1 / p)) ** 2),
    ("ex-turnpike-decay", lambda lam, T, L: 2 * lam * T / L),
    ("ex-turnpike-decay", by_difference),
    ("ex-turnpike-terminal", lambda lam, T: (lam**2 / (T + lam) ** 2, left(lam, T))),
    ("ex-turnpike-terminal", by_descent),
    ("ex-turnpike-factor", smaller_root),
    ("ex-turnpike-factor", by_riccati),
    ("ex-turnpike-reach", lambda lam, T: np.tanh(T / np.sqrt(lam)) / np.sqrt(lam)),
    ("ex-turnpike-reach", by_shooting),
    ("ex-turnpike-sparse", lambda beta, T: max(0.0, root_of(beta, T))),
    ("ex-turnpike-sparse", by_search),
]

WRONG = [
    ("ex-turnpike-plateau", lambda t: 1.0, "would work evenly"),
    ("ex-turnpike-plateau", lambda t: 0.0, "nothing at all"),
    ("ex-turnpike-plateau", lambda t: 100.0 * (t > 4.9), "for long enough"),
    ("ex-turnpike-plateau", lambda t: t - 2.0, "not negative"),
    ("ex-turnpike-plateau", lambda t: None, "return"),
    ("ex-turnpike-pace", 0.52, "too late"),
    ("ex-turnpike-pace", 0.05, "too early"),
    ("ex-turnpike-pace", 100.0, "never below"),
    ("ex-turnpike-pace", -1.0, "positive number"),
    ("ex-turnpike-degree", lambda lam, T, p: lam / T, "degree 1 only"),
    ("ex-turnpike-degree", lambda lam, T, p: lam * T ** (1 - 1 / p), "norm is squared"),
    ("ex-turnpike-degree", lambda lam, T, p: lam * T ** (-2 / p), "factor T of its own"),
    ("ex-turnpike-degree", lambda lam, T, p: lam * T ** (1 + 2 / p), "the other way"),
    ("ex-turnpike-degree", lambda lam, T, p: lam * T ** (1 - 2 * p), "scale with 1/p"),
    ("ex-turnpike-degree", lambda lam, T, p: lam * T, "find c"),
    ("ex-turnpike-decay", lambda lam, T, L: lam * T / L, "factor 2"),
    ("ex-turnpike-decay", lambda lam, T, L: 2 * lam, "Without the step"),
    ("ex-turnpike-decay", lambda lam, T, L: 2 * lam * L / T, "step multiplies"),
    ("ex-turnpike-decay", lambda lam, T, L: lam * T / L / 2, "twice, not half"),
    ("ex-turnpike-decay", lambda lam, T, L: 2 * lam / L, "yours is 1/L"),
    ("ex-turnpike-decay", lambda lam, T, L: lam, "Differentiate"),
    ("ex-turnpike-terminal", lambda lam, T: (lam / (T + lam), left(lam, T)), "its square"),
    (
        "ex-turnpike-terminal",
        lambda lam, T: (1 - (lam / (T + lam)) ** 2, 1 - left(lam, T)),
        "not the way",
    ),
    (
        "ex-turnpike-terminal",
        lambda lam, T: ((lam / (T + lam)) ** 2, 1 - T / (2 * lam)),
        "never negative",
    ),
    (
        "ex-turnpike-terminal",
        lambda lam, T: ((lam / (T + lam)) ** 2, max(0, 1 - T / lam)),
        "has a factor 2",
    ),
    (
        "ex-turnpike-terminal",
        lambda lam, T: (lam / (T + lam), left(lam, T) + lam * (1 - left(lam, T)) ** 2 / T),
        "whole cost",
    ),
    (
        "ex-turnpike-terminal",
        lambda lam, T: ((lam * T / (1 + lam * T)) ** 2, max(0, 1 - 1 / (2 * lam * T))),
        "not lambda T",
    ),
    ("ex-turnpike-terminal", lambda lam, T: (lam / T, left(lam, T)), "the losses are"),
    ("ex-turnpike-terminal", lambda lam, T: lam**2 / (T + lam) ** 2, "shape (2,)"),
    ("ex-turnpike-factor", lambda lam, dt: np.exp(-dt / np.sqrt(lam)), "infinitely thin"),
    ("ex-turnpike-factor", lambda lam, dt: 1 - dt / np.sqrt(lam), "one Euler step"),
    ("ex-turnpike-factor", lambda lam, dt: 1 / smaller_root(lam, dt), "other root"),
    ("ex-turnpike-factor", lambda lam, dt: smaller_root(lam / 2, dt), "factor 2 too much"),
    ("ex-turnpike-factor", lambda lam, dt: smaller_root(lam, np.sqrt(dt)), "enters squared"),
    ("ex-turnpike-factor", lambda lam, dt: smaller_root(1 / lam, dt), "penalty divides"),
    ("ex-turnpike-factor", lambda lam, dt: 1 / (1 + a_of(lam, dt)), "q + 1/q"),
    ("ex-turnpike-reach", lambda lam, T: np.sqrt(lam) / np.tanh(T / np.sqrt(lam)), "one over it"),
    ("ex-turnpike-reach", lambda lam, T: 1 / np.sqrt(lam), "shorter time"),
    ("ex-turnpike-reach", lambda lam, T: 2 / np.sqrt(lam), "guarantees less"),
    ("ex-turnpike-reach", lambda lam, T: 1 / (T / 3 + lam / T), "straight line"),
    (
        "ex-turnpike-reach",
        lambda lam, T: 1 / np.sqrt(lam) / np.tanh(T / np.sqrt(lam)),
        "not reached",
    ),
    ("ex-turnpike-reach", lambda lam, T: T / lam, "Only the control"),
    ("ex-turnpike-reach", lambda lam, T: 1 / T, "cheapest way"),
    ("ex-turnpike-sparse", lambda beta, T: 1.0, "all the way"),
    (
        "ex-turnpike-sparse",
        lambda beta, T: (1 + T + np.sqrt((T - 1) ** 2 + 2 * beta)) / 2,
        "other root",
    ),
    ("ex-turnpike-sparse", lambda beta, T: root_of(2 * beta, T), "A factor 2"),
    ("ex-turnpike-sparse", lambda beta, T: 1 - max(0, root_of(beta, T)), "when is asked"),
    ("ex-turnpike-sparse", root_of, "not negative"),
    ("ex-turnpike-sparse", lambda beta, T: beta / (2 * T), "it stops at"),
]
