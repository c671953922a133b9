"""What the checks of problem set 2 take for right is compared with networks that train."""

import numpy as np
import pytest
from resode_grader.sets import parameters_of, problems_of, rng, set2
from scipy.integrate import solve_ivp

PROBLEMS = {problem.label: problem for problem in problems_of("2")}


def of_class(label, cohort="book"):
    return parameters_of(PROBLEMS[label], cohort)


def plain_gradient(loss, theta, step=1e-6):
    """The Euclidean gradient by central differences."""
    moves = step * np.eye(len(theta))
    return np.array([(loss(theta + v) - loss(theta - v)) / (2 * step) for v in moves])


def width_one(slope, target):
    """The loss of a network of width one."""
    return lambda theta: (np.prod(1 + slope * theta / len(theta)) - target) ** 2


def flow(loss, theta, time, factor):
    def velocity(t, theta):
        return -factor * plain_gradient(loss, theta)

    return solve_ivp(velocity, (0, time), theta, rtol=1e-8, atol=1e-10).y[:, -1]


def test_the_derivatives_of_2_1_are_those_of_the_loss():
    p, case = of_class("2.1"), set2._network(rng("derivatives"), 3)
    V, W, x, y = case
    for which, weights in ((0, V), (1, W)):
        exact = set2._derivatives(set2._robust, [V, W], which, x, y, p)
        direction = rng("direction").normal(size=weights.shape)
        pair = [[V, W], [V, W]]
        pair[0][which], pair[1][which] = weights + 1e-6 * direction, weights - 1e-6 * direction
        difference = (set2._robust(*pair[0], x, y, p) - set2._robust(*pair[1], x, y, p)) / 2e-6
        assert np.sum(exact * direction) == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("cohort", ["book", "spring"])  # targets above and below one
def test_the_flow_of_2_2_ends_there(cohort):
    p = of_class("2.2", cohort)
    a, C = p["slope"], p["target"]
    theta = np.array([-0.5, 0.9, 0.2])
    factors = set2._factors(theta, a)
    predicted = 3 * (np.sqrt(factors**2 + set2._shift(factors, C)) - 1) / a
    assert flow(width_one(a, C), theta, 30.0, factor=3) == pytest.approx(predicted, abs=1e-5)


def test_a_step_above_the_limit_of_2_2_is_repelled():
    p = of_class("2.2")
    a, C = p["slope"], p["target"]
    loss, factors = width_one(a, C), np.array([0.8, 1.3, C / 0.8 / 1.3])
    end = 3 * (factors - 1) / a
    limit = 1 / (a * C) ** 2 / np.mean(factors**-2.0)
    for part, repelled in ((0.95, False), (1.05, True)):
        theta = end + 1e-4
        start = loss(theta)
        for _ in range(20):
            theta = theta - part * limit * 3 * plain_gradient(loss, theta)
        assert (loss(theta) > start) == repelled


def test_no_minimum_of_2_2_tolerates_more_than_the_flattest():
    C, draws = 2.0, rng("minima")
    factors = draws.uniform(0.3, 2.0, size=(500, 4))
    factors *= (C / factors.prod(axis=1, keepdims=True)) ** (1 / 4)
    rates = 1 / C**2 / np.mean(factors**-2.0, axis=1)
    assert rates.max() <= C ** (2 / 4) / C**2


def test_three_runs_of_2_3_make_order_three():
    p, start = of_class("2.3"), np.array([0.3, -0.2, 0.5])
    exact = flow(width_one(p["slope"], p["target"]), start, 0.2, factor=3)
    q = np.array(p["multipliers"], dtype=float)
    weights = np.linalg.solve([q**0, q**-1, q**-2], [1.0, 0.0, 0.0])

    def error(steps):
        runs = [set2._descent(start, 0.2, steps * j, p) for j in p["multipliers"]]
        return np.linalg.norm(weights @ np.array(runs) - exact)

    assert np.log2(error(8) / error(32)) / 2 > 2.7


def test_the_velocity_of_2_4_is_minus_the_gradient():
    p, draws = of_class("2.4"), rng("velocity")
    theta, B = draws.normal(size=(3, 3, 3)), draws.normal(size=(3, 3))

    def loss(flat):
        product = np.eye(3)
        for layer in flat.reshape(3, 3, 3):
            product = (np.eye(3) + layer / 3) @ product
        E = product - B
        return p["weight"] * np.trace(E @ np.diag(p["covariance"]) @ E.T)

    gradient = 3 * plain_gradient(loss, theta.ravel()).reshape(3, 3, 3)
    assert set2._velocity(theta, B, p) == pytest.approx(-gradient, abs=1e-6)


def test_deep_networks_of_2_4_tend_to_the_leading_term():
    p = of_class("2.4")
    B = np.eye(3) + 0.4 * rng("deep").normal(size=(3, 3))
    M = p["weight"] * (B - np.eye(3)) @ np.diag(p["covariance"])
    predicted = 2 * (M @ M.T - M.T @ M)
    errors = []
    for depth, time in ((20, 0.04), (40, 0.02)):
        measured = depth * np.diff(set2._trained(B, depth, time, p), axis=0) / time**2
        errors.append(np.abs(measured - predicted).max() / np.abs(predicted).max())
    assert errors[1] < 0.6 * errors[0] < 0.12


@pytest.mark.parametrize("cohort", ["book", "tripos-7"])  # targets below and above one
def test_networks_of_2_5_take_that_long(cohort):
    p, L, fraction = of_class("2.5", cohort), 5, 0.1
    C, beta = p["target"], p["exponent"]
    loss, start = width_one(1.0, C), np.zeros(5)
    time = L ** (1 - beta) * set2._time(L, fraction, C)
    end = flow(loss, start, time, factor=L**beta)
    assert loss(end) / loss(start) == pytest.approx(fraction, rel=1e-5)


@pytest.mark.parametrize("off", [2e-5, -0.3])
def test_an_output_of_2_2_that_misses_by_little_is_said_to_miss_by_little(off):
    """In four digits it would be the target itself."""
    case = next(iter(set2.end_cases({"slope": 1.0, "target": 0.4}, rng("ends"))))
    factors = set2._factors(case.end, 1.0) * ((0.4 + off) / 0.4) ** (1 / len(case.end))
    said = case.feedback(lambda start: (len(start) * (factors - 1), 0.0, 0.0))
    assert f"misses the target 0.4 by {off:.2g}" in said
