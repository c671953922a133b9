"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import math

import jax.numpy as jnp
import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.claims.integrators import REAL_LIMITS
from resode_course.exercises.integrators import CHECKS  # noqa: F401
from resode_lib.integrators import INTEGRATORS, heun, rk4


def by_limit(eigenvalue, name):
    return max(1, int(np.ceil(-eigenvalue / REAL_LIMITS[INTEGRATORS[name].order])))


def by_search(eigenvalue, name):
    def factor(z):
        return sum(z**j / math.factorial(j) for j in range(INTEGRATORS[name].order + 1))

    return next(depth for depth in range(1, 1000) if abs(factor(eigenvalue / depth)) <= 1 + 1e-12)


def with_rounded_root(eigenvalue, name):
    return max(1, int(np.ceil(-eigenvalue / (2.8 if name == "rk4" else 2.0))))


def heun_layers(thetas, h, first=0, second=1, share=0.5, extra=0, reach=1):
    depth = len(thetas) - 1
    for k in range(depth):
        left = np.tanh(thetas[k + first] @ h)
        right = np.tanh(thetas[k + second] @ (h + reach * left / (depth + extra)))
        h = h + share * (left + right) / (depth + extra)
    return h


def heun_library(thetas, h):
    depth, h = len(thetas) - 1, jnp.asarray(h)
    for k in range(depth):
        h = heun.step(lambda r, h, k=k: jnp.tanh(thetas[k + r] @ h), h, 1 / depth)
    return h


def doublings(coarse, middle, fine):
    differences = np.linalg.norm(coarse - middle), np.linalg.norm(middle - fine)
    return np.log2(differences[0] / differences[1])


def largest_entries(coarse, middle, fine):
    return np.log(abs(coarse - middle).max() / abs(middle - fine).max()) / np.log(2)


