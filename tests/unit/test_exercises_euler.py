"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.euler import CHECKS  # noqa: F401
from resode_lib import stacks


def layers(thetas, h, update):
    for theta in thetas:
        h = update(theta, h, len(thetas))
    return h


def scanned(thetas, h):
    step = lambda h, theta: (h + jnp.tanh(theta @ h) / len(thetas), None)  # noqa: E731
    return jax.lax.scan(step, jnp.asarray(h), jnp.asarray(thetas))[0]


def layers_by_search(lipschitz, acceleration, tolerance):
    factor = np.expm1(lipschitz) / lipschitz if lipschitz else 1.0
    depth = 1
    while factor * acceleration / (2 * depth) > tolerance:
        depth += 1
    return depth


def layers_by_formula(lipschitz, acceleration, tolerance):
    factor = np.expm1(lipschitz) / lipschitz if lipschitz else 1.0
    return int(np.ceil(factor * acceleration / (2 * tolerance)))


def by_jvp(field, s, h):
    return jax.jvp(field, (s, h), (jnp.ones_like(s), field(s, h)))[1]


def by_jacobians(field, s, h):
    return jax.jacfwd(field, 0)(s, h) + jax.jacfwd(field, 1)(s, h) @ field(s, h)


def jump_by_count(height, place, depth):
    later = sum(k / depth > place for k in range(depth))
    return height * later / depth - height * (1 - place)


RIGHT = [
    ("ex-euler-four", lambda s: s * (1 - s)),
    ("ex-euler-four", lambda s: np.exp(s) - (np.e - 1) * s),
    ("ex-euler-alias", lambda s: np.cos(32 * np.pi * s)),
    ("ex-euler-alias", lambda s: 3 * np.sin(32 * np.pi * s + 1)),
    ("ex-euler-bug", lambda t, h: layers(t, h, lambda w, h, n: h + np.tanh(w @ h) / n)),
    ("ex-euler-bug", scanned),
    ("ex-euler-layers", layers_by_formula),
    ("ex-euler-layers", layers_by_search),
    ("ex-euler-right-ends", lambda p, n: jax.vmap(p)((jnp.arange(n) + 1) / n)),
    ("ex-euler-right-ends", lambda p, n: stacks.sample(lambda s: p(s + 1 / n), n)),
    ("ex-euler-acceleration", by_jvp),
    ("ex-euler-acceleration", by_jacobians),
    ("ex-euler-leading", lambda a: a**2 * np.exp(a) / 2),
    ("ex-euler-leading", lambda a: a * (a * np.exp(a)) * 0.5),
    ("ex-euler-jump", lambda c, p, n: -c * (1 - (p * n - np.floor(p * n))) / n),
    ("ex-euler-jump", jump_by_count),
]

WRONG = [
    ("ex-euler-four", lambda s: s, "make that zero"),
    ("ex-euler-four", lambda s: 2.0 + 0 * s, "no error at all"),
    ("ex-euler-four", lambda s: np.sin(2 * np.pi * s), "no error at all"),
    ("ex-euler-four", lambda s: np.sqrt(s * (1 - s)), "near 4"),
    ("ex-euler-alias", lambda s: np.sin(7 * s), "16 layers end"),
    ("ex-euler-alias", lambda s: 40 * s, "15 end"),
    ("ex-euler-alias", lambda s: np.cos(480 * np.pi * s), "15 end"),
    ("ex-euler-bug", lambda t, h: h + np.tanh(t[-1] @ h) / len(t), "Only the last layer acts"),
    ("ex-euler-bug", lambda t, h: h + np.tanh(t @ h).mean(0), "sees the input h_0"),
    ("ex-euler-bug", lambda t, h: layers(t, h, lambda w, h, n: h + np.tanh(w @ h)), "1/L"),
    ("ex-euler-bug", lambda t, h: layers(t, h, lambda w, h, n: np.tanh(w @ h) / n), "not h_L"),
    ("ex-euler-bug", lambda t, h: np.stack([h, h]), "one comes out"),
    ("ex-euler-layers", lambda la, c, t: layers_by_formula(la, c, t) + 1, "one layer less"),
    ("ex-euler-layers", lambda la, c, t: max(1, layers_by_formula(la, c, t) // 2), "still above"),
    ("ex-euler-layers", lambda la, c, t: int(np.ceil(np.exp(la) * c / t)), "one layer less"),
    ("ex-euler-layers", lambda la, c, t: 0.5, "whole number"),
    ("ex-euler-right-ends", stacks.sample, "left ends"),
    ("ex-euler-right-ends", lambda p, n: jax.vmap(p)((jnp.arange(n) + 0.5) / n), "middles"),
    ("ex-euler-right-ends", lambda p, n: jax.vmap(p)(jnp.linspace(0, 1, n)), "L - 1 steps"),
    ("ex-euler-right-ends", lambda p, n: p(1 / n), "Return a stack"),
    ("ex-euler-acceleration", lambda f, s, h: jax.jacfwd(f, 0)(s, h), "state moves too"),
    ("ex-euler-acceleration", lambda f, s, h: jax.jacfwd(f, 1)(s, h) @ f(s, h), "D_s f is"),
    (
        "ex-euler-acceleration",
        lambda f, s, h: jax.jacfwd(f, 0)(s, h) + jax.jacfwd(f, 1)(s, h) @ h,
        "velocity f",
    ),
    ("ex-euler-acceleration", lambda f, s, h: f(s, h), "not d/ds"),
    ("ex-euler-leading", lambda a: -(a**2) * np.exp(a) / 2, "The sign"),
    ("ex-euler-leading", lambda a: a**2 * np.exp(a), "Twice too large"),
    ("ex-euler-leading", lambda a: a**2 / 2, "carried along"),
    ("ex-euler-leading", lambda a: np.exp(a), "measured limit"),
    ("ex-euler-jump", lambda c, p, n: -jump_by_count(c, p, n), "sign is wrong"),
    ("ex-euler-jump", lambda c, p, n: n * jump_by_count(c, p, n), "L times too large"),
    ("ex-euler-jump", lambda c, p, n: 0.0, "the network measures"),
    ("ex-euler-jump", lambda c, p, n: c / n, "the network measures"),
]
