"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.closeness import CHECKS  # noqa: F401


def bound_by_formula(lipschitz, size, tolerance):
    return max(1, int(np.ceil(np.expm1(lipschitz) * size / (2 * tolerance))))


def bound_by_search(lipschitz, size, tolerance):
    depth = 1
    while np.expm1(lipschitz) * size / (2 * depth) > tolerance:
        depth += 1
    return depth


def square(beta, depth):
    return (1 + 0.5 * depth ** (-2 * beta)) ** depth - 1


def alias_by_sum(waves, depth):
    wave = np.exp(2j * np.pi * waves * np.arange(depth) / depth).mean().real
    return wave - (waves == 0)


def signs(beta, depth):
    c = depth**-beta
    return (np.cosh(c) - c * np.sinh(c)) ** depth


def signs_by_exponentials(beta, depth):
    c = depth**-beta
    return (0.5 * (1 + c) * np.exp(-c) + 0.5 * (1 - c) * np.exp(c)) ** depth


def rotation(depth, angle=np.pi):
    a = angle / depth
    step = np.array([[np.cos(a) - 1, -np.sin(a)], [np.sin(a), np.cos(a) - 1]])
    return np.tile(depth * step, (depth, 1, 1))


def eulers_rotation(depth):
    return np.tile(np.pi * np.array([[0.0, -1.0], [1.0, 0.0]]), (depth, 1, 1))


def jump_at_once(depth):
    return np.concatenate([depth * np.diag([-2.0, 0.0])[None], np.zeros((depth - 1, 2, 2))])


RIGHT = [
    ("ex-close-bound", bound_by_formula),
    ("ex-close-bound", bound_by_search),
    ("ex-close-order", lambda lipschitz: int(lipschitz) + 1),
    ("ex-close-order", lambda lipschitz: next(n for n in range(1, 99) if n > lipschitz)),
    ("ex-close-displacement", lambda beta, depth: np.sqrt(square(beta, depth))),
    (
        "ex-close-displacement",
        lambda beta, depth: np.sqrt(np.expm1(depth * np.log1p(depth ** (-2 * beta) / 2))),
    ),
    ("ex-close-alias", alias_by_sum),
    ("ex-close-alias", lambda waves, depth: float(waves > 0 and waves % depth == 0)),
    ("ex-close-signs", signs),
    ("ex-close-signs", signs_by_exponentials),
    ("ex-close-swap", rotation),
    ("ex-close-swap", lambda depth: rotation(depth, -np.pi)),
]

WRONG = [
    ("ex-close-bound", lambda la, F, t: 2 * bound_by_formula(la, F, t), "one layer less"),
    ("ex-close-bound", lambda la, F, t: max(1, bound_by_formula(la, F, t) // 2), "still above"),
    ("ex-close-bound", lambda la, F, t: 0.5, "whole number"),
    ("ex-close-order", lambda lipschitz: int(np.ceil(lipschitz)), "too small"),
    ("ex-close-order", lambda lipschitz: int(lipschitz) + 3, "one layer less"),
    ("ex-close-order", lambda lipschitz: lipschitz + 1, "whole number"),
    ("ex-close-displacement", square, "its root"),
    ("ex-close-displacement", lambda b, n: np.sqrt(square(b, n) + 1), "Pythagoras"),
    ("ex-close-displacement", lambda b, n: np.sqrt((1 + n ** (-2 * b)) ** n - 1), "1/2 is missing"),
    (
        "ex-close-displacement",
        lambda b, n: np.sqrt((1 + 0.5 * n**-b) ** n - 1),
        "enters squared",
    ),
    ("ex-close-displacement", lambda b, n: np.sqrt(square(b, n) + 1) - 1, "do not subtract"),
    ("ex-close-displacement", lambda b, n: np.sqrt(n ** (1 - 2 * b) / 2), "leading term"),
    ("ex-close-displacement", lambda b, n: 0.0, "yours is 0"),
    ("ex-close-alias", lambda waves, depth: -alias_by_sum(waves, depth), "sign is wrong"),
    ("ex-close-alias", lambda waves, depth: alias_by_sum(waves, depth) + (waves == 0), "moves too"),
    (
        "ex-close-alias",
        lambda waves, depth: float(waves > 2),
        "3 waves and 8 layers the error is 0,",
    ),
    ("ex-close-alias", lambda waves, depth: 0.0, "8 waves and 8 layers the error is 1"),
    ("ex-close-signs", lambda b, n: signs(b, n) ** (1 / n), "L of them"),
    ("ex-close-signs", lambda b, n: 1.0, "divide by the ODE"),
    ("ex-close-signs", lambda b, n: np.exp(-0.5), "at this depth"),
    ("ex-close-signs", lambda b, n: np.cosh(n**-b) ** -n, "quotient of the means"),
    ("ex-close-signs", lambda b, n: signs(0.5, n), "not 1/sqrt(L)"),
    ("ex-close-signs", lambda b, n: 0.0, "Over all signs"),
    ("ex-close-swap", eulers_rotation, "leaves the circle"),
    ("ex-close-swap", lambda depth: rotation(depth, np.pi / 2), "Check angle"),
    ("ex-close-swap", jump_at_once, "must stay bounded"),
    ("ex-close-swap", lambda depth: np.full((depth, 2, 2), np.nan), "points end nan away"),
    ("ex-close-swap", lambda depth: rotation(depth)[0], "Expected matrices"),
]