def rk4_layers(thetas, h, layers=None, length=1.0, start=lambda k: 2 * k, middle=None):
    depth = (len(thetas) - 1) // 2 if layers is None else layers
    ds = length / ((len(thetas) - 1) // 2)
    for k in range(depth):
        left, centre, right = thetas[start(k) : start(k) + 3]
        centre = centre if middle is None else middle(left, right)
        k1 = np.tanh(left @ h)
        k2 = np.tanh(centre @ (h + ds / 2 * k1))
        k3 = np.tanh(centre @ (h + ds / 2 * k2))
        k4 = np.tanh(right @ (h + ds * k3))
        h = h + ds * (k1 + 2 * k2 + 2 * k3 + k4) / 6
    return h


def rk4_library(thetas, h):
    depth, h = (len(thetas) - 1) // 2, jnp.asarray(h)
    for k in range(depth):
        h = rk4.step(lambda r, h, k=k: jnp.tanh(thetas[2 * k + int(2 * r)] @ h), h, 1 / depth)
    return h


def rk4_between_neighbours(thetas, h):
    depth, h = len(thetas) - 1, jnp.asarray(h)
    for k in range(depth):

        def cell(r, h, k=k):
            return jnp.tanh(((1 - r) * thetas[k] + r * thetas[k + 1]) @ h)

        h = rk4.step(cell, h, 1 / depth)
    return h


def rk4_frozen(thetas, h, place):
    depth, h = (len(thetas) - 1) // 2, jnp.asarray(h)
    for k in range(depth):
        h = rk4.step(lambda r, h, k=k: jnp.tanh(thetas[2 * k + place] @ h), h, 1 / depth)
    return h


def trapezoid(thetas):
    return (thetas.sum() - (thetas[0] + thetas[-1]) / 2) / (len(thetas) - 1)


def gregory(thetas, share=1 / 12):
    ends = thetas[-1] - thetas[-2] - thetas[1] + thetas[0]
    return trapezoid(thetas) - share * ends / (len(thetas) - 1)


def simpson(thetas):
    total = thetas[0] + 4 * thetas[1::2].sum() + 2 * thetas[2:-1:2].sum() + thetas[-1]
    return total / 3 / (len(thetas) - 1)


def end_error(order, rate, budget):
    L = budget // order  # 1, 2 and 4 evaluations for the orders 1, 2 and 4
    h, ds = 1.0, 1 / L

    def f(s, h):
        return -rate * (h - np.cos(3 * s)) - 3 * np.sin(3 * s)

    for s in np.arange(L) * ds:
        k1 = f(s, h)
        if order == 1:
            h += ds * k1
        elif order == 2:
            h += ds * (k1 + f(s + ds, h + ds * k1)) / 2
        else:
            k2 = f(s + ds / 2, h + ds * k1 / 2)
            k3 = f(s + ds / 2, h + ds * k2 / 2)
            h += ds * (k1 + 2 * k2 + 2 * k3 + f(s + ds, h + ds * k3)) / 6
    return abs(h - np.cos(3))


def best_by_trying(budget):
    wins = [
        end_error(4, r, budget) < min(end_error(1, r, budget), end_error(2, r, budget))
        for r in range(1, 60)
    ]
    return wins.index(False)


def best_by_bisection(budget):
    low, high = 1, budget
    while high - low > 1:
        rate = (low + high) // 2
        if end_error(4, rate, budget) < end_error(1, rate, budget):
            low = rate
        else:
            high = rate
    return low


RIGHT = [
    ("ex-integrators-rate", best_by_trying),
    ("ex-integrators-rate", best_by_bisection),
    ("ex-integrators-chebyshev", 1 / 8),
    ("ex-integrators-chebyshev", np.array(0.1251)),
    ("ex-integrators-factor", lambda z: 1 + z + z**2 / 2),
    ("ex-integrators-factor", lambda z: 0.5 + (1 + z) ** 2 / 2),
    ("ex-integrators-depth", by_limit),
    ("ex-integrators-depth", by_search),
    ("ex-integrators-heun", heun_layers),
    ("ex-integrators-heun", heun_library),
    ("ex-integrators-observed", doublings),
    ("ex-integrators-observed", largest_entries),
    ("ex-integrators-rk4", rk4_layers),
    ("ex-integrators-rk4", rk4_library),
    ("ex-integrators-corrected", gregory),
    ("ex-integrators-corrected", simpson),
]

WRONG = [
    ("ex-integrators-rate", lambda budget: int(2.785 * budget / 4), "is inside its region"),
    ("ex-integrators-rate", lambda budget: budget, "euler ends nearest"),
    ("ex-integrators-rate", lambda budget: best_by_trying(budget) - 1, "rk4 ends nearest still"),
    ("ex-integrators-rate", lambda budget: budget / 2.4 + 0.3, "A whole rate"),
    ("ex-integrators-chebyshev", 1 / 2, "one can go farther"),
    ("ex-integrators-chebyshev", 1 / 10, "c is too small"),
    ("ex-integrators-chebyshev", 0.0, "where Euler's does"),
    ("ex-integrators-factor", lambda z: 1 + z, "Euler's factor"),
    ("ex-integrators-factor", lambda z: 1 + z + z**2, "too large"),
    ("ex-integrators-factor", np.exp, "of the solution"),
    ("ex-integrators-factor", lambda z: z + z**2 / 2, "state itself"),
    ("ex-integrators-factor", abs, "one step of Heun makes 0.545 of"),
    ("ex-integrators-depth", lambda e, name: by_limit(e, name) + 1, "one layer less"),
    ("ex-integrators-depth", lambda e, name: by_limit(e, "euler"), "one layer less"),
    ("ex-integrators-depth", lambda e, name: by_limit(e / 2, name), "still grows"),
    ("ex-integrators-depth", lambda e, name: int(-e / 2) or 1, "still grows"),
    ("ex-integrators-depth", lambda e, name: -e / 2.785, "whole number"),
    ("ex-integrators-depth", with_rounded_root, "-39 and rk4 the state still grows"),
    ("ex-integrators-heun", lambda t, h: heun_layers(t, h, second=0), "Both evaluations use t"),
    ("ex-integrators-heun", lambda t, h: heun_layers(t, h, first=1), "belongs to the left"),
    ("ex-integrators-heun", lambda t, h: heun_layers(t, h, first=1, second=0), "swapped"),
    ("ex-integrators-heun", lambda t, h: heun_layers(t, h, share=1.0), "half the sum"),
    ("ex-integrators-heun", lambda t, h: heun_layers(t, h, extra=1), "the step is 1/L"),
    ("ex-integrators-heun", lambda t, h: heun_layers(t, h, reach=0), "not at h"),
    ("ex-integrators-heun", lambda t, h: heun_layers(t, h, reach=0.5), "a whole step ahead"),
    ("ex-integrators-heun", lambda t, h: heun_layers(t, h, second=0, reach=0), "Euler's method"),
    ("ex-integrators-heun", lambda t, h: h, "not Heun's method"),
    ("ex-integrators-heun", lambda t, h: t @ h, "Expected an array of shape (3,)"),
    ("ex-integrators-observed", lambda a, b, c: 2 ** doublings(a, b, c), "which power"),
    ("ex-integrators-observed", lambda a, b, c: doublings(c, b, a), "sign"),
    ("ex-integrators-observed", lambda a, b, c: np.log(2) * doublings(a, b, c), "base 2"),
    ("ex-integrators-observed", lambda a, b, c: np.log2((a - b) / (b - c)), "One number"),
    (
        "ex-integrators-observed",
        lambda a, b, c: np.log2(np.linalg.norm(a - c) / np.linalg.norm(b - c)),
        "not the solution",
    ),
    ("ex-integrators-observed", lambda a, b, c: 3.0, "States of order 1"),
    (
        "ex-integrators-observed",
        lambda a, b, c: round(doublings(a, b, c)),
        "States of order 1.5 give",
    ),
    ("ex-integrators-rk4", lambda t, h: rk4_layers(t, h, length=0.5), "not 1/8"),
    ("ex-integrators-rk4", rk4_between_neighbours, "order two again"),
    ("ex-integrators-rk4", lambda t, h: rk4_layers(t, h, 7, start=lambda k: k), "overlap"),
    (
        "ex-integrators-rk4",
        lambda t, h: rk4_layers(t, h, middle=lambda a, b: (a + b) / 2),
        "do not interpolate",
    ),
    (
        "ex-integrators-rk4",
        lambda t, h: rk4_layers(t[[0, 0, 2, 2, 4, 4, 6, 6, 6]], h),
        "not RK4",
    ),
    ("ex-integrators-rk4", lambda t, h: rk4_frozen(t, h, 1), "ends and middle differ"),
    ("ex-integrators-rk4", lambda t, h: rk4_frozen(t, h, 0), "not at its first one only"),
    ("ex-integrators-rk4", heun_layers, "Heun's method on all slices"),
    ("ex-integrators-rk4", lambda t, h: heun_layers(t[::2], h), "every other slice"),
    ("ex-integrators-rk4", lambda t, h: h, "not RK4"),
    ("ex-integrators-corrected", trapezoid, "correct its ends"),
    ("ex-integrators-corrected", lambda t: t[:-1].mean(), "rectangle rule"),
    ("ex-integrators-corrected", lambda t: gregory(t, -1 / 12), "wrong sign"),
    ("ex-integrators-corrected", lambda t: gregory(t, 1 / 24), "order three is asked"),
    ("ex-integrators-corrected", np.mean, "L cells"),
    ("ex-integrators-corrected", lambda t: np.nan, "One number is asked, the integral; got nan"),
    ("ex-integrators-corrected", lambda t: simpson(t) * len(t), "behaves like L^1.0"),
    ("ex-integrators-corrected", lambda t: trapezoid(t) * (len(t) - 1), "not an integral yet"),
    ("ex-integrators-corrected", lambda t: (t[1:] + t[:-1]) / 2, "One number"),
]
