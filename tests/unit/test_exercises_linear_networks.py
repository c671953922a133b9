"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.linear_networks import CHECKS  # noqa: F401


def radius(start):
    best = min(start + 1 / 3, 1.0)
    return (best - start) * np.exp(-3 * best)


def radius_by_search(start):
    low, high = start, 1.0
    for _ in range(200):  # the function rises, then falls
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if (a - start) * np.exp(-3 * a) < (b - start) * np.exp(-3 * b):
            low = a
        else:
            high = b
    return (low - start) * np.exp(-3 * low)


def floor(B):
    return 0.0 if np.linalg.det(B) > 0 else np.linalg.svd(B)[1][-1] ** 2


def floor_by_gram(B):
    sign, _ = np.linalg.slogdet(B)
    return (1 - sign) / 2 * np.linalg.eigvalsh(B @ B.T)[0]


def waiting(u, b):
    def primitive(v):
        return -1 / (b * v) + np.log((v + b) / v) / b**2

    return (primitive(1.0) - primitive(u)) / 2


def waiting_by_steps(u, b):
    v = np.exp(np.linspace(np.log(u), 0, 20001))
    return np.trapezoid(1 / (2 * v * (v + b)), np.log(v))


def products(theta):
    M = np.eye(theta.shape[-1]) + theta / len(theta)
    Q, P = [np.eye(len(M[0]))], [np.eye(len(M[0]))]
    for before, behind in zip(M[:-1], M[:0:-1], strict=True):
        Q.append(before @ Q[-1])
        P.insert(0, P[0] @ behind)
    return P, Q


def rate(theta):
    pairs = zip(*products(theta), strict=True)
    K = sum(np.kron(p @ p.T, q.T @ q) for p, q in pairs) / len(theta)
    return 1 / np.linalg.eigvalsh(K)[-1]


def rate_by_hessian(theta):
    def product(theta):
        pi = jnp.eye(theta.shape[-1])
        for layer in theta:
            pi = pi + layer @ pi / len(theta)
        return pi

    B = product(jnp.asarray(theta))
    hessian = jax.hessian(lambda t: jnp.sum((product(t) - B) ** 2))(jnp.asarray(theta))
    return 2 / (len(theta) * jnp.linalg.eigvalsh(hessian.reshape(theta.size, -1))[-1])


def leading(B, Sigma):
    D = (np.eye(len(B)) - B) @ Sigma
    return 2 * (D @ D.T - D.T @ D)


def leading_by_autodiff(B, Sigma):
    """The second derivative of the increment along the flow, for three layers."""

    def loss(theta):
        pi = jnp.eye(len(B))
        for layer in theta:
            pi = pi + layer @ pi / 3
        return jnp.trace((pi - B) @ Sigma @ (pi - B).T)

    def field(theta):
        return -3 * jax.grad(loss)(theta)

    zero = jnp.zeros((3, *B.shape))
    second = jax.jvp(field, (zero,), (field(zero),))[1]
    return 3 * (second[1] - second[0]) / 2


def polar(B, depth, reverse=False):
    m = depth // 2
    values, vectors = np.linalg.eigh(B.T @ B)
    U = B @ (vectors / np.sqrt(values)) @ vectors.T
    angle = np.arctan2(U[1, 0], U[0, 0]) / m
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    root = (vectors * values ** (1 / (2 * m))) @ vectors.T
    layers = [rotation] * m + [root] * m if reverse else [root] * m + [rotation] * m
    return depth * (np.array(layers) - np.eye(2))


def by_shears(B, depth):
    """Rotate first: the polar decomposition from the other side, B = S U, three quarters of S."""
    m = depth // 4
    left, values, right = np.linalg.svd(B)
    U = left @ right
    angle = np.arctan2(U[1, 0], U[0, 0]) / m
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    root = (left * values ** (1 / (depth - m))) @ left.T
    return depth * (np.array([rotation] * m + [root] * (depth - m)) - np.eye(2))


