"""What the checks of problem set 1 take for right is compared with networks that run."""

from functools import partial

import numpy as np
import pytest
from resode_grader.sets import parameters_of, problems_of, rng, set1

PROBLEMS = {problem.label: problem for problem in problems_of("1")}


def of_class(label, cohort="book"):
    return parameters_of(PROBLEMS[label], cohort)


def test_two_stages_have_order_two_for_these_weights_only():
    p, path = of_class("1.1"), rng("path").normal(size=(3, 3, 3))
    h = np.array([1.0, -0.5, 0.3])
    exact = set1.reference_end(path, h, p["mu"])

    def order(**changed):
        errors = [
            np.linalg.norm(
                set1.two_stages(set1.smooth_slices(path, L), h, p, **changed)[-1] - exact
            )
            for L in (32, 128)
        ]
        return np.log(errors[0] / errors[1]) / np.log(4)

    assert order() > 1.8
    assert all(order(**change) < 1.4 for change in ({"second": 0.5}, {"mix": 0.0}, {"reach": 1.0}))


def test_the_corrected_ode_is_an_order_nearer_to_the_network():
    p, draws = of_class("1.2"), rng("correction")
    path, start = draws.normal(size=(3, 2, 2)), draws.normal(size=(1, 2))

    def field(s, h, weight):
        A = np.tensordot(s ** np.arange(3), path, 1)
        drift, bend, _ = set1.correction_terms(path, np.array([s]), h, p["mu"])
        b = (p["c"] - 0.5) * drift - bend / 2
        return np.tanh(h @ A.T) - p["mu"] * h + weight * b

    def gap(L, weight):
        network, ode, ds = start, start, 1 / (2 * L)
        for k in range(L):
            network = network + field((k + p["c"]) / L, network, 0.0) / L
        f = partial(field, weight=weight / L)
        for s in np.arange(2 * L) * ds:  # RK4, whose own error is far below both gaps
            k1 = f(s, ode)
            k2 = f(s + ds / 2, ode + ds / 2 * k1)
            k3 = f(s + ds / 2, ode + ds / 2 * k2)
            ode = ode + ds / 6 * (k1 + 2 * k2 + 2 * k3 + f(s + ds, ode + ds * k3))
        return np.linalg.norm(network - ode)

    order = {weight: np.log2(gap(32, weight) / gap(128, weight)) / 2 for weight in (0, 1)}
    assert order[0] == pytest.approx(1, abs=0.15)
    assert order[1] == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("rate", [0.0, 2.5, -3.0])
def test_the_gain_is_the_ratio_of_two_errors(rate):
    q, epsilon = of_class("1.3").values()
    table = np.geomspace(epsilon, 1 + epsilon, 4001) - epsilon
    table[[0, -1]] = 0.0, 1.0
    root = set1.share(0.0, table[1:], epsilon, (q - 2) / 2, rate / 2)
    nodes = np.interp(np.linspace(0, root[-1], 4001), np.concatenate([[0.0], root]), table)

    def error(s):
        h = epsilon**q
        for left, right in zip(s[:-1], s[1:], strict=True):
            x = epsilon + left
            h = h + (right - left) * (rate * (h - x**q) + q * x ** (q - 1))
        return abs(h - (1 + epsilon) ** q)

    gain = set1.share(0.0, 1.0, epsilon, q - 2, rate) / root[-1] ** 2
    # The uniform network has cells longer than a tenth of epsilon, hence two per cent.
    assert error(np.linspace(0, 1, 4001)) / error(nodes) == pytest.approx(gain, rel=0.02)


def test_moments_are_those_of_drawn_networks():
    p, draws = of_class("1.4"), rng("moments")
    d, m, L, beta, draws_of_all = 4, 2, 3, 0.5, 400_000
    h = np.zeros((draws_of_all, d))
    h[:, 0] = 1.0
    for _ in range(L):
        u = np.einsum("imd,id->im", draws.normal(size=(draws_of_all, m, d)), h) / np.sqrt(d)
        z = np.where(u > 0, u, p["a"] * u)
        V = p["v"] * draws.normal(size=(draws_of_all, d, m))
        h = h + L**-beta * np.einsum("idm,im->id", V, z) / np.sqrt(m)
    squares = np.sum(h**2, axis=1)
    mean, spread = set1.network_moments(p, d, m, L, beta)
    assert squares.mean() == pytest.approx(mean, rel=0.01)
    assert squares.var() / squares.mean() ** 2 == pytest.approx(spread, rel=0.04)


def test_no_network_on_the_line_does_more_than_the_least_depth_says():
    Lambda, draws = of_class("1.5")["Lambda"], rng("line")
    for _ in range(200):
        depth = int(draws.integers(int(Lambda) + 1, 12))
        slopes = Lambda * np.clip(draws.normal(scale=2.0, size=(depth, 3)), -1, 1)
        factors = np.prod(1 + slopes / depth, axis=0)
        least = set1.least_depth(factors.min() * (1 + 1e-9), factors.max() * (1 - 1e-9), Lambda)
        assert least is not None
        assert least <= depth
