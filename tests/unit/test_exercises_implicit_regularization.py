"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.implicit_regularization import CHECKS  # noqa: F401


def linear_gradient(thetas, h, y):
    def loss(thetas):
        state = h
        for theta in thetas:
            state = state + theta @ state / len(thetas)
        return jnp.sum((state - y) ** 2)

    return len(thetas) * jax.grad(loss)(jnp.asarray(thetas))


def by_costates(thetas, h, y, back=lambda theta: theta.T, early=False):
    depth, states = len(thetas), [h]
    for theta in thetas:
        states.append(states[-1] + theta @ states[-1] / depth)
    p, gradients = 2 * (states[-1] - y), []
    for k in reversed(range(depth)):
        before = p + back(thetas[k]) @ p / depth
        gradients.insert(0, np.outer(before if early else p, states[k]))
        p = before
    return np.array(gradients)


def interpolated(weights):
    depth = len(weights)
    places = np.minimum(np.arange(2 * depth) / 2, depth - 1)
    flat = weights.reshape(depth, -1)
    columns = [np.interp(places, np.arange(depth), column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(-1, *weights.shape[1:])


def interleaved(weights, last=lambda weights: weights[-1:]):
    following = np.concatenate([weights[1:], last(weights)])
    pairs = np.stack([weights, (weights + following) / 2], axis=1)
    return pairs.reshape(-1, *weights.shape[1:])


def relu(depth, target, a):
    return depth * np.expm1(2 / depth * np.log(target)) + a / depth


def gronwall(start, alpha, beta, time, depth):
    steps = np.linspace(0, time, 20001)
    return np.exp(alpha * time) * start + beta / depth * np.trapezoid(np.exp(alpha * steps), steps)


def gronwall_formula(start, alpha, beta, time, depth):
    growth = np.expm1(alpha * time) / alpha if alpha else time
    return np.exp(alpha * time) * start + beta * growth / depth


def velocity(theta, target):
    u = np.exp(theta.mean())
    return 0 * theta - 2 * u * (u - target)


def velocity_by_products(theta, target):
    cells = theta / len(theta)
    to = np.cumsum(cells) - cells / 2  # the integral up to the middle of each cell, halves alike
    H, back = np.exp(to), np.exp(cells.sum() - to)
    return -H * back * 2 * (np.exp(cells.sum()) - target)


RIGHT = [
    ("ex-implicit-odd", 2),
    ("ex-implicit-odd", np.int64(2)),
    ("ex-implicit-plain", -3),
    ("ex-implicit-plain", np.float64(-2.97)),
    ("ex-implicit-step", lambda w, g, rate: w - rate * w.shape[0] * g),
    ("ex-implicit-step", lambda w, g, rate: np.add(w, -rate * len(g) * g)),
    ("ex-implicit-relu", relu),
    ("ex-implicit-relu", lambda depth, C, a: depth * (C ** (2 / depth) - 1) + a / depth),
    ("ex-implicit-costates", by_costates),
    ("ex-implicit-costates", linear_gradient),
    ("ex-implicit-refine", interpolated),
    ("ex-implicit-refine", interleaved),
    ("ex-implicit-gronwall", gronwall),
    ("ex-implicit-gronwall", gronwall_formula),
    ("ex-implicit-width-one", velocity),
    ("ex-implicit-width-one", velocity_by_products),
]

PARITY = np.array([1, 0] * 5)[:, None, None]


def extrapolated(weights):
    return 2 * weights[-1:] - weights[-2:-1]


def from_end_to_end(weights):
    old, new = np.linspace(0, 1, 5), np.linspace(0, 1, 10)
    return np.stack([np.interp(new, old, w) for w in weights.reshape(5, 6).T], -1).reshape(10, 2, 3)


WRONG = [
    ("ex-implicit-odd", "two", "one number"),
    ("ex-implicit-odd", np.ones(63), "one number"),
    ("ex-implicit-odd", 0, "heals"),
    ("ex-implicit-odd", 1, "each side"),
    ("ex-implicit-odd", 63, "spread"),
    ("ex-implicit-odd", -1, "0, 1, 2"),
    ("ex-implicit-plain", "steep", "a number"),
    ("ex-implicit-plain", -1.0, "with the factor L"),
    ("ex-implicit-plain", -2.02, "square of the time"),
    ("ex-implicit-plain", 3.0, "negative"),
    ("ex-implicit-plain", -0.5, "whole number"),
    ("ex-implicit-step", lambda w, g, rate: w - rate * g, "factor L is missing"),
    ("ex-implicit-step", lambda w, g, rate: w - rate * g / len(g), "not 1/L"),
    ("ex-implicit-step", lambda w, g, rate: w + rate * len(g) * g, "uphill"),
    ("ex-implicit-step", lambda w, g, rate: w - rate * g.size * g, "number of weights"),
    ("ex-implicit-step", lambda w, g, rate: w[0], "Expected an array of shape (6, 3, 4)"),
    ("ex-implicit-relu", lambda depth, C, a: relu(depth, C, 0.0), "do not end at zero"),
    ("ex-implicit-relu", lambda depth, C, a: relu(depth, C, -a), "their distance"),
    ("ex-implicit-relu", lambda depth, C, a: depth * (C ** (1 / depth) - 1) + a / depth, "L/2"),
    ("ex-implicit-relu", lambda depth, C, a: 2 * np.log(C) + a / depth, "for many layers"),
    (
        "ex-implicit-relu",
        lambda depth, C, a: max(relu(depth, C, 0.0), a / depth) + a / depth,
        "come down to it",
    ),
    ("ex-implicit-relu", lambda depth, C, a: 2 * np.log(C), "a trained network measures"),
    ("ex-implicit-costates", lambda t, h, y: linear_gradient(t, h, y) / 5, "factor L is missing"),
    ("ex-implicit-costates", lambda t, h, y: linear_gradient(t, h, y) / 2, "factor 2"),
    ("ex-implicit-costates", lambda t, h, y: linear_gradient(t, h, y)[::-1], "reverse"),
    (
        "ex-implicit-costates",
        lambda t, h, y: linear_gradient(t, h, y).transpose(0, 2, 1),
        "transposed",
    ),
    ("ex-implicit-costates", lambda t, h, y: -linear_gradient(t, h, y), "sign"),
    ("ex-implicit-costates", lambda t, h, y: by_costates(t, h, y, early=True), "yours takes p_k"),
    (
        "ex-implicit-costates",
        lambda t, h, y: by_costates(t, h, y, back=lambda theta: theta),
        "with the transpose of",
    ),
    ("ex-implicit-costates", lambda t, h, y: 0 * t, "pairs h_k with"),
    ("ex-implicit-refine", lambda w: np.repeat(w, 2, axis=0), "cannot see roughness"),
    ("ex-implicit-refine", lambda w: np.concatenate([w, w]), "repeats the whole"),
    ("ex-implicit-refine", lambda w: interleaved(w, lambda w: w[:1]), "do not return"),
    ("ex-implicit-refine", lambda w: w, "expected the shape (10, 2, 3)"),
    ("ex-implicit-refine", lambda w: 0 * np.repeat(w, 2, axis=0), "Old layers stay"),
    ("ex-implicit-refine", from_end_to_end, "Old layers stay"),
    ("ex-implicit-refine", lambda w: np.repeat(w, 2, 0) * PARITY, "means of their neighbours"),
    ("ex-implicit-refine", lambda w: interleaved(w, extrapolated), "Only the last slice"),
    (
        "ex-implicit-gronwall",
        lambda d, a, b, t, L: np.exp(a * t) * (d + b * t / L),
        "this one is smaller",
    ),
    ("ex-implicit-gronwall", lambda d, a, b, t, L: gronwall(d, a, b, t, 1), "divided by L"),
    (
        "ex-implicit-gronwall",
        lambda d, a, b, t, L: d + gronwall(0, a, b, t, L),
        "increment at the start grows",
    ),
    ("ex-implicit-gronwall", lambda d, a, b, t, L: 0.0, "the solution is"),
    ("ex-implicit-width-one", lambda z, C: velocity(z, C) / 2, "factor 2"),
    ("ex-implicit-width-one", lambda z, C: -velocity(z, C), "downhill"),
    (
        "ex-implicit-width-one",
        lambda z, C: 0 * z - 2 * (np.exp(z.mean()) - C),
        "state H(s) is missing",
    ),
    ("ex-implicit-width-one", lambda z, C: -2 * np.exp(z) * (np.exp(z) - C), "of the integral"),
    ("ex-implicit-width-one", lambda z, C: z * np.linspace(0, 1, 9), "depends on s"),
    ("ex-implicit-width-one", lambda z, C: 0 * z, "the same for every s"),
]