def generators(B, depth):
    """Use logarithms of the layers instead of the layers."""
    values, vectors = np.linalg.eigh(B.T @ B)
    U = B @ (vectors / np.sqrt(values)) @ vectors.T
    angle = np.arctan2(U[1, 0], U[0, 0])
    log_S = (vectors * np.log(values) / 2) @ vectors.T
    turn = angle * np.array([[0.0, -1.0], [1.0, 0.0]])
    return np.array([2 * log_S] * (depth // 2) + [2 * turn] * (depth // 2))


def one_layer(B, depth):
    return np.array([depth * (B - np.eye(2))] + [np.zeros((2, 2))] * (depth - 1))


def complex_root(B, depth):
    values, vectors = np.linalg.eig(B.astype(complex))
    root = vectors * values ** (1 / depth) @ np.linalg.inv(vectors)
    return depth * (np.array([root] * depth) - np.eye(2))


TURN_AND_TWO = [[0, -1, 0], [1, 0, 0], [0, 0, 2]]
SHIFTED_CYCLE = np.eye(3) + 0.8 * np.roll(np.eye(3), 1, axis=0)  # it commutes with its transpose
SHEAR = [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
OTHER_TWO = np.eye(2, 4, k=2)

RIGHT = [
    ("ex-linear-alike", TURN_AND_TWO),
    ("ex-linear-alike", SHIFTED_CYCLE),
    ("ex-linear-readout", OTHER_TWO),
    ("ex-linear-readout", -OTHER_TWO[::-1] / 2),
    ("ex-linear-radius", radius),
    ("ex-linear-radius", radius_by_search),
    ("ex-linear-floor", floor),
    ("ex-linear-floor", floor_by_gram),
    ("ex-linear-reflection", waiting),
    ("ex-linear-reflection", waiting_by_steps),
    ("ex-linear-rate", rate),
    ("ex-linear-rate", rate_by_hessian),
    ("ex-linear-leading", leading),
    ("ex-linear-leading", leading_by_autodiff),
    ("ex-linear-represent", polar),
    ("ex-linear-represent", by_shears),
]

WRONG = [
    ("ex-linear-alike", SHEAR, "two neighbours of 6 layers differ"),
    ("ex-linear-alike", np.diag([1.0, 2.0, 0.5]), "symmetric"),
    ("ex-linear-alike", 1.5 * np.roll(np.eye(3), 1, axis=0), "orthogonal"),
    ("ex-linear-alike", 3 * np.array(TURN_AND_TWO), "larger than 2"),
    ("ex-linear-alike", np.eye(2), "3 x 3"),
    ("ex-linear-readout", np.eye(2, 4), "breaks the symmetry"),
    ("ex-linear-readout", np.eye(4, 2), "2 x 4"),
    ("ex-linear-readout", np.diag([0, 1]) @ OTHER_TWO, "shall be below"),
    ("ex-linear-readout", 3 * OTHER_TWO, "larger than 1"),
    ("ex-linear-radius", lambda start: (1 - start) * np.exp(-3), "at R = 1"),
    ("ex-linear-radius", lambda start: (1 / 3 - start) / np.e, "depends on the start"),
    ("ex-linear-radius", lambda start: np.exp(-3 * start - 1) / 3, "may not exceed"),
    ("ex-linear-radius", lambda start: radius(start) ** 2, "its root"),
    ("ex-linear-radius", lambda start: 0.1, "From R_0"),
    ("ex-linear-floor", lambda B: np.linalg.norm(B, ord=-2) ** 2, "can be reached"),
    ("ex-linear-floor", lambda B: 0.0, "no such network"),
    ("ex-linear-floor", lambda B: np.sqrt(floor(B)), "is a square"),
    (
        "ex-linear-floor",
        lambda B: np.min(np.abs(np.linalg.eigvals(B)) ** 2) * (np.linalg.det(B) < 0),
        "not eigenvalues",
    ),
    ("ex-linear-floor", lambda B: 4 * floor(B), "four times"),
    ("ex-linear-floor", lambda B: np.sum(B**2) * (np.linalg.det(B) < 0), "One direction"),
    ("ex-linear-floor", lambda B: 7.0, "that is not it"),
    ("ex-linear-reflection", lambda u, b: 2 * waiting(u, b), "factor 2"),
    ("ex-linear-reflection", lambda u, b: -waiting(u, b), "sign"),
    (
        "ex-linear-reflection",
        lambda u, b: 1 / (2 * b * u) - np.log((u + b) / u) / (2 * b**2),
        "starts at u = 1",
    ),
    ("ex-linear-reflection", lambda u, b: waiting(u, 1.0), "taken for 1"),
    (
        "ex-linear-reflection",
        lambda u, b: np.log((u + b) / (u * (1 + b))) / (2 * b),
        "u times as fast",
    ),
    ("ex-linear-reflection", lambda u, b: 1 / (2 * b * u), "the flow needs"),
    ("ex-linear-rate", lambda theta: len(theta) * rate(theta), "without the factor L"),
    ("ex-linear-rate", lambda theta: rate(theta) / 2, "1 / beta"),
    ("ex-linear-rate", lambda theta: 2 * rate(theta), "factor 2"),
    ("ex-linear-rate", lambda theta: 2 / rate(theta), "curvature itself"),
    ("ex-linear-rate", lambda theta: 1.0, "at the identity"),
    ("ex-linear-rate", lambda theta: rate(len(theta) * theta), "Mind the 1/L"),
    ("ex-linear-rate", lambda theta: 0.0, "largest eigenvalue"),
    ("ex-linear-leading", lambda B, S: 2 * (B @ B.T - B.T @ B), "Sigma is missing"),
    ("ex-linear-leading", lambda B, S: -leading(B, S), "sign"),
    ("ex-linear-leading", lambda B, S: 2 * leading(B, S), "Integrate"),
    ("ex-linear-leading", lambda B, S: leading(B, S) / 2, "Half"),
    ("ex-linear-leading", lambda B, S: leading(np.eye(3) - B @ S, np.eye(3)), "does not cancel"),
    (
        "ex-linear-leading",
        lambda B, S: leading(np.eye(3) - S @ (np.eye(3) - B), np.eye(3)),
        "other side",
    ),
    ("ex-linear-leading", lambda B, S: 0 * B, "Insert"),
    ("ex-linear-leading", lambda B, S: 0.0, "shape (3, 3)"),
    ("ex-linear-represent", lambda B, depth: polar(B, depth, reverse=True), "reverse"),
    ("ex-linear-represent", lambda B, depth: polar(B, depth) / depth, "factor L is missing"),
    ("ex-linear-represent", lambda B, depth: polar(B, depth) / depth + np.eye(2), "factors M_k"),
    ("ex-linear-represent", generators, "infinity only"),
    ("ex-linear-represent", one_layer, "grows with the depth"),
    ("ex-linear-represent", complex_root, "complex"),
    ("ex-linear-represent", lambda B, depth: np.zeros((depth, 2, 2)), "product is not B"),
    ("ex-linear-represent", lambda B, depth: polar(B, depth)[0], "shape (12, 2, 2)"),
]
