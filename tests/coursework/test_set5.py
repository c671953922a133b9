"""What the checks of problem set 5 take for right is compared with searches and fine networks."""

from itertools import product

import numpy as np
import pytest
from resode_grader.sets import parameters_of, problems_of, rng, set5
from scipy.optimize import minimize

PROBLEMS = {problem.label: problem for problem in problems_of("5")}


def of_class(label, cohort="book"):
    return parameters_of(PROBLEMS[label], cohort)


def journey_of_a_network(p, start, target, horizon, L):
    """Minimum and states of the problem of 5.1 with L implicit steps, trapezoidal sums."""
    dt, a = horizon / L, p["drift"]
    # (1 - a dt/2) x_{k+1} - (1 + a dt/2) x_k = dt u_k: second order, with one control a cell.
    D = (np.eye(L, L + 1, 1) * (1 - a * dt / 2) - np.eye(L, L + 1) * (1 + a * dt / 2)) / dt
    weights = np.full(L + 1, dt)
    weights[[0, -1]] = dt / 2
    H = np.diag(weights) + p["price"] * dt * D.T @ D
    H[-1, -1] += p["end"]
    right = weights * target - start * H[:, 0]
    x = np.append(start, np.linalg.solve(H[1:, 1:], right[1:]))
    cost = weights @ (x - target) ** 2 + p["price"] * dt * np.sum((D @ x) ** 2)
    return cost + p["end"] * x[-1] ** 2, x


@pytest.mark.parametrize("cohort", ["book", "spring", "tripos-7"])
def test_the_journey_of_5_1_is_the_limit_of_networks(cohort):
    p = of_class("5.1", cohort)
    start, target, horizon = 1.4, -0.8, 3.0
    arcs = set5._arcs(p, start, target, horizon)
    t = np.linspace(0, horizon, 801)
    cost, states = journey_of_a_network(p, start, target, horizon, 800)
    assert set5._on_the_way(arcs, horizon, t, p["drift"])[0] == pytest.approx(states, abs=1e-4)
    ours = sum(set5._journey_cost(p, arcs, target, horizon).values())
    assert ours == pytest.approx(cost, rel=1e-4)


def test_the_model_case_is_a_case_of_5_1():
    p = {"drift": 0.0, "price": 0.3, "end": 0.0}
    cost = set5._journey_cost(p, set5._arcs(p, 1.2, 0.0, 2.0), 0.0, 2.0)
    right = 0.3**0.5 * 1.2**2 * np.tanh(2.0 / 0.3**0.5)
    assert sum(cost.values()) == pytest.approx(right)


def test_the_turnpike_of_5_1_is_the_best_place_to_stay():
    p, z = of_class("5.1"), 1.3
    places = np.linspace(-2, 2, 400_001)
    costs = (places - z) ** 2 + p["price"] * (p["drift"] * places) ** 2
    best = places[costs.argmin()]
    assert set5._arcs(p, 0.4, z, 2.0)[0] == pytest.approx(best, abs=1e-5)


def test_the_weights_of_5_2_are_those_of_a_search():
    p, case = of_class("5.2"), (1.3, 0.8, 0.2, 6, 0.1)
    start, running, dt, _, _ = case

    def cost(u):
        x = start + dt * np.cumsum(u)
        return dt * running * x @ x + p["end"] * x[-1] ** 2 + p["price"] * dt * u @ u

    found = minimize(cost, np.zeros(6), tol=1e-10)
    u, least, _ = set5._cut(case, p)
    assert u == pytest.approx(found.x, abs=1e-5)
    assert least == pytest.approx(found.fun)


def test_the_layers_to_keep_in_5_2_depend_on_the_depth_only_without_a_running_cost():
    p, kept = of_class("5.2"), {}
    for running, L in product((1.0, 0.0), (40, 80, 160)):
        x = np.abs(set5._cut((1.0, running, 0.1, L, 0.2), p)[2])
        kept[running, L] = int(np.nonzero(x > 0.2)[0][-1]) + 1
    assert kept[1.0, 40] == kept[1.0, 80] == kept[1.0, 160]
    assert kept[0.0, 160] > 1.5 * kept[0.0, 80]


@pytest.mark.parametrize(
    ("power", "order"), [(-1.0, 2), (0.0, 1), (0.5, 0.5), (1.0, 1), (1.5, 0.5), (2.0, 1)]
)
def test_the_minima_of_5_3_tend_to_their_limit_at_that_order(power, order):
    p, depths = of_class("5.3"), (200, 400, 800)
    limit = set5._power_limit(power, 1.2, p)
    gaps = [abs(set5._powered(power, L, 1.2, p)[1] - limit) for L in depths]
    # Penalty and target share: where the order is low, the next term is not far behind.
    assert -np.polyfit(np.log(depths), np.log(gaps), 1)[0] == pytest.approx(order, abs=0.15)


def test_the_minimiser_of_5_4_is_that_of_a_search():
    p = of_class("5.4")
    for L, y in set5._level_cases(rng("level"))[:2]:
        u = set5._minimiser(L, y, p)
        found = minimize(set5._energy, np.zeros(L), args=(y, p), tol=1e-10)
        assert set5._energy(u, y, p) <= found.fun + 1e-12
        assert u == pytest.approx(found.x, abs=1e-4)


def test_the_orders_of_5_4_are_one_and_two():
    p, y, depths = of_class("5.4"), 2.2, (8, 16, 32, 64)
    minima, gaps = [], []
    for L in depths:
        u, fine = (set5._minimiser(n, y, p) for n in (L, 2 * L))
        minima.append(abs(set5._energy(u, y, p) - set5._level_limit(y, p)))
        gaps.append(set5._energy(set5._refined(u), y, p) - set5._energy(fine, y, p))
    for values, order in ((minima, 1), (gaps, 2)):
        assert -np.polyfit(np.log(depths), np.log(values), 1)[0] == pytest.approx(order, abs=0.2)


def test_a_refined_curve_of_5_4_keeps_its_roughness():
    u = rng("refine").normal(size=9)
    fine = set5._refined(u)
    assert 18 * np.sum(np.diff(fine) ** 2) == pytest.approx(9 * np.sum(np.diff(u) ** 2))


def test_the_least_cost_of_5_5_is_that_of_all_sequences():
    p = of_class("5.5")
    values = [p["up"], -p["down"]]
    for i, q in ((1, 3), (2, 5), (3, 4)):
        ramp = (i / q * p["up"] - (1 - i / q) * p["down"]) * np.arange(1, 10) / 9
        states = np.cumsum(list(product(values, repeat=9)), axis=1) / 9
        best = np.mean((states - ramp) ** 2, axis=1).min()
        assert set5._best_bits(i / q, 9, p) == pytest.approx(best)


def test_the_constants_of_5_5_are_those_of_long_sequences():
    p = of_class("5.5")
    for i, q in ((1, 3), (3, 8), (4, 5), (7, 10)):
        L = 12 * q
        assert L**2 * set5._best_bits(i / q, L, p) == pytest.approx(set5._bit_constant(i, q, p))
        parity = q**2 - 1 if q % 2 else q**2 + 2
        gap = p["up"] + p["down"]
        assert set5._bit_constant(i, q, p) == pytest.approx(gap**2 * parity / (12 * q**2))
