"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.images import CHECKS  # noqa: F401

E = 1e-5


def affine(scale, shift, mean, variance):
    a = scale / np.sqrt(variance + E)
    return a, shift - a * mean


def affine_by_two_points(scale, shift, mean, variance):
    at_zero, at_one = (scale * (h - mean) * (variance + E) ** -0.5 + shift for h in (0, 1))
    return np.array([at_one - at_zero, at_zero])


def by_sampling_nothing(depth, channels):
    kernel = 9 * channels**2  # entries
    return depth * (2 * kernel * 2 / (9 * channels)) ** 0.5


def fold(kernel, scale, shift, mean, variance):
    a = scale / np.sqrt(variance + E)
    return kernel * a, shift - a * mean


def fold_by_columns(kernel, scale, shift, mean, variance):
    new, bias = np.zeros_like(kernel), np.zeros(4)
    for o in range(4):
        a = scale[o] / (variance[o] + E) ** 0.5
        new[..., o], bias[o] = a * kernel[..., o], shift[o] - a * mean[o]
    return [new, bias]


def half_folded(factor, bias):
    """Answers with one part wrong."""

    def answer(kernel, scale, shift, mean, variance):
        return factor(kernel, scale, variance), bias(scale, shift, mean, variance)

    return answer


def right_factor(kernel, scale, variance):
    return kernel * scale / np.sqrt(variance + E)


def wrong_axis(kernel, scale, variance):
    return kernel * (scale / np.sqrt(variance + E))[:, None]


def radius(start, size, rate, steps):
    square = start**2
    for _ in range(steps):
        square += (rate * size) ** 2 / square
    return np.sqrt(square)


def radius_in_the_plane(start, size, rate, steps):
    """Walk in the plane, at a right angle to where we are."""
    w = np.array([start, 0.0])
    for _ in range(steps):
        r = np.linalg.norm(w)
        w = w + rate * size / r * np.array([-w[1], w[0]]) / r
    return np.linalg.norm(w)


def flat(start, size, rate, steps):
    return np.sqrt(start**2 + steps * (rate * size) ** 2)


def outwards(start, size, rate, steps):
    for _ in range(steps):
        start += rate * size / start
    return start


def parts(h):
    n, s = len(h), np.sqrt(h.var() + E)
    return n, s, (h - h.mean()) / s


def jacobian(h):
    n, s, z = parts(h)
    return (np.eye(n) - 1 / n - np.outer(z, z) / n) / s


def jacobian_by_autodiff(h):
    return jax.jacobian(lambda h: (h - h.mean()) / jnp.sqrt(h.var() + E))(jnp.asarray(h))


def no_mean(h):
    n, s, z = parts(h)
    return (np.eye(n) - np.outer(z, z) / n) / s


def no_variance(h):
    n, s, _ = parts(h)
    return (np.eye(n) - 1 / n) / s


def no_epsilon(h):
    n, s = len(h), h.std()
    z = (h - h.mean()) / s
    return (np.eye(n) - 1 / n - np.outer(z, z) / n) / s


def squared(h):
    return jacobian(h) / parts(h)[1]


def plus(h):
    n, s, z = parts(h)
    return (np.eye(n) + 1 / n + np.outer(z, z) / n) / s


def steps(rates, momentum, start, alpha, beta, depth):
    d, v = start, 0.0
    for rate in rates:
        v = momentum * v + alpha * d + beta / depth
        d = d + rate * v
    return d


def steps_as_sums(rates, momentum, start, alpha, beta, depth):
    ds, sources = [start], []
    for rate in rates:
        sources.append(alpha * ds[-1] + beta / depth)
        powers = momentum ** np.arange(len(sources))[::-1]
        ds.append(ds[-1] + rate * (powers @ np.array(sources)))
    return ds[-1]


def gronwall(rates, momentum, start, alpha, beta, depth):
    t = rates.sum() / (1 - momentum)
    return (start + beta * t / depth) * np.exp(alpha * t)


def all_at_once(rates, momentum, start, alpha, beta, depth):
    return steps(rates / (1 - momentum), 0.0, start, alpha, beta, depth)


def averaged(rates, momentum, start, alpha, beta, depth):
    return steps((1 - momentum) * rates, momentum, start, alpha, beta, depth)


def behind(rates, momentum, start, alpha, beta, depth):
    d, v = start, 0.0
    for rate in rates:
        d, v = d + rate * v, momentum * v + alpha * d + beta / depth
    return d


