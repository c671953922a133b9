"""Right answers pass, each in two forms; typical wrong ones are told what is wrong."""

import numpy as np
from both_sides import (  # noqa: F401
    test_every_check_is_tried_from_both_sides,
    test_right_answers_pass,
    test_wrong_answers_are_told_why,
)

from resode_course.exercises.limits import CHECKS  # noqa: F401


def board(depth):
    return depth * np.sum(np.diff((-1.0) ** np.arange(depth)) ** 2)


def between(u):
    held = np.concatenate([u, u[-1:]])
    return np.stack([held[:-1], (held[:-1] + held[1:]) / 2], axis=1).reshape(2 * len(u), -1)


def by_interpolation(u):
    s = np.arange(2 * len(u)) / 2
    return np.stack([np.interp(s, np.arange(len(u)), entry) for entry in u.T], axis=1)


def beyond(u):
    finer = between(u)
    finer[-1] = u[-1] + (u[-1] - u[-2]) / 2
    return finer


def stretched(u):
    s = np.linspace(0, len(u) - 1, 2 * len(u))
    return np.stack([np.interp(s, np.arange(len(u)), entry) for entry in u.T], axis=1)


def a_layer_late(u):
    return np.concatenate([u[:1], between(u)[:-1]])


def with_zeros(u):
    return np.stack([u, 0 * u], axis=1).reshape(2 * len(u), -1)


def parabola(s, tau):
    return 1 / tau + s - s**2 / 2


def closed(s, alpha, tau):
    return parabola(s, tau) / (alpha + 1 / tau + 1 / 3)


def by_elements(s, alpha, tau, cells=600):
    # Piecewise linear weights: (x(1) - 1)^2 and the penalty are exact quadratic forms of them.
    h = 1 / cells
    stiff = (np.diag(np.r_[1, 2 * np.ones(cells - 1), 1]) - np.eye(cells + 1, k=1)) / h
    stiff = stiff - np.eye(cells + 1, k=-1) / h
    stiff[0, 0] += tau
    mean = np.r_[h / 2, h * np.ones(cells - 1), h / 2]
    u = np.linalg.solve(alpha * stiff + np.outer(mean, mean), mean)
    return np.interp(s, np.linspace(0, 1, cells + 1), u)


def clamped(s, alpha, tau):
    start = 0.5 / (1 + tau)
    shape = start * (1 + tau * s) - s**2 / 2
    return shape / (alpha + start * (1 + tau / 2) - 1 / 6)


def strength(target, alpha, fraction):
    z = (target + np.sqrt(target**2 - 4 * alpha)) / 2
    return np.sqrt(np.log(z) / fraction)


def by_search(target, alpha, fraction):
    c = np.log(target)
    for _ in range(60):  # Newton for the derivative of the cost in c = log x(1)
        slope = (np.exp(c) - target) * np.exp(c) + alpha
        c -= slope / (2 * np.exp(2 * c) - target * np.exp(c))
    return np.sqrt(c / fraction)


def by_limit(derivative):
    s = (np.arange(1000) + 0.5) / 1000
    last = 1 - 1e-7 * (1 - s)
    return float(np.mean(derivative(last) ** 2))


def half(y, alpha):
    return (y + np.sqrt(y**2 - 4 * alpha)) / 2


def integral(derivative):
    return float(np.mean(derivative((np.arange(4000) + 0.5) / 4000) ** 2))


def terms(L):
    eye = np.eye(L)
    return np.concatenate([eye[:1], L * np.diff(eye[:2], axis=0), L**1.5 * np.diff(eye, 2, axis=0)])


def by_cholesky(L):
    return np.linalg.inv(np.linalg.cholesky(terms(L).T @ terms(L))).T


def once(L):
    S = np.tri(L)
    S[:, 1:] /= np.sqrt(L)
    return S


RIGHT = [
    ("ex-limits-rise", np.arange(256) / 256),
    ("ex-limits-rise", list(np.linspace(-3, -2.003, 256))),
    ("ex-limits-metric", lambda L: np.linalg.inv(terms(L))),
    ("ex-limits-metric", by_cholesky),
    ("ex-limits-checkerboard", lambda depth: 4 * depth * (depth - 1)),
    ("ex-limits-checkerboard", board),
    ("ex-limits-gamma", lambda x: x**2 - 1),
    ("ex-limits-gamma", lambda x: (x - 1) * (x + 1)),
    ("ex-limits-refine", between),
    ("ex-limits-refine", by_interpolation),
    ("ex-limits-closed", closed),
    ("ex-limits-closed", by_elements),
    ("ex-limits-family", strength),
    ("ex-limits-family", by_search),
    ("ex-limits-family", lambda y, a, f: -strength(y, a, f)),
    ("ex-limits-gap", lambda derivative: derivative(1.0) ** 2),
    ("ex-limits-gap", by_limit),
]

