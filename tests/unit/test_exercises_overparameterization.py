"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.overparameterization import CHECKS  # noqa: F401


def constant(S):
    m, n = S.shape
    return 4 / (n * m) * np.linalg.eigvalsh(S.T @ S)[0]


def by_singular_values(S):
    m, n = S.shape
    return 4 / (n * m) * np.linalg.svd(S)[1][-1] ** 2 if m >= n else 0.0


def neurons(n, eigenvalue, delta, logarithm=np.log):
    return np.ceil(8 * n / eigenvalue * logarithm(n / delta))


def counted(n, eigenvalue, delta):
    m = 1
    while m * eigenvalue < 8 * n * np.log(n / delta):
        m += 1
    return m


NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(100)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def by_quadrature(activation, cosine):
    pair = cosine * NODES[:, None] + np.sqrt(1 - cosine**2) * NODES
    return WEIGHTS @ (activation(NODES)[:, None] * activation(pair)) @ WEIGHTS


def hermite(activation, order, normalised=True):
    h = [np.ones_like(NODES), NODES]
    for r in range(1, order):
        h.append((NODES * h[r] - np.sqrt(r) * h[r - 1]) / np.sqrt(r + 1))
    scale = 1 if normalised else np.sqrt(np.cumprod([1, *range(1, order + 1)]).astype(float))
    return np.array([WEIGHTS @ (activation(NODES) * p) for p in h]) * scale


def series(activation, cosine, order=60, **options):
    return sum(c**2 * cosine**r for r, c in enumerate(hermite(activation, order, **options)))


def pair(S, best=np.min):
    m, n = S.shape
    values = [
        np.sum((S[:, i] + sign * S[:, j]) ** 2)
        for sign in (1, -1)
        for i in range(n)
        for j in range(i)
    ]
    return best(values) / (2 * m)


def pair_by_quadratic_forms(S):
    m, n = S.shape
    gram, values = S.T @ S / m, []
    for i, j in zip(*np.triu_indices(n, 1), strict=True):
        for sign in (1, -1):
            v = np.zeros(n)
            v[i], v[j] = 1 / np.sqrt(2), sign / np.sqrt(2)
            values.append(v @ gram @ v)
    return min(values)


def one_sign(S, sign):
    m, n = S.shape
    return min(np.sum((S[:, i] + sign * S[:, j]) ** 2) for i in range(n) for j in range(i)) / (
        2 * m
    )


def layers(features):
    L, m, n = features.shape
    return constant(features.reshape(L * m, n))


def layers_by_sum(features):
    L, m, n = features.shape
    total = np.einsum("kij,kil->jl", features, features)
    return 4 / (n * m * L) * np.linalg.eigvalsh(total).min()


def whole(S, x, factor=2.0):
    m, n = S.shape
    return 4 / n * np.linalg.eigvalsh(S.T @ S / m + factor * x @ x.T)[0]


def whole_by_rows(S, x):
    m, n = S.shape
    rows = np.concatenate([S / np.sqrt(m), x.T, x.T])
    return 4 / n * np.linalg.svd(rows)[1][n - 1] ** 2


RIGHT = [
    ("ex-over-blind", np.square),
    ("ex-over-blind", lambda u: (u - 1) ** 2 + 3),
    ("ex-over-far", lambda W: W / 10),
    ("ex-over-far", lambda W: W - 0.9 * np.linalg.norm(W) * W / np.linalg.norm(W)),
    ("ex-over-constant", constant),
    ("ex-over-constant", by_singular_values),
    ("ex-over-neurons", neurons),
    ("ex-over-neurons", counted),
    ("ex-over-limit", by_quadrature),
    ("ex-over-limit", series),
    ("ex-over-pair", pair),
    ("ex-over-pair", pair_by_quadratic_forms),
    ("ex-over-layers", layers),
    ("ex-over-layers", layers_by_sum),
    ("ex-over-whole", whole),
    ("ex-over-whole", whole_by_rows),
]

