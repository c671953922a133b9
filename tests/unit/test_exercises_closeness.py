"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.closeness import CHECKS  # noqa: F401


def zigzag(k, L):
    return 1 + 2 * (-1) ** k


def three_kinds(k, L):
    return (-2.0, 1.0, 4.0)[k % 3]


def two_halves(k, L):
    return 3.0 if k < L // 2 else -1.0


def in_blocks(depth):
    return np.arange(depth) // (int(depth**0.5) // 2) % 2


def twice_as_long(depth):
    block = int(depth**0.5)
    return np.repeat(np.arange(depth // block) % 2, block).tolist()


def in_turn(depth):
    return np.arange(depth) % 2


def one_after_the_other(depth):
    return np.arange(depth) // (depth // 2)


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
    ("ex-close-rough", zigzag),
    ("ex-close-rough", three_kinds),
    ("ex-close-mix", in_blocks),
    ("ex-close-mix", twice_as_long),
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
    ("ex-close-rough", lambda k, L: 1.0, "a curve could follow"),
    ("ex-close-rough", two_halves, "a curve could follow"),
    ("ex-close-rough", lambda k, L: 1 + 9 * (-1) ** k, "larger than 5"),
    ("ex-close-rough", lambda k, L: 2 * (-1) ** k, "does not shrink"),
    ("ex-close-rough", lambda k, L: 1 + 2 * (-1) ** k + 2 / L**0.5, "shrinks too slowly"),
    ("ex-close-mix", in_turn, "mixes too well"),
    ("ex-close-mix", one_after_the_other, "do not mix"),
    ("ex-close-mix", lambda depth: np.zeros(depth), "half of them"),
    ("ex-close-mix", lambda depth: "ab" * (depth // 2), "one 0 or 1"),
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
