"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.adjoints import CHECKS  # noqa: F401


def central(loss, w, v):
    return (loss(w + 1e-5 * v) - loss(w - 1e-5 * v)) / 2e-5


def richardson(loss, w, v, step=1e-3):
    wide = (loss(w + step * v) - loss(w - step * v)) / (2 * step)
    half = (loss(w + step / 2 * v) - loss(w - step / 2 * v)) / step
    wider = (loss(w + 2 * step * v) - loss(w - 2 * step * v)) / (4 * step)
    return (64 * half - 20 * wide + wider) / 45


def backwards(thetas, last, running, *, cost=1.0, layer=1.0, turn=True):
    L, costates = len(thetas), [last]
    for theta, c in zip(thetas[::-1], running[::-1], strict=True):
        p = costates[0]
        costates.insert(0, p + layer * (theta.T if turn else theta) @ p / L + cost * c / L)
    return np.array(costates)


def in_place(thetas, last, running):
    L = len(thetas)
    p = np.empty((L + 1, len(last)))
    p[L] = last
    for k in reversed(range(L)):
        p[k] = p[k + 1] @ (np.eye(len(last)) + thetas[k] / L) + running[k] / L
    return p


def joined_late(thetas, last, running):
    costates = [last]
    for theta, c in zip(thetas[::-1], running[::-1], strict=True):
        p = costates[0] + c / len(thetas)
        costates.insert(0, p + theta.T @ p / len(thetas))
    return np.array(costates)


def rate(L, tolerance):
    return L * np.sqrt(1 - (1 - tolerance) ** (1 / L))


def rate_by_logarithms(L, tolerance):
    return L * np.sqrt(-np.expm1(np.log1p(-tolerance) / L))


def heun_of_costates(A, B, p, L):
    k = B.T @ p
    return p + (k + A.T @ (p + k / L)) / (2 * L)


def heun_turned(A, B, p, L):
    return p + (A.T @ p + B.T @ (p + A.T @ p / L)) / (2 * L)


def heun_forwards(A, B, p, L):
    return p + (A @ p + B @ (p + A @ p / L)) / (2 * L)


def horizon(theta, h, y, T, L, *, late=1, back=None, turn=True):
    states = [h]
    for _ in range(L):
        states.append(states[-1] + T / L * np.tanh(theta @ states[-1]))
    p, total = states[-1] - y, 0.0
    for h in states[-2::-1]:
        before = (1 - np.tanh(theta @ h) ** 2)[:, None] * theta
        q = p + (T if back is None else back) / L * (before.T if turn else before) @ p
        total += (p if late else q) @ np.tanh(theta @ h) / L
        p = q
    return total


def forwards(theta, h, y, T, L):
    delta = np.zeros_like(h)
    for _ in range(L):
        a = np.tanh(theta @ h)
        delta = delta + a / L + T / L * (1 - a**2) * (theta @ delta)
        h = h + T / L * a
    return (h - y) @ delta


def at_the_end(theta, h, y, T, L):
    for _ in range(L):
        h = h + T / L * np.tanh(theta @ h)
    return (h - y) @ np.tanh(theta @ h)


def one_sided(loss, w, v, step=1e-8):
    return (loss(w + step * v) - loss(w)) / step


RIGHT = [
    ("ex-adjoint-home", np.array([[0.0, 3.0], [0.0, 0.0]])),
    ("ex-adjoint-home", [[2, -2], [2, -2]]),
    ("ex-adjoint-uphill", -6.0),
    ("ex-adjoint-uphill", -100),
    ("ex-adjoint-scalar", lambda a, last, s: last * np.exp(a * (1 - s))),
    ("ex-adjoint-scalar", lambda a, last, s: last * (1 + a * (1 - s) / 10**7) ** 10**7),
    ("ex-adjoint-quotient", central),
    ("ex-adjoint-quotient", richardson),
    ("ex-adjoint-running", backwards),
    ("ex-adjoint-running", in_place),
    ("ex-adjoint-rate", rate),
    ("ex-adjoint-rate", rate_by_logarithms),
    ("ex-adjoint-heun", heun_of_costates),
    (
        "ex-adjoint-heun",
        lambda A, B, p, L: (np.eye(3) + (A + B + B @ A / L) / (2 * L)).T @ p,
    ),
    ("ex-adjoint-horizon", horizon),
    ("ex-adjoint-horizon", forwards),
]

