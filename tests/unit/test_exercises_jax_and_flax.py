"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.jax_and_flax import CHECKS


def scanned(update, pick=lambda carry, outputs: carry):
    """Return ``(thetas, h) -> h_L`` for a layer ``update(h, theta, L)``."""

    def forward(thetas, h):
        def layer(h, theta):
            h = update(h, theta, len(thetas))
            return h, h

        return pick(*jax.lax.scan(layer, h, thetas))

    return forward


def residual(h, theta, depth):
    return h + jnp.tanh(h @ theta.T) / depth


def looped(thetas, h):
    for theta in thetas:
        h = residual(h, theta, len(thetas))
    return h


def never_updated(thetas, h):
    for theta in thetas:
        out = residual(h, theta, len(thetas))
    return out


def by_fori_loop(thetas, h):
    return jax.lax.fori_loop(0, len(thetas), lambda k, h: residual(h, thetas[k], len(thetas)), h)


def from_one_key(key, depth, width):
    return jax.random.normal(key, (depth, width, width)) / jnp.sqrt(width)


def from_many_keys(key, depth, width):
    draw = lambda key: jax.random.normal(key, (width, width)) * width**-0.5  # noqa: E731
    return jax.vmap(draw)(jax.random.split(key, depth))


def tied(key, depth, width):
    return jnp.broadcast_to(from_one_key(key, 1, width), (depth, width, width))


def equal_rows(key, depth, width):
    rows = jax.random.normal(key, (depth, 1, width)) / jnp.sqrt(width)
    return jnp.broadcast_to(rows, (depth, width, width))


def uniform(key, depth, width):
    return jnp.sqrt(3 / width) * jax.random.uniform(key, (depth, width, width), minval=-1)


def by_numpy(key, depth, width):
    return np.random.standard_normal((depth, width, width)) / np.sqrt(width)


def slope(theta, h):
    return 1 - jnp.tanh(h @ theta.T) ** 2


def adjoint_by_hand(theta, h, p, depth):
    return p + (p * slope(theta, h)) @ theta / depth


def adjoint_by_vjp(theta, h, p, depth):
    return jax.vjp(lambda h: residual(h, theta, depth), h)[1](p)[0]


def adjoint_by_grad(theta, h, p, depth):
    return jax.grad(lambda h: jnp.sum(p * residual(h, theta, depth)))(h)


def jumps(stack):
    leaves = [leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(stack)]
    return jnp.linalg.norm(jnp.diff(jnp.concatenate(leaves, axis=1), axis=0), axis=1)


def depth(stack):
    return len(jax.tree.leaves(stack)[0])


def lipschitz_by_map(stack):
    squares = jax.tree.map(lambda leaf: ((leaf[1:] - leaf[:-1]) ** 2).sum((1, 2)), stack)
    return depth(stack) * jnp.sqrt(jax.tree.reduce(jnp.add, squares)).max()


def norms(stack):
    return [jumps(leaf).max() for leaf in jax.tree.leaves(stack)]


def central(step):
    def directional(f, x, v):
        epsilon = np.asarray(step(np.finfo(x.dtype).eps / 2), x.dtype)
        return (f(x + epsilon * v) - f(x - epsilon * v)) / (2 * epsilon)

    return directional


def one_sided(f, x, v):
    epsilon = np.sqrt(np.finfo(x.dtype).eps)
    return (f(x + epsilon * v) - f(x)) / epsilon


def four_points(f, x, v):
    epsilon = (np.finfo(x.dtype).eps / 2) ** x.dtype.type(0.2)
    near, far = (f(x + r * epsilon * v) - f(x - r * epsilon * v) for r in (1, 2))
    return (8 * near - far) / (12 * epsilon)


def normalised(f, x, v):
    return central(np.cbrt)(f, x, v / np.linalg.norm(v))


def kahan(f, h, depth):
    def layer(carry, _):
        h, lost = carry
        move = f(h) / depth - lost
        new = h + move
        return (new, (new - h) - move), None

    return jax.lax.scan(layer, (h, jnp.zeros_like(h)), length=depth)[0][0]


def two_sums(f, h, depth):
    def layer(carry, _):
        high, low = carry
        low = low + f(high) / depth
        new = high + low
        return (new, low - (new - high)), None

    high, low = jax.lax.scan(layer, (h, jnp.zeros_like(h)), length=depth)[0]
    return high + low


def plain(f, h, depth):
    return jax.lax.scan(lambda h, _: (h + f(h) / depth, None), h, length=depth)[0]


def wrong_sign(f, h, depth):
    def layer(carry, _):
        h, lost = carry
        move = f(h) / depth + lost
        new = h + move
        return (new, (new - h) - move), None

    return jax.lax.scan(layer, (h, jnp.zeros_like(h)), length=depth)[0][0]


def in_float64(f, h, depth):
    return plain(f, h.astype(jnp.float64), depth).astype(h.dtype)


def unrolled(f, h, depth):
    lost = jnp.zeros_like(h)
    for _ in range(depth):
        move = f(h) / depth - lost
        new = h + move
        h, lost = new, (new - h) - move
    return h


RIGHT = [
    ("ex-jax-scan", scanned(residual)),
    ("ex-jax-scan", by_fori_loop),
    ("ex-jax-keys", from_one_key),
    ("ex-jax-keys", from_many_keys),
    ("ex-jax-adjoint", adjoint_by_hand),
    ("ex-jax-adjoint", adjoint_by_vjp),
    ("ex-jax-adjoint", adjoint_by_grad),
    ("ex-jax-lipschitz", lambda s: depth(s) * jumps(s).max()),
    ("ex-jax-lipschitz", lipschitz_by_map),
    ("ex-jax-step", central(np.cbrt)),
    ("ex-jax-step", central(lambda u: 2 * u ** (1 / 3))),
    ("ex-jax-step", four_points),
    ("ex-jax-compensated", kahan),
    ("ex-jax-compensated", two_sums),
]

