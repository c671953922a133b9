"""What the checks of problem set 4 take for right is compared with flows, networks and searches."""

import heapq
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from resode_grader.sets import mark, parameters_of, problems_of, rng, set4
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

PROBLEMS = {problem.label: problem for problem in problems_of("4")}
path = Path(__file__).parent / "answers" / "set4.py"
spec = importlib.util.spec_from_file_location("answers_of_set4", path)
answers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(answers)


def of_class(label, cohort="book"):
    return parameters_of(PROBLEMS[label], cohort)


def linear_flow(theta, B, S, time):
    """The weights after training, from the formula of the chapter."""
    L, d, _ = theta.shape

    def velocity(t, flat):
        M = np.eye(d) + flat.reshape(theta.shape) / L
        Q, P = [np.eye(d)], [np.eye(d)]
        for k in range(L):
            Q.append(M[k] @ Q[-1])
            P.insert(0, P[0] @ M[L - 1 - k])
        E = Q[-1] - B
        return np.ravel([-2 * P[k + 1].T @ E @ S @ Q[k].T for k in range(L)])

    end = solve_ivp(velocity, (0, time), theta.ravel(), rtol=1e-9, atol=1e-11).y[:, -1]
    return end.reshape(theta.shape), velocity(0, theta.ravel()).reshape(theta.shape)


def test_the_gradient_of_4_1_is_minus_the_velocity_and_its_constant_is_sharp():
    S = np.array(of_class("4.1")["covariance"])
    theta, B, _ = set4._linear_cases(rng("constant"))[1]
    gradient = set4._linear_gradient(theta, B, S)
    assert gradient == pytest.approx(-linear_flow(theta, B, S, 0.1)[1])

    def ratio(target):
        target = target.reshape(2, 2)
        size = np.sum(set4._linear_gradient(theta, target, S) ** 2) / len(theta)
        return size / set4._linear_loss(theta, target, S)

    found = [minimize(ratio, start, tol=1e-10).fun for start in rng("targets").normal(size=(3, 4))]
    assert min(found) == pytest.approx(set4._linear_constant(theta, S), rel=1e-5)


def test_the_radius_of_4_1_is_the_smallest_and_exists_up_to_the_largest_loss():
    assert set4._radius(0.0, 0.999 / (3 * np.e)) == pytest.approx(1 / 3, abs=0.03)
    assert set4._radius(0.0, 1.001 / (3 * np.e)) is None
    assert set4._radius(0.8, 0.0105) is None  # there is an R, but beyond one
    small, large = (set4._radius(0.1, 0.05, largest) for largest in (False, True))
    assert 0.1 < small < 0.4 < large < 1
    for R in (small, large):
        assert 0.1 + 0.05 * np.exp(3 * R) == pytest.approx(R)


def test_the_loss_of_4_1_is_down_at_the_guaranteed_time():
    S = np.array(of_class("4.1")["covariance"])
    theta, B, part = set4._near_case(rng("time"), S, 0.2, 0.9 * np.exp(-1.6) / 3)
    R, low = set4._radius(0.2, 0.9 * np.exp(-1.6) / 3), np.linalg.eigvalsh(S)[0]
    later = linear_flow(theta, B, S, -np.log(part) / (4 * np.exp(-2 * R) * low))[0]
    start = set4._linear_loss(theta, B, S)
    assert set4._linear_loss(later, B, S) <= part * start
    assert np.linalg.norm(later, ord=2, axis=(1, 2)).max() <= R


def test_the_eigenvalues_of_4_2_are_those_of_the_flow_of_all_layers():
    p = {"depth": 4, "variance": 0.7}
    for words, Q, b in set4._normal_cases(rng("walk")):
        B = set4._real(Q, b)
        assert np.allclose(B @ B.T, B.T @ B)
        theta = linear_flow(np.zeros((4, 4, 4)), B, 0.7 * np.eye(4), 0.8)[0]
        right = set4._walked((Q, b, 0.8), p)
        for layer in theta:
            assert layer == pytest.approx(right, abs=1e-6), words


def test_the_limits_of_4_2_are_approached():
    late = 4000.0
    for words, _, b in set4._normal_cases(rng("late")):
        speed = lambda t, tau, b=b: 2 * np.abs(1 + tau * (b - 1)) ** 1.5 * (1 - tau)  # noqa: E731
        path = solve_ivp(speed, (0, late), np.zeros(4), method="LSODA", rtol=1e-8, atol=1e-10)
        z = 1 + path.y[:, -1] * (b - 1)
        # Near zero u' = -2 |b| u^(3/2), or -2 u^(5/2) for b = 0: then u is about (3 t)^(-2/3).
        assert np.abs(z - set4._reached(b)).max() < 5e-3, words