WRONG = [
    ("ex-adjoint-home", np.zeros((2, 2)), "hardly moves"),
    ("ex-adjoint-home", np.array([[0.0, -2.0], [2.0, 0.0]]), "by A A / L"),
    ("ex-adjoint-home", np.diag([1.0, 0.0]), "by A A / L"),
    ("ex-adjoint-home", np.eye(3), "shape (2, 2)"),
    ("ex-adjoint-uphill", -3.0, "0.25 times"),
    ("ex-adjoint-uphill", 5.0, "the same way"),
    ("ex-adjoint-uphill", -4.0, "vanishes"),
    ("ex-adjoint-uphill", np.nan, "one number"),
    ("ex-adjoint-quotient", one_sided, "both sides"),
    ("ex-adjoint-scalar", lambda a, p, s: p * np.exp(-a * (1 - s)), "The sign is wrong"),
    ("ex-adjoint-scalar", lambda a, p, s: p * np.exp(-a * s), "not P(0)"),
    ("ex-adjoint-scalar", lambda a, p, s: p * np.exp(a * s), "how a state grows"),
    ("ex-adjoint-scalar", lambda a, p, s: p * np.exp(a), "That is P(0)"),
    ("ex-adjoint-scalar", lambda a, p, s: np.exp(a * (1 - s)), "linear"),
    ("ex-adjoint-scalar", lambda a, p, s: p, "For a = 1.5"),
    ("ex-adjoint-scalar", lambda a, p, s: np.nan, "yours is nan"),
    ("ex-adjoint-quotient", lambda f, w, v: 2 * central(f, w, v), "2 steps apart"),
    ("ex-adjoint-quotient", lambda f, w, v: central(f, w, v) / 2, "not two"),
    ("ex-adjoint-quotient", lambda f, w, v: -central(f, w, v), "ahead minus"),
    (
        "ex-adjoint-quotient",
        lambda f, w, v: central(f, w, v / np.linalg.norm(v)),
        "do not normalise",
    ),
    ("ex-adjoint-quotient", lambda f, w, v: central(f, w, np.ones_like(v)), "all ones"),
    ("ex-adjoint-quotient", lambda f, w, v: f(w + 1e-8 * v) - f(w), "nearly zero"),
    ("ex-adjoint-quotient", lambda f, w, v: (f(w + v) - f(w - v)) / 2, "near 1e-5"),
    (
        "ex-adjoint-quotient",
        lambda f, w, v: (f(w + 1e-13 * v) - f(w - 1e-13 * v)) / 2e-13,
        "near 1e-5",
    ),
    ("ex-adjoint-quotient", lambda f, w, v: np.nan, "no number"),
    ("ex-adjoint-running", lambda t, p, c: backwards(t, p, c, cost=4), "factor 1/L too"),
    ("ex-adjoint-running", lambda t, p, c: backwards(t, p, c, cost=0), "way is missing"),
    ("ex-adjoint-running", lambda t, p, c: backwards(t, p, c, turn=False), "the transpose"),
    ("ex-adjoint-running", lambda t, p, c: backwards(t, p, c, layer=4), "of the layer is missing"),
    ("ex-adjoint-running", lambda t, p, c: backwards(t, p, c, cost=-1), "sign is plus"),
    ("ex-adjoint-running", lambda t, p, c: backwards(t, p, c)[::-1], "reversed"),
    ("ex-adjoint-running", lambda t, p, c: backwards(t, p, c)[:-1], "Five costates"),
    ("ex-adjoint-running", joined_late, "joins p_k"),
    ("ex-adjoint-running", lambda t, p, c: np.full((5, 3), np.nan), "by hand"),
    ("ex-adjoint-rate", lambda L, tol: rate(L, tol) ** 2, "take the root"),
    ("ex-adjoint-rate", lambda L, tol: 1 - (1 - tol) ** (1 / L), "(rate / L)^2"),
    ("ex-adjoint-rate", lambda L, tol: rate(L, tol) / L, "multiply by the depth"),
    ("ex-adjoint-rate", lambda L, tol: np.sqrt(-L * np.log(1 - tol)), "many layers"),
    ("ex-adjoint-rate", lambda L, tol: np.sqrt(L * tol), "first order"),
    ("ex-adjoint-rate", lambda L, tol: L * np.sqrt(tol), "L-th root"),
    ("ex-adjoint-rate", lambda L, tol: L * np.sqrt(1 - tol ** (1 / L)), "1 minus the power"),
    ("ex-adjoint-rate", lambda L, tol: 1.0, "yours is 1"),
    ("ex-adjoint-heun", heun_forwards, "the step itself"),
    ("ex-adjoint-heun", heun_turned, "wrong way round"),
    ("ex-adjoint-heun", lambda A, B, p, L: heun_of_costates(B, A, p, L), "wrong way round"),
    ("ex-adjoint-heun", lambda A, B, p, L: p + (A + B).T @ p / (2 * L), "product is missing"),
    ("ex-adjoint-heun", lambda A, B, p, L: p + A.T @ p / L, "Euler's step"),
    ("ex-adjoint-heun", lambda A, B, p, L: heun_of_costates(A, B, p, 1), "1/L is missing"),
    ("ex-adjoint-heun", lambda A, B, p, L: heun_of_costates(A, B, p, -L), "with a plus"),
    ("ex-adjoint-heun", lambda A, B, p, L: np.zeros(3), "multiply out"),
    ("ex-adjoint-horizon", lambda t, h, y, T, L: L * horizon(t, h, y, T, L), "share of 1/L"),
    ("ex-adjoint-horizon", lambda t, h, y, T, L: T * horizon(t, h, y, T, L), "linear in T"),
    ("ex-adjoint-horizon", lambda t, h, y, T, L: -horizon(t, h, y, T, L), "p_L = h_L - y"),
    ("ex-adjoint-horizon", lambda t, h, y, T, L: 2 * horizon(t, h, y, T, L), "no factor 2"),
    ("ex-adjoint-horizon", at_the_end, "one product at the end"),
    ("ex-adjoint-horizon", lambda *a: horizon(*a, late=0), "with p_{k+1}"),
    ("ex-adjoint-horizon", lambda *a: horizon(*a, back=1), "steps of length T / L"),
    ("ex-adjoint-horizon", lambda *a: horizon(*a, turn=False), "the transpose"),
    ("ex-adjoint-horizon", lambda *a: np.nan, "over the layers"),
]