WRONG = [
    ("ex-limits-rise", (np.arange(256) >= 128) * 1.0, "roughness is 256"),
    ("ex-limits-rise", np.sin(np.linspace(0, np.pi / 2, 256)), "at most 1"),
    ("ex-limits-rise", np.linspace(0, 0.9, 256), "go farther"),
    ("ex-limits-rise", np.arange(255) / 255, "256 numbers"),
    ("ex-limits-rise", np.full(256, np.nan), "are numbers"),
    ("ex-limits-metric", np.eye, "the condition number"),
    ("ex-limits-metric", once, "the condition number"),
    ("ex-limits-metric", lambda L: np.eye(4), "shape (16, 16)"),
    ("ex-limits-metric", lambda L: None, "return"),
    ("ex-limits-checkerboard", lambda depth: 4 * (depth - 1), "factor L is missing"),
    ("ex-limits-checkerboard", lambda depth: 4 * (depth - 1) / depth, "not 1/L"),
    ("ex-limits-checkerboard", lambda depth: 4 * depth**2, "L - 1 differences"),
    ("ex-limits-checkerboard", lambda depth: depth * (depth - 1), "differ by 2"),
    ("ex-limits-checkerboard", lambda depth: 2 * depth * (depth - 1), "that is 4"),
    ("ex-limits-checkerboard", lambda depth: 0.0, "squared differences"),
    ("ex-limits-gamma", lambda x: x**2, "mean over the oscillations"),
    ("ex-limits-gamma", lambda x: x**2 + 1, "not the dearest"),
    ("ex-limits-gamma", lambda x: -1.0, "The parabola stays"),
    ("ex-limits-gamma", lambda x: np.nan, "points nearby"),
    ("ex-limits-gamma", lambda x: x**2 + np.sin(64 * x), "all sequences"),
    ("ex-limits-refine", lambda u: np.repeat(u, 2, axis=0), "double the roughness"),
    ("ex-limits-refine", beyond, "extrapolate"),
    ("ex-limits-refine", stretched, "keep their places"),
    ("ex-limits-refine", lambda u: np.concatenate([u, u]), "insert between"),
    ("ex-limits-refine", with_zeros, "their mean"),
    ("ex-limits-refine", lambda u: 2 * between(u), "it should stay"),
    ("ex-limits-refine", a_layer_late, "the curve does not"),
    ("ex-limits-refine", lambda u: between(u)[:-1], "Expected an array of shape"),
    ("ex-limits-closed", lambda s, a, t: parabola(s, t) / (1 / t + 1 / 3), "something is left"),
    ("ex-limits-closed", lambda s, a, t: 0 * s + 1 / (1 + a * t), "not zero"),
    ("ex-limits-closed", clamped, "not the weight"),
    ("ex-limits-closed", lambda s, a, t: parabola(s, t) / (1 / t + 1 / 3 - a), "bends down"),
    ("ex-limits-closed", lambda s, a, t: closed(s, a, 1 / t), "divided by tau"),
    ("ex-limits-closed", lambda s, a, t: closed(s, a / 2, t), "they cancel"),
    ("ex-limits-closed", lambda s, a, t: s, "it goes from"),
    ("ex-limits-family", lambda y, a, f: np.sqrt(np.log(y) / f), "below the target"),
    ("ex-limits-family", lambda y, a, f: np.sqrt(np.log(half(y, a)) * f), "divide by"),
    ("ex-limits-family", lambda y, a, f: np.log(half(y, a)) / f, "square root"),
    ("ex-limits-family", lambda y, a, f: strength(y, a, 1.0), "all layers worked"),
    ("ex-limits-family", lambda y, a, f: np.sqrt(half(y, a) / f), "logarithm"),
    ("ex-limits-family", lambda y, a, f: np.sqrt(abs(np.log(y - half(y, a))) / f), "below 1"),
    ("ex-limits-family", lambda y, a, f: strength(y, a / 2, f), "both weights pay"),
    ("ex-limits-family", lambda y, a, f: 1.0, "the state ends at"),
    ("ex-limits-gap", lambda derivative: derivative(0.0) ** 2, "not the first"),
    (
        "ex-limits-gap",
        lambda derivative: (derivative(1.0) ** 2 - derivative(0.0) ** 2) / 2,
        "do not share",
    ),
    ("ex-limits-gap", lambda derivative: derivative(1.0), "is squared"),
    ("ex-limits-gap", integral, "whole integral"),
    ("ex-limits-gap", lambda derivative: derivative(1.0) ** 2 / 2, "not half"),
    ("ex-limits-gap", lambda derivative: 0.0, "something is left"),
    ("ex-limits-gap", lambda derivative: abs(derivative(1.0)), "the limit is"),
]