def pair(rng):
    return rng.standard_normal((2, 1, 3, 3, 4, 4)) / 6


def depths_of(depth):
    return (np.arange(depth) / (depth - 1)).reshape(-1, 1, 1, 1, 1)


def quarter(rng, depth):
    (first, last), angle = pair(rng), np.pi / 2 * depths_of(depth)
    return np.cos(angle) * first + np.sin(angle) * last


def roots(rng, depth):
    """On a straight line, then brought to its variance."""
    (first, last), s = pair(rng), depths_of(depth)
    return ((1 - s) * first + s * last) / np.sqrt((1 - s) ** 2 + s**2)


def straight(rng, depth):
    (first, last), s = pair(rng), depths_of(depth)
    return (1 - s) * first + s * last


def half_way(rng, depth):
    (first, last), angle = pair(rng), np.pi / 4 * depths_of(depth)
    return np.cos(angle) * first + np.sin(angle) * last


def independent(rng, depth):
    return rng.standard_normal((depth, 3, 3, 4, 4)) / 6


def lengthened(factors):
    """Multiply layer k by the factor ``factors(k)``."""

    def disguise(kernels):
        return kernels * factors(np.arange(len(kernels))).reshape(-1, 1, 1, 1, 1)

    return disguise


def one_channel(kernels):
    factors = np.ones((len(kernels), 1, 1, 1, kernels.shape[-1]))
    factors[len(kernels) // 2, ..., 0] = 1e3
    return kernels * factors


def by_input(kernels):
    factors = np.ones((len(kernels), 1, 1, kernels.shape[-1], 1))
    factors[::2, :, :, 0] = 1e3
    return kernels * factors


def scrambled(kernels):
    return kernels * np.exp(np.random.default_rng(0).standard_normal(kernels.shape))


RIGHT = [
    ("ex-images-curve", quarter),
    ("ex-images-curve", roots),
    ("ex-images-disguise", lengthened(lambda k: np.where(k % 2, 0.01, 1.0))),
    ("ex-images-disguise", one_channel),
    ("ex-images-affine", affine),
    ("ex-images-affine", affine_by_two_points),
    ("ex-images-independent", lambda depth, channels: 2 * depth * np.sqrt(channels)),
    ("ex-images-independent", by_sampling_nothing),
    ("ex-images-fold", fold),
    ("ex-images-fold", fold_by_columns),
    ("ex-images-radius", radius),
    ("ex-images-radius", radius_in_the_plane),
    ("ex-images-jacobian", jacobian),
    ("ex-images-jacobian", jacobian_by_autodiff),
    ("ex-images-steps", steps),
    ("ex-images-steps", steps_as_sums),
]

WRONG = [
    ("ex-images-curve", lambda rng, depth: None, "returns None"),
    ("ex-images-curve", lambda rng, depth: quarter(rng, depth)[1:], "shape"),
    ("ex-images-curve", lambda rng, depth: 0.1 + quarter(rng, depth), "the mean"),
    ("ex-images-curve", lambda rng, depth: 6 * quarter(rng, depth), "the variance 1/36"),
    ("ex-images-curve", straight, "squares of the two factors"),
    ("ex-images-curve", half_way, "not independent"),
    ("ex-images-curve", lambda rng, depth: 0 * depths_of(depth) + pair(rng)[0], "not independent"),
    ("ex-images-curve", independent, "a quarter as large"),
    ("ex-images-disguise", lambda kernels: None, "returns None"),
    ("ex-images-disguise", lambda kernels: kernels[0], "shape"),
    ("ex-images-disguise", lambda kernels: kernels, "differ in length"),
    ("ex-images-disguise", lambda kernels: 100 * kernels, "differ in length"),
    ("ex-images-disguise", lengthened(lambda k: (-1.0) ** k), "turns the sign"),
    ("ex-images-disguise", lengthened(lambda k: 1.0 * (k > 3)), "lost for good"),
    ("ex-images-disguise", by_input, "belong to the inputs"),
    ("ex-images-disguise", scrambled, "another network"),
    ("ex-images-affine", lambda g, b, m, v: (g / v**0.5, b - g / v**0.5 * m), "1e-5"),
    ("ex-images-affine", lambda g, b, m, v: (g / (v + E), b - g / (v + E) * m), "the root"),
    ("ex-images-affine", lambda g, b, m, v: (g / np.sqrt(v + E), b - m), "before the scaling"),
    ("ex-images-affine", lambda g, b, m, v: (g / np.sqrt(v + E), b), "missing in b"),
    ("ex-images-affine", lambda *a: (affine(*a)[0], 2 * a[1] - affine(*a)[1]), "not added"),
    ("ex-images-affine", lambda *a: affine(*a)[::-1], "First a"),
    ("ex-images-affine", lambda *a: (a[0], a[1]), "is not the normalisation"),
    ("ex-images-affine", lambda *a: affine(*a)[:1], "shape"),
    ("ex-images-affine", lambda *a: None, "returns None"),
    ("ex-images-independent", lambda L, c: 2 * np.sqrt(c), "factor L"),
    ("ex-images-independent", lambda L, c: L * np.sqrt(2 * c), "root of two"),
    ("ex-images-independent", lambda L, c: L * np.sqrt(c), "one kernel"),
    ("ex-images-independent", lambda L, c: 4 * L * c, "Take the root"),
    ("ex-images-independent", lambda L, c: 6 * L * np.sqrt(c), "1/(9c), not 1/c"),
    ("ex-images-independent", lambda L, c: 6 * L * c, "1/(9c), not 1."),
    ("ex-images-independent", lambda L, c: 2 * L * c, "For L = 16"),
    ("ex-images-fold", half_folded(wrong_axis, lambda g, b, m, v: b), "last axis"),
    ("ex-images-fold", half_folded(lambda k, g, v: k / np.sqrt(v + E), lambda g, b, m, v: b), "sc"),
    ("ex-images-fold", half_folded(lambda k, g, v: k * g, lambda g, b, m, v: b), "deviation"),
    ("ex-images-fold", half_folded(lambda k, g, v: k * g / (v + E), lambda g, b, m, v: b), "root"),
    ("ex-images-fold", half_folded(lambda k, g, v: k * g / v**0.5, lambda g, b, m, v: b), "1e-5"),
    ("ex-images-fold", half_folded(lambda k, g, v: k, lambda g, b, m, v: b), "has to change"),
    ("ex-images-fold", half_folded(lambda k, g, v: 2 * k, lambda g, b, m, v: b), "Convolving"),
    ("ex-images-fold", half_folded(right_factor, lambda g, b, m, v: b), "into the bias"),
    ("ex-images-fold", half_folded(right_factor, lambda g, b, m, v: b - g * m), "divided by"),
    (
        "ex-images-fold",
        half_folded(right_factor, lambda g, b, m, v: -g * m / np.sqrt(v + E)),
        "shi",
    ),
    ("ex-images-fold", lambda *a: None, "returns None"),
    ("ex-images-radius", lambda start, size, rate, steps: start, "leaves the sphere"),
    ("ex-images-radius", flat, "divided by |w|"),
    ("ex-images-radius", outwards, "right angle"),
    ("ex-images-radius", lambda *a: radius(*a) ** 2, "square of the norm"),
    ("ex-images-radius", lambda r, g, a, k: (r**4 + 2 * (a * g) ** 2 * k) ** 0.25, "small steps"),
    ("ex-images-radius", lambda r, g, a, k: r + a * g, "expected"),
    ("ex-images-jacobian", lambda h: np.eye(len(h)) / parts(h)[1], "Mean and variance"),
    ("ex-images-jacobian", no_variance, "The variance depends"),
    ("ex-images-jacobian", no_mean, "The mean depends"),
    ("ex-images-jacobian", no_epsilon, "1e-5"),
    ("ex-images-jacobian", squared, "not by the variance"),
    ("ex-images-jacobian", plus, "mind the signs"),
    ("ex-images-jacobian", lambda h: jacobian(h)[0], "shape"),
    ("ex-images-jacobian", lambda h: 2 * jacobian(h), "differs from the derivative"),
    ("ex-images-steps", gronwall, "bound of the proposition"),
    ("ex-images-steps", lambda r, m, s, a, b, L: steps(r, m, s, a, b, 1), "with 1/L"),
    ("ex-images-steps", lambda r, m, s, a, b, L: steps(r, 0, s, a, b, L), "earlier gradients"),
    ("ex-images-steps", averaged, "without 1 - momentum"),
    ("ex-images-steps", all_at_once, "bit by bit"),
    ("ex-images-steps", lambda r, m, s, a, b, L: steps(r, m, 0, a, b, L), "tied start"),
    ("ex-images-steps", behind, "before the step"),
    ("ex-images-steps", lambda *a: 0.0, "expected"),
]