WRONG = [
    ("ex-over-blind", lambda u: None, "returns None"),
    ("ex-over-blind", np.sum, "each entry"),
    ("ex-over-blind", lambda u: 2 * u + 1, "affine"),
    ("ex-over-blind", lambda u: u**3, "tell the 20 inputs apart"),
    ("ex-over-blind", lambda u: np.maximum(u, 0), "tell the 20 inputs apart"),
    ("ex-over-far", lambda W: None, "returns None"),
    ("ex-over-far", lambda W: W[0], "shape"),
    ("ex-over-far", lambda W: 0 * W, "0.9 is asked"),
    ("ex-over-far", lambda W: 1.9 * W, "live"),
    ("ex-over-constant", lambda S: constant(S) / 4, "factor 4"),
    ("ex-over-constant", lambda S: constant(S) * S.shape[1], "1/n"),
    ("ex-over-constant", lambda S: constant(S) * S.shape[0], "1/m"),
    ("ex-over-constant", lambda S: constant(S.T), "m x m"),
    ("ex-over-constant", lambda S: -4 / S.size * np.linalg.eigvalsh(-S.T @ S)[0], "largest"),
    ("ex-over-constant", lambda S: 4 / S.size * np.linalg.svd(S)[1][-1], "square of a singular"),
    (
        "ex-over-constant",
        lambda S: 4 / S.size * np.linalg.svd(S)[1][-1] ** 2,
        "Three neurons cannot",
    ),
    ("ex-over-neurons", lambda n, e, d: neurons(n, e, d, np.log10), "natural"),
    ("ex-over-neurons", lambda n, e, d: np.ceil(8 * n / e * np.log(1 / d)), "every direction"),
    ("ex-over-neurons", lambda n, e, d: np.ceil(8 / e * np.log(n / d)), "factor n"),
    ("ex-over-neurons", lambda n, e, d: np.ceil(8 * n * e * np.log(n / d)), "divides"),
    ("ex-over-neurons", lambda n, e, d: np.ceil(n / e * np.log(n / d)), "factor 8"),
    ("ex-over-neurons", lambda n, e, d: neurons(n, 2 * e, d), "is not"),
    ("ex-over-neurons", lambda n, e, d: neurons(n, e, d) - 1, "Round up"),
    ("ex-over-neurons", lambda n, e, d: n, "is not"),
    ("ex-over-limit", lambda s, c: series(s, c, 20, normalised=False), "normalised"),
    (
        "ex-over-limit",
        lambda s, c: sum(e * c**r for r, e in enumerate(hermite(s, 20))),
        "squared",
    ),
    ("ex-over-limit", lambda s, c: series(s, c) - hermite(s, 2)[0] ** 2, "r = 0"),
    ("ex-over-limit", lambda s, c: WEIGHTS @ s(NODES) ** 2, "no effect"),
    ("ex-over-limit", lambda s, c: (WEIGHTS @ s(NODES)) ** 2, "product of means"),
    ("ex-over-limit", lambda s, c: series(s, c, 4), "cosine 0.6 needs more terms"),
    ("ex-over-limit", lambda s, c: series(s, c, 6), "cosine -0.95 needs more terms"),
    ("ex-over-limit", lambda s, c: 2 * np.pi * series(s, c), "divide by their sum"),
    ("ex-over-limit", lambda s, c: series(lambda z: s(z / np.sqrt(2)), c), "hermegauss"),
    ("ex-over-limit", lambda s, c: series(s, c / 2), "the entry is"),
    ("ex-over-pair", lambda S: 2 * pair(S), "1/2"),
    ("ex-over-pair", lambda S: S.shape[0] * pair(S), "divided by m"),
    ("ex-over-pair", lambda S: np.sqrt(pair(S) / (2 * S.shape[0])), "squared"),
    ("ex-over-pair", lambda S: pair(S, np.max), "closest"),
    ("ex-over-pair", lambda S: one_sign(S, -1), "Opposite"),
    ("ex-over-pair", lambda S: one_sign(S, 1), "Equal"),
    ("ex-over-pair", lambda S: pair(S[:, :2]), "all pairs"),
    ("ex-over-layers", lambda F: np.mean([constant(S) for S in F]), "fewer neurons"),
    ("ex-over-layers", lambda F: constant(F[0]), "fewer neurons"),
    ("ex-over-layers", lambda F: len(F) * layers(F), "divide by L"),
    ("ex-over-layers", lambda F: layers(F) / len(F), "not 1/L^2"),
    ("ex-over-layers", lambda F: 2 * layers(F), "Autodiff gives"),
    ("ex-over-layers", lambda F: [constant(S) for S in F], "Expected an array of shape ()"),
    ("ex-over-whole", lambda S, x: whole(S, x, 1.0), "Only one"),
    ("ex-over-whole", lambda S, x: whole(S, x, 2 / len(S)), "no factor 1/m"),
    ("ex-over-whole", lambda S, x: whole(S, x, 0.0), "residual weights alone"),
    ("ex-over-whole", lambda S, x: whole(2 * S, x), "keep their factor 1/m"),
    ("ex-over-whole", lambda S, x: whole(S, x) * len(x) / 4, "4/n"),
    ("ex-over-whole", lambda S, x: whole(S, x, 10.0), "no factor n"),
    ("ex-over-whole", lambda S, x: whole(S, x) ** 2, "Autodiff gives"),
]
