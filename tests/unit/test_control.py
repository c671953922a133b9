import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from jax.flatten_util import ravel_pytree

from resode_course.claims._problems import Drift
from resode_lib import control, diagnostics, resnet, stacks
from resode_lib.blocks import Inside

LAMBDA = 0.25


@pytest.fixture
def data(key):
    key_x, key_y = jax.random.split(key)
    return jax.random.normal(key_x, (5, 2)), jax.random.normal(key_y, (5, 2))


@pytest.fixture
def network(key):
    return stacks.iid(lambda key: Inside.gaussian(key, width=2), key, 6)


def distance_to(target):
    return lambda x: jnp.mean(jnp.sum((x - target) ** 2, axis=-1))


def drifts(*controls):
    return jax.vmap(Drift)(jnp.array(controls)[:, None])


TERMS = {
    "terminal": lambda loss: control.terminal(loss),
    "running": lambda loss: control.running(loss),
    "squared norm": lambda loss: control.squared_norm,
    "roughness": lambda loss: control.roughness(0.5),
}


@pytest.mark.parametrize("make", TERMS.values(), ids=TERMS)
def test_central_differences_approach_the_gradient_to_second_order(make, network, data):
    x, y = data
    value = control.objective(x, [(1.0, make(distance_to(y))), (0.1, control.squared_norm)])
    direction = jax.tree.map(
        lambda leaf: jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape), network
    )
    exact = jax.jvp(value, (network,), (direction,))[1]

    def difference(step):
        ends = [
            value(jax.tree.map(lambda u, v, r=r: u + r * v, network, direction))
            for r in (step, -step)
        ]
        return (ends[0] - ends[1]) / (2 * step)

    steps = np.array([0.1, 0.05, 0.025, 0.0125])
    errors = np.array([abs(float(difference(step) - exact)) for step in steps])
    if make in (TERMS["squared norm"], TERMS["roughness"]):
        # A quadratic has no third derivative: only rounding, 1e-16 |value| / step, is left.
        assert errors.max() < 1e-11
        return
    # The fifth derivative adds O(step^4): the slope is 2 up to a few per cent.
    assert diagnostics.observed_slope(1 / steps, errors).value == pytest.approx(-2, abs=0.1)


def test_each_cost_is_its_sum_written_out():
    stack, states, dt = drifts(1.0, 3.0, -2.0), jnp.array([0.0, 2.0, 1.0, 5.0])[:, None, None], 0.5
    loss = distance_to(jnp.zeros((1, 1)))
    assert control.terminal(loss)(stack, states, dt) == 25
    assert control.running(loss)(stack, states, dt) == 0.5 * (0 / 2 + 4 + 1 + 25 / 2)
    assert control.squared_norm(stack, states, dt) == 0.5 * (1 + 9 + 4)
    assert control.roughness(3.0)(stack, states, dt) == (4 + 25) / 0.5 + 3 * 1


def test_the_objective_walks_over_the_horizon():
    terms = [(2, control.terminal(distance_to(jnp.zeros((1, 1))))), (3.0, control.squared_norm)]
    value = control.objective(jnp.ones((1, 1)), terms, horizon=4)
    # dt = 2: the state ends at 1 + 2 (1 + 3) = 9.
    assert value(drifts(1.0, 3.0)) == 2 * 81 + 3 * 2 * (1 + 9)


def test_roughness_on_the_unit_interval_is_the_discrete_seminorm():
    smooth = stacks.sample(lambda s: Drift(jnp.sin(3 * s)[None]), 4)
    states = jnp.zeros((5, 1, 1))
    u = np.sin(3 * np.arange(4) / 4)
    expected = 4 * np.sum(np.diff(u) ** 2) + 2.0 * u[0] ** 2
    np.testing.assert_allclose(control.roughness(2.0)(smooth, states, 1 / 4), expected)


def linear_quadratic():
    """The solver of ``min int_0^T x^2 + LAMBDA u^2`` with ``x' = u``, ``x(0) = 1``."""
    terms = [(1, control.running(distance_to(jnp.zeros((1, 1))))), (LAMBDA, control.squared_norm)]

    def solve(stack, horizon):
        value = control.objective(jnp.ones((1, 1)), terms, horizon=horizon)
        return control.minimise(value, stack, tolerance=1e-9)

    return jax.jit(solve)


def test_the_linear_quadratic_problem_is_its_closed_form():
    depth, root = 64, np.sqrt(LAMBDA)
    solve, horizons, value_errors, state_errors = (
        linear_quadratic(),
        np.array([1.0, 2, 4, 8]),
        [],
        [],
    )
    for T in horizons:
        minimum = solve(drifts(*([0.0] * depth)), T).checked()
        profile = control.profile(
            distance_to(jnp.zeros((1, 1))), minimum.stack, jnp.ones((1, 1)), horizon=float(T)
        )
        times = np.arange(depth + 1) * T / depth
        exact = np.cosh((T - times) / root) / np.cosh(T / root)
        np.testing.assert_allclose(profile.times, times)
        state_errors.append(np.abs(np.sqrt(profile.losses) - exact).max())
        value_errors.append(abs(float(minimum.value) - root * np.tanh(T / root)))
        if T == 8:
            middle = slice(8, 40)  # before the last arc, t < 5
            rates = [
                diagnostics.observed_rate(times[middle], np.asarray(profile.losses)[middle]).value,
                diagnostics.observed_rate(times[middle], np.asarray(profile.norms)[middle]).value,
            ]
            # The discrete rate of the state is arcosh(1 + z^2/2)/dt with z = dt/root = 1/4, up to
            # 1 + z^2 / 24 and the quadrature: a relative z^2 at most.
            np.testing.assert_allclose(rates, [-2 / root, -1 / root], rtol=0.25**2)
    # Piecewise constant controls and trapezoids are of order two in dt = T/64; both errors also
    # depend on T itself while tanh(2 T) is not yet 1, hence the wide band.
    for errors in (value_errors, state_errors):
        assert diagnostics.observed_slope(64 / horizons, errors).value == pytest.approx(
            -2, abs=0.35
        )


