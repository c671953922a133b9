"""What the checks of problem set 3 take for right is compared with sampled points and networks."""

import numpy as np
import pytest
from resode_grader.sets import parameters_of, problems_of, rng, set3
from scipy.integrate import solve_ivp

PROBLEMS = {problem.label: problem for problem in problems_of("3")}


def of_class(label, cohort="book"):
    return parameters_of(PROBLEMS[label], cohort)


def wavy(r, c):
    """The loss of 3.1 and its derivative, coordinate by coordinate."""
    return r**2 + c * np.sin(r) ** 2, 2 * r + c * np.sin(2 * r)


def test_the_constants_of_3_1_hold_and_the_first_is_attained():
    c, draws = of_class("3.1")["wave"], rng("points")
    A, constant = draws.normal(size=(3, 5)), set3._wave_constant(c)
    low, high = set3._spectrum(A)
    r = 3 * draws.normal(size=(4000, 3))
    values, slopes = wavy(r, c)
    gradients = slopes @ A
    assert (np.sum(gradients**2, axis=1) >= constant * low * values.sum(axis=1)).all()
    line = np.linspace(0.1, 12, 10_000)
    values, slopes = wavy(line, c)
    assert (slopes**2 / values).min() == pytest.approx(constant, rel=1e-4)
    near = 1e-4 * draws.normal(size=(500, 5))
    bends = np.linalg.norm(wavy(near @ A.T, c)[1] @ A, axis=1) / np.linalg.norm(near, axis=1)
    assert 0.9 * high * (2 + 2 * c) < bends.max() <= high * (2 + 2 * c)


def test_the_kernel_of_3_2_is_that_of_finite_differences():
    p, (V, W, x) = of_class("3.2"), set3._kernel_case(rng("kernel"), 2, 3, 3)
    columns = []
    for which, weights in enumerate((V, W)):
        for index in np.ndindex(*weights.shape):
            ends = []
            for sign in (1, -1):
                moved = [V.copy(), W.copy()]
                moved[which][index] += sign * 1e-6
                ends.append(set3._read(*moved, x, p))
            columns.append((ends[0] - ends[1]) / 2e-6)
    J = np.array(columns)
    assert sum(set3._kernels(V, W, x, p)) == pytest.approx(2 * J.T @ J, rel=1e-6)


def test_the_constants_of_3_3_hold_on_the_ball_and_are_attained():
    p, M, L = of_class("3.3"), 0.4, 5
    draws = rng("ball")
    theta = draws.uniform(-0.7, 0.7, size=L)
    mu, c = set3._ball(theta, M, p)
    a, x = p["slope"], p["input"]
    corners = np.array(np.meshgrid(*[[-M, 0.0, M]] * L)).reshape(L, -1).T
    points = theta + np.vstack([corners, draws.uniform(-M, M, size=(500, L))])
    factors = 1 + a * points / L
    others = np.prod(factors, axis=1, keepdims=True) / factors
    # With the error e of the output: L d loss / d theta_k = 2 e a x times the other factors.
    ratios = np.mean((2 * a * x * others) ** 2, axis=1)
    assert ratios.min() == pytest.approx(mu)
    assert np.abs(2 * a * x * others).max() == pytest.approx(c)


def test_a_target_that_3_3_certifies_does_not_leave_its_ball():
    p, L = of_class("3.3"), 5
    theta = rng("stay").uniform(-0.7, 0.7, size=L)
    a, x = p["slope"], p["input"]
    gap = 0.95 * set3._largest_gap(theta, p)
    radii = np.linspace(0.05, 1.0, 200) / a
    needed = np.array([2 * c * gap / mu for mu, c in [set3._ball(theta, M, p) for M in radii]])
    M = radii[np.argmin(needed / radii)]
    assert (needed < radii).any()
    target = x * np.prod(1 + a * theta / L) + gap

    def velocity(t, theta):
        u = 1 + a * theta / L
        return -2 * (x * u.prod() - target) * a * x * u.prod() / u

    path = solve_ivp(velocity, (0, 50), theta, rtol=1e-9).y
    assert np.abs(path - theta[:, None]).max() < M
    assert velocity(0, path[:, -1]) == pytest.approx(np.zeros(L), abs=1e-6)


def test_the_largest_gap_of_3_3_tends_to_the_limit_of_the_linear_chapter():
    p = {"slope": 1.0, "input": 1.0}
    gap = set3._largest_gap(np.zeros(400), p)
    assert gap == pytest.approx(1 / (3 * np.e), rel=0.01)


@pytest.mark.parametrize("powers", [[1, 3], [2, 4], [0, 2], [1, 2, 3]])
def test_random_features_have_the_rank_of_3_4(powers):
    draws = rng("features", str(powers))
    for kind in set3.KINDS:
        x = set3._inputs(draws, powers, kind)
        for m in (2, 40):
            w = draws.normal(size=(m, 2)) @ x.T
            features = sum(w**r for r in powers)
            rank = np.linalg.matrix_rank(features, rtol=1e-9)
            assert rank == min(m, set3._rank(x, powers)), kind


@pytest.mark.parametrize(("depth", "order"), [(1, 2), (2, 1), (4, 1)])
def test_true_and_lazy_training_of_3_5_differ_by_that_order(depth, order):
    p, draws = of_class("3.5"), rng("lazy")
    W, x, y = draws.normal(size=(6, 4)), draws.normal(size=(4, 3)), draws.normal(size=4)

    def difference(size):
        lazy = set3._relaxed(set3._gram(W, x, p), size * y, 2 * p["time"] / 4)
        return np.linalg.norm(set3._true(W, x, size * y, depth, p) - lazy) / size

    # Below a size of 0.01 the errors of the integrator would show.
    assert np.log2(difference(0.08) / difference(0.02)) / 2 == pytest.approx(order, abs=0.15)


def test_the_velocity_of_3_5_is_minus_the_gradient():
    p, draws = of_class("3.5"), rng("slope")
    V, W = draws.normal(size=(2, 4, 3)), draws.normal(size=(2, 3, 4))
    h, y = draws.normal(size=(3, 4)), draws.normal(size=3)
    moves = set3._lazy_velocity(V, W, h, y, p["activation"])

    def loss(V, W):
        out = set3._lazy_velocity(V, W, h, y, p["activation"])[2]
        return np.mean((out - y) ** 2)

    dV, dW = draws.normal(size=V.shape), draws.normal(size=W.shape)
    step = 1e-6
    slope = (loss(V + step * dV, W + step * dW) - loss(V - step * dV, W - step * dW)) / (2 * step)
    assert -(np.sum(moves[0] * dV) + np.sum(moves[1] * dW)) / 2 == pytest.approx(slope, rel=1e-6)
