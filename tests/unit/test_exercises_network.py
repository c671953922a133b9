"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.network import CHECKS  # noqa: F401


def forward(V, W, b, points, *, scale=None, bias=1, order=1, pick=2):
    h = np.pad(points, ((0, 0), (0, 1)))
    for k in range(len(V))[::order]:
        move = np.tanh(h @ W[k].T + bias * b[k]) @ V[k].T * (scale or 1 / len(V))
        h = h + move
    return h[:, pick]


def only_the_last(V, W, b, points):
    return forward(V[-1:], W[-1:], b[-1:], points, scale=1 / len(V))


def point_by_point(V, W, b, points):
    def answer(point):
        h = np.append(point, 0.0)
        for v, w, c in zip(V, W, b, strict=True):
            h = h + v @ np.tanh(w @ h + c) / len(V)
        return h[-1]

    return [answer(point) for point in points]


def descend(loss, weights, rate, steps, *, factor=True, sign=-1):
    for _ in range(steps):
        gradient = jax.grad(loss)(weights)
        length = rate * (len(weights[0]) if factor else 1)
        weights = tuple(w + sign * length * g for w, g in zip(weights, gradient, strict=True))
    return weights


def in_a_scan(loss, weights, rate, steps):
    def step(weights, _):
        def moved(w, g):
            return w - rate * w.shape[0] * g

        return jax.tree.map(moved, weights, jax.grad(loss)(weights)), None

    return jax.lax.scan(step, weights, length=steps)[0]


def without_update(loss, weights, rate, steps):
    gradient = jax.grad(loss)(weights)
    return tuple(w - steps * rate * len(w) * g for w, g in zip(weights, gradient, strict=True))


def count(loss, weights, rate, goal, *, first=0):
    steps = first
    while loss(weights) >= goal:
        weights = descend(loss, weights, rate, 1, factor=False)
        steps += 1
    return steps


def counted_in_a_while_loop(loss, weights, rate, goal):
    def go_on(carry):
        return loss(carry[0]) >= goal

    def step(carry):
        return descend(loss, carry[0], rate, 1, factor=False), carry[1] + 1

    return int(jax.lax.while_loop(go_on, step, (weights, jnp.array(0)))[1])


RIGHT = [
    ("ex-network-forward", forward),
    ("ex-network-forward", point_by_point),
    ("ex-network-train", descend),
    ("ex-network-train", in_a_scan),
    ("ex-network-steps", count),
    ("ex-network-steps", counted_in_a_while_loop),
]

WRONG = [
    ("ex-network-forward", lambda *a: forward(*a, scale=1.0), "1/L is missing"),
    ("ex-network-forward", lambda *a: forward(*a, bias=0), "bias b is missing"),
    ("ex-network-forward", lambda *a: forward(*a, order=-1), "reverse order"),
    ("ex-network-forward", only_the_last, "never updated"),
    ("ex-network-forward", lambda *a: forward(*a, pick=0), "first coordinate"),
    ("ex-network-forward", lambda *a: forward(*a, pick=slice(None)), "their last coordinate"),
    ("ex-network-forward", lambda V, W, b, x: forward(V, W, b, -x), "other ones"),
    ("ex-network-train", lambda *a: descend(*a, factor=False), "factor L is missing"),
    ("ex-network-train", lambda *a: descend(*a, sign=1), "uphill"),
    ("ex-network-train", without_update, "that of the start"),
    ("ex-network-train", lambda f, w, r, n: descend(f, w, r, n + 1), "One step too many"),
    ("ex-network-train", lambda f, w, r, n: descend(f, w, r, min(n, 1)), "Only one step"),
    ("ex-network-train", lambda f, w, r, n: descend(f, w, 2 * r, n), "other ones"),
    ("ex-network-train", lambda f, w, r, n: descend(f, w, r, n)[0], "a tuple of as many"),
    ("ex-network-steps", lambda *a: count(*a, first=1), "One too many"),
    ("ex-network-steps", lambda *a: count(*a, first=-1), "One too few"),
    ("ex-network-steps", lambda f, w, r, goal: count(f, w, r, goal / 4), "it takes"),
]
