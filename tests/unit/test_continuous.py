import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from resode_course.claims._problems import EXACT
from resode_lib import continuous, stacks, training
from resode_lib.blocks import Linear, TwoLayer
from resode_lib.resnet import ResNet

TIMES = np.linspace(0, 1, 5)


@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
def test_the_reference_agrees_with_the_closed_form(make):
    problem = make()
    field = continuous.field_of(problem.path)
    states = continuous.solve(field, problem.start, times=jnp.asarray(TIMES))
    # Tolerance 1e-11 a step and tens of steps, amplified by at most e.
    np.testing.assert_allclose(states, problem.exact(jnp.asarray(TIMES)), atol=1e-9)


def test_a_loose_tolerance_is_seen():
    problem = EXACT["swinging"]()
    field = continuous.field_of(problem.path)
    states = continuous.solve(field, problem.start, times=jnp.asarray(TIMES), tolerance=1e-3)
    assert np.abs(states - problem.exact(jnp.asarray(TIMES))).max() > 1e-9


def test_float32_is_refused():
    with pytest.raises(TypeError, match="needs float64, got float32; call"):
        continuous.solve(lambda s, h: h, jnp.ones(1, jnp.float32), times=jnp.asarray(TIMES))


def test_times_increase():
    with pytest.raises(ValueError, match="times must increase, got"):
        continuous.solve(lambda s, h: h, jnp.ones(1), times=jnp.array([0.0, 1.0, 0.5]))


def test_a_solution_that_blows_up_is_reported():
    with pytest.raises(FloatingPointError, match="did not reach t = 2 within"):  # 1 / (1 - t)
        continuous.solve(lambda s, h: h**2, jnp.ones(1), times=jnp.array([0.0, 2.0]))


def test_a_blow_up_inside_of_vmap_is_infinite():
    times = jnp.array([0.0, 0.5, 2.0])

    def end(start):
        return continuous.solve(lambda s, h: h**2, start[None], times=times)[:, 0]

    safe, bad = jax.vmap(end)(jnp.array([0.1, 1.0]))
    np.testing.assert_allclose(safe, 0.1 / (1 - 0.1 * times), rtol=1e-9)
    assert np.isfinite(bad[:2]).all() and np.isinf(bad[2])


def scalar_limit(**options):
    """The linear network of width 1: ``H = A e^z x`` with ``z`` the mean of the weights."""
    one = jnp.ones((1, 1))
    model = ResNet(one, stacks.tied(Linear(0.0 * one), 1), one)
    return continuous.training_limit(
        model, lambda s: Linear(0.3 * one + 0 * s), one, 2 * one, **options
    )


def test_the_limit_of_training_in_closed_form():
    """With ``u = A e^z B`` and ``l = (u - 2)^2``: ``A' = -2 (u - 2) u / A`` and so on."""

    def velocity(t, state):
        A, z, B = state
        u = A * np.exp(z) * B
        return [-2 * (u - 2) * u / A, -2 * (u - 2) * u, -2 * (u - 2) * u / B]

    times = jnp.linspace(0.0, 0.5, 6)
    exact = solve_ivp(velocity, (0, 0.5), [1, 0.3, 1], t_eval=times, rtol=1e-11, atol=1e-12).y
    limit = scalar_limit(times=times)
    np.testing.assert_allclose(limit.models.A[..., 0, 0], exact[0], rtol=1e-7)
    np.testing.assert_allclose(limit.models.B[..., 0, 0], exact[2], rtol=1e-7)
    weights = limit.sample(4).theta[..., 0, 0]  # (times, layers): the same in every layer
    np.testing.assert_allclose(weights, np.repeat(exact[1][:, None], 4, axis=1), rtol=1e-7)
    u = exact[0] * np.exp(exact[1]) * exact[2]
    np.testing.assert_allclose(np.sqrt(limit.losses), np.abs(u - 2), atol=1e-7)


def test_trained_networks_approach_the_trained_limit(key):
    keys = jax.random.split(key, 4)
    waves = [TwoLayer.gaussian(k, width=3, hidden=6) for k in keys[:2]]

    def path(s):
        return jax.tree.map(lambda a, b: a + b * jnp.sin(3 * s), *waves)

    x, y = jax.random.normal(keys[2], (5, 3)), jax.random.normal(keys[3], (5, 3))
    times = jnp.linspace(0.0, 1.0, 3)
    ends = ResNet(jnp.eye(3), stacks.tied(waves[0], 1), jnp.eye(3))
    limit = continuous.training_limit(ends, path, x, y, times=times)

    def distance(depth):
        start = ResNet(jnp.eye(3), stacks.sample(path, depth), jnp.eye(3))
        run = training.gradient_flow(
            lambda model: training.mean_squared_error(model(x), y),
            start,
            times=times,
            record=lambda model: model,
        )
        gaps = jax.tree.map(
            lambda a, b: jnp.abs(a - b).max(), run.records.stack, limit.sample(depth)
        )
        return max(*jax.tree.leaves(gaps), jnp.abs(run.records.B[...] - limit.models.B[...]).max())

    gaps = [float(distance(depth)) for depth in (16, 32)]
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.15)  # O(1/L) with an O(1/L^2) remainder
    assert gaps[1] < 0.1


def test_times_in_float32_are_refused():
    with pytest.raises(TypeError, match="needs times in float64, got float32; call"):
        continuous.solve(
            lambda s, h: h, jnp.ones(1), times=jnp.linspace(0, 1, 4, dtype=jnp.float32)
        )