def test_the_derivatives_of_4_3_are_those_of_differences():
    p, case = of_class("4.3"), set4._stage_cases(rng("stages"))[1]
    theta, x, y = case
    first, second, start, alpha = set4._stage_derivatives(case, p)

    def loss(theta, x, a):
        return set4._stage_loss(theta, theta, x, y, (a, a, a), p)

    v, w, step = rng("v").normal(size=theta.shape), rng("w").normal(size=x.shape), 1e-6
    ends = [loss(theta + s * v, x + s * w, p["alpha"] + s) for s in (step, -step)]
    along = np.sum((first + second) * v) + np.sum(start * w) + np.sum(alpha)
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(along, rel=1e-6)


def test_the_derivative_by_alpha_of_4_3_is_of_second_order_on_a_curve():
    p, (A, B) = of_class("4.3"), rng("curve").normal(size=(2, 3, 3))
    x, y = rng("data").normal(size=(2, 4, 3))
    sizes, depths = [], (16, 32, 64, 128)
    for L in depths:
        theta = np.array([np.cos(k / L) * A + np.sin(k / L) * B for k in range(L + 1)])
        alpha = p["alpha"] + 1e-30j
        loss = set4._stage_loss(theta, theta, x, y, (alpha, alpha, alpha), p)
        sizes.append(abs(loss.imag) / 1e-30)
    assert np.polyfit(np.log(depths), np.log(sizes), 1)[0] == pytest.approx(-2, abs=0.2)


def cheapest(depth, slots, costs):
    """The least cost over all sequences of actions, by Dijkstra's search."""
    heap, done = [(0, 0, depth - 1, (0,) * slots)], set()
    while heap:
        cost, hand, todo, kept = heapq.heappop(heap)
        if todo < 0:
            return cost
        if (hand, todo, kept) in done:
            continue
        done.add((hand, todo, kept))
        if hand == todo:
            heapq.heappush(heap, (cost, hand, todo - 1, kept))
        if hand < todo:  # a run further cannot help
            heapq.heappush(heap, (cost + costs[hand % 3], hand + 1, todo, kept))
        for j in range(slots):
            changed = tuple(sorted((*kept[:j], hand, *kept[j + 1 :])))
            heapq.heappush(heap, (cost, hand, todo, changed))
        for state in {0, *kept}:
            heapq.heappush(heap, (cost, state, todo, kept))
    return None


@pytest.mark.parametrize("costs", [[1, 1, 1], [7, 1, 2], [1, 5, 3]])
def test_no_plan_is_cheaper_than_4_4_says(costs):
    for depth, slots in ((1, 1), (5, 0), (6, 1), (7, 2), (9, 2), (8, 3)):
        assert set4._least(depth, slots, costs) == cheapest(depth, slots, costs)


def test_the_layers_that_slots_of_4_4_serve_are_a_binomial_coefficient():
    """With m slots and r = 2 runs of each layer at most: (m + 3 over 2) layers, then a third."""
    for slots, layers in ((0, 3), (1, 6), (2, 10)):
        # One layer more costs one run more of some layer than 2: the slope of the cost changes.
        costs = [set4._least(layers + j, slots, [1, 1, 1]) for j in (-1, 0, 1)]
        assert costs[1] - costs[0] == 2
        assert costs[2] - costs[1] == 3


def test_the_limits_of_4_5_are_those_of_deep_networks():
    p = of_class("4.5")
    for A, B, x, _ in set4._way_cases(rng("way")):
        limits = set4._limits(A, B, x, p)
        deep = set4._there_and_back(A, B, x, 6000, p)
        for name in ("leading", "derivative", "plain"):
            size = np.abs(limits[name]).max()
            assert limits[name] == pytest.approx(deep[name], abs=5e-3 * size), name


def test_the_error_of_4_5_is_as_the_example_says():
    """For f = -rate h, from the recursion itself."""
    rate, beta, L = 1.5, 0.4, 20_000
    step = 1 - (1 - beta * -rate / L) * -rate / L  # what a step back multiplies by
    error = L * ((step * (1 - rate / L)) ** L - 1)
    assert error == pytest.approx(-(1 - beta) * rate**2, rel=1e-3)


@pytest.mark.parametrize("label", ["4.2", "4.5"])
@pytest.mark.parametrize("cohort", ["book", "spring", "tripos-7"])
def test_steps_that_are_too_coarse_are_told_from_a_wrong_equation(label, cohort):
    answer = answers.WRONG[label]["coarse steps"](of_class(label, cohort))
    said = [item.feedback for item in mark(PROBLEMS[label], answer, cohort) if item.feedback]
    assert said
    assert "first digits are right" in said[0]