WRONG = [
    ("ex-jax-scan", scanned(lambda h, w, n: h + jnp.tanh(h @ w.T)), "1/L is missing"),
    ("ex-jax-scan", scanned(lambda h, w, n: h + jnp.tanh(h @ w) / n), "h @ theta.T"),
    ("ex-jax-scan", lambda w, h: scanned(residual)(w[::-1], h), "reverse order"),
    ("ex-jax-scan", never_updated, "never updated"),
    ("ex-jax-scan", lambda w, h: h + sum(jnp.tanh(h @ t.T) for t in w) / len(w), "input h_0"),
    ("ex-jax-scan", scanned(residual, lambda carry, outputs: (carry, outputs)), "pair"),
    ("ex-jax-scan", scanned(residual, lambda carry, outputs: outputs), "all layers"),
    ("ex-jax-scan", scanned(residual, lambda carry, outputs: carry[0]), "got (3,)"),
    ("ex-jax-scan", scanned(lambda h, w, n: jnp.tanh(h @ w.T) / n), "off by"),
    ("ex-jax-scan", lambda w, h: None, "returns None"),
    ("ex-jax-scan", looped, "grows with depth"),
    ("ex-jax-keys", lambda k, n, d: from_one_key(k, n, d)[0], "has shape (16, 16)"),
    ("ex-jax-keys", by_numpy, "besides the key"),
    ("ex-jax-keys", lambda k, n, d: from_one_key(jax.random.key(0), n, d), "not used"),
    ("ex-jax-keys", tied, "layers are equal"),
    ("ex-jax-keys", equal_rows, "Rows of a layer"),
    ("ex-jax-keys", lambda k, n, d: jax.random.normal(k, (n, d, d)), "1/sqrt(width) is missing"),
    ("ex-jax-keys", lambda k, n, d: jax.random.normal(k, (n, d, d)) / d, "not by 1/width"),
    ("ex-jax-keys", uniform, "not Gaussian"),
    ("ex-jax-keys", lambda k, n, d: 2 * from_one_key(k, n, d), "standard deviation is"),
    ("ex-jax-adjoint", lambda w, h, p, n: (p * slope(w, h)) @ w / n, "identity is missing"),
    ("ex-jax-adjoint", lambda w, h, p, n: p + (p * slope(w, h)) @ w, "1/L is missing"),
    ("ex-jax-adjoint", lambda w, h, p, n: p - (p * slope(w, h)) @ w / n, "The sign"),
    ("ex-jax-adjoint", lambda w, h, p, n: p + (p * slope(w, h)) @ w.T / n, "not transposed"),
    ("ex-jax-adjoint", lambda w, h, p, n: p + p @ w / n, "derivative of tanh is missing"),
    ("ex-jax-adjoint", lambda w, h, p, n: p + (p @ w) * slope(w, h) / n, "before theta^T acts"),
    (
        "ex-jax-adjoint",
        lambda w, h, p, n: jax.jvp(lambda h: residual(h, w, n), (h,), (p,))[1],
        "not its transpose",
    ),
    ("ex-jax-lipschitz", lambda s: jumps(s).max(), "factor L is missing"),
    ("ex-jax-lipschitz", lambda s: (depth(s) - 1) * jumps(s).max(), "not by the number L - 1"),
    ("ex-jax-lipschitz", lambda s: depth(s) * jumps(s).sum(), "not the sum"),
    ("ex-jax-lipschitz", lambda s: depth(s) * jumps(s).mean(), "not the mean"),
    ("ex-jax-lipschitz", lambda s: depth(s) * jumps(s).max() ** 2, "square root"),
    ("ex-jax-lipschitz", lambda s: depth(s) * max(norms(s)), "Join the arrays"),
    ("ex-jax-lipschitz", lambda s: depth(s) * sum(norms(s)), "Squares add up"),
    ("ex-jax-lipschitz", jumps, "Expected an array of shape ()"),
    ("ex-jax-step", one_sided, "one-sided"),
    ("ex-jax-step", central(np.sqrt), "too small"),
    ("ex-jax-step", central(lambda u: 1e-5), "In float32"),
    ("ex-jax-step", central(lambda u: 1e-2), "too large"),
    ("ex-jax-step", lambda f, x, v: 2 * central(np.cbrt)(f, x, v), "Twice too large"),
    ("ex-jax-step", lambda f, x, v: central(np.cbrt)(f, x, -v), "The sign"),
    ("ex-jax-step", normalised, "Do not normalise"),
    ("ex-jax-step", lambda f, x, v: f(v) - f(v), "too"),
    ("ex-jax-compensated", plain, "rounding costs"),
    ("ex-jax-compensated", wrong_sign, "rounding costs"),
    ("ex-jax-compensated", lambda f, h, n: plain(lambda h: n * f(h), h, n), "1/L is missing"),
    ("ex-jax-compensated", in_float64, "float64"),
    ("ex-jax-compensated", unrolled, "grows with depth"),
    ("ex-jax-compensated", lambda f, h, n: kahan(f, h, n)[0], "got ()"),
]


def test_a_black_box_refuses_another_precision():
    with pytest.raises(TypeError, match="keep the precision of x"):
        CHECKS["ex-jax-step"](lambda f, x, v: f(x.astype(np.float16)))