def test_minimise_finds_what_scipy_finds(network, data):
    x, y = data
    terms = [(1, control.terminal(distance_to(y))), (0.3, control.squared_norm)]
    value = control.objective(x, terms)
    minimum = control.minimise(value, network).checked()
    flat, restored = ravel_pytree(network)
    fun = jax.jit(jax.value_and_grad(lambda u: value(restored(u))))

    def numbers(u):
        value, gradient = fun(jnp.asarray(u))
        return float(value), np.asarray(gradient)

    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 10_000, "maxfun": 20_000}
    oracle = scipy.optimize.minimize(numbers, flat, jac=True, method="L-BFGS-B", options=options)
    assert float(minimum.value) == pytest.approx(oracle.fun, rel=1e-9)
    # Where the Hessian is at least m, a gradient g leaves the distance |g|/m; here m > 0.01.
    np.testing.assert_allclose(ravel_pytree(minimum.stack)[0], oracle.x, atol=1e-5)
    assert minimum.gradient_norm <= 1e-7
    assert jax.tree.structure(minimum.stack) == jax.tree.structure(network)


def test_the_gradient_norm_is_the_one_of_depth():
    # 1/L sum_k u_k^2 has the depth gradient 2 u, whose norm in depth is 2 for |u_k| = 1.
    minimum = control.minimise(
        lambda stack: jnp.mean(stack.theta[...] ** 2), drifts(*([1.0] * 9)), limit=0
    )
    assert float(minimum.gradient_norm) == pytest.approx(2)
    assert int(minimum.iterations) == 0


def test_a_minimisation_that_stops_early_says_so(network, data):
    x, y = data
    value = control.objective(x, [(1, control.terminal(distance_to(y)))])
    minimum = control.minimise(value, network, limit=2)
    assert not minimum.converged
    with pytest.raises(RuntimeError, match=r"stopped after 2 iterations at the gradient norm"):
        minimum.checked()


def test_the_start_of_a_level_is_the_minimiser_before():
    def solve(stack, level):
        zero = jnp.array(0.0)
        return control.Minimum(stack, zero, zero, jnp.array(level), jnp.array(level < 9))

    def carry(stack, level, following):
        return [*stack, (level, following)]

    minima = control.continuation(solve, [], [2, 4, 8], carry=carry)
    assert [int(minimum.iterations) for minimum in minima] == [2, 4, 8]
    assert minima[-1].stack == [(2, 4), (4, 8)]
    with pytest.raises(RuntimeError, match="stopped after 16 iterations"):
        control.continuation(solve, [], [8, 16], carry=carry)


def test_from_coarse_to_fine_in_the_metric_of_the_penalty():
    terms = [(1, control.running(distance_to(jnp.zeros((1, 1))))), (LAMBDA, control.roughness(1.0))]
    value = control.objective(jnp.ones((1, 1)), terms)

    def refined(stack, _, depth):
        return stacks.resample(stack, depth)

    def solve(stack, depth):
        assert stacks.depth(stack) == depth
        return control.minimise(value, stack, metric=control.H1)

    still = drifts(*([0.0] * 64))
    coarse, fine = control.continuation(solve, drifts(*([0.0] * 8)), [8, 64], carry=refined)
    cold = control.minimise(value, still).checked()
    assert float(cold.value) == pytest.approx(float(fine.value), rel=1e-10)
    # The carried start is O(1/8) away from the minimiser, so O(1/64) above the minimum.
    above = float(value(refined(coarse.stack, 8, 64)) - fine.value)
    assert 0 < above < (float(value(still)) - float(fine.value)) / 8
    # The Hessian is the metric and a compact part: the iterations do not grow with the depth.
    assert fine.iterations <= coarse.iterations + 5
    # The control: in the metric of the mean its condition number grows like L^2.
    assert cold.iterations > 5 * fine.iterations


def test_stretched_controls_keep_the_states_of_a_homogeneous_residual(network, data):
    x, _ = data
    longer = control.stretch(network, 2.0, 6.0)
    states = resnet.trajectory(network, x, step_size=2 / 6)
    np.testing.assert_allclose(resnet.trajectory(longer, x, step_size=6 / 6), states, rtol=1e-13)


def test_a_profile_reads_states_and_controls(network, data):
    x, y = data
    profile = control.profile(distance_to(y), network, x, horizon=3)
    states = resnet.trajectory(network, x, step_size=0.5)
    np.testing.assert_allclose(profile.losses[3], distance_to(y)(states[3]))
    w, b = network.w[...][4], network.b[...][4]
    np.testing.assert_allclose(profile.norms[4], np.sqrt((w**2).sum() + (b**2).sum()))
    np.testing.assert_allclose(profile.times, 0.5 * np.arange(7))


@pytest.mark.parametrize("metric", [control.L2, control.H1])
def test_coordinates_make_the_metric_euclidean(metric, network):
    coordinates = metric.coordinates(network)
    for back, leaf in zip(
        jax.tree.leaves(metric.stack(coordinates)), jax.tree.leaves(network), strict=True
    ):
        np.testing.assert_allclose(back, leaf, rtol=1e-12)
    states = jnp.zeros((7, 1, 2))
    cost = {control.L2: control.squared_norm, control.H1: control.roughness(1.0)}[metric]
    length = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(coordinates))
    np.testing.assert_allclose(length, cost(network, states, 1 / 6))
