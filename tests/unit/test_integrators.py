import jax.numpy as jnp
import numpy as np
import pytest

from resode_course.claims._problems import EXACT, jump
from resode_lib import continuous, integrators
from resode_lib.diagnostics import observed_slope
from resode_lib.integrators import INTEGRATORS

DEPTHS = (16, 32, 64, 128)
METHODS = pytest.mark.parametrize("method", INTEGRATORS.values(), ids=INTEGRATORS)
PROBLEMS = pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)


def last_errors(problem, method):
    field = continuous.field_of(problem.path)
    exact = problem.exact(jnp.array([0.0, 1.0]))[-1]
    runs = [
        integrators.integrate(field, problem.start, depth=depth, integrator=method)[-1]
        for depth in DEPTHS
    ]
    return np.array([float(jnp.linalg.norm(run - exact)) for run in runs])


@METHODS
@PROBLEMS
def test_the_error_falls_with_the_order(make, method):
    slope = observed_slope(DEPTHS, last_errors(make(), method)).value
    assert slope <= -method.order + 0.1


@METHODS
def test_a_jump_leaves_order_one(method):
    slope = observed_slope(DEPTHS, last_errors(jump(), method)).value
    assert slope > -1.5


A, B = jnp.array([[0.0, 1.0], [-1.0, 0.5]]), jnp.array([[1.0, 2.0], [0.0, -1.0]])


def turning(s, h):
    """A flow whose matrices do not commute: no step of it is undone exactly by chance."""
    return h @ (A + jnp.sin(3 * s) * B).T


@METHODS
def test_the_reverse_step_undoes_a_step_to_its_order(method):
    """One step there and back leaves Euler's ``ds^2``.

    The others go back by the step ``-ds`` of the same method: their leading errors ``c ds^(p+1)``
    and ``c (-ds)^(p+1)`` cancel, as ``p`` is even, and ``ds^(p+2)`` is left.
    """
    start = jnp.array([1.0, -0.5])

    def defect(ds):
        def cell(r, h):
            return turning(0.3 + r * ds, h)

        return float(
            jnp.linalg.norm(method.reverse(cell, method.step(cell, start, ds), ds) - start)
        )

    slope = observed_slope(DEPTHS, [defect(1 / depth) for depth in DEPTHS]).value
    expected = -2 if method.order == 1 else -(method.order + 2)
    assert abs(slope - expected) < 0.05 * method.order  # of c ds^p (1 + O(ds)) at ds <= 1/16


@METHODS
def test_the_field_is_asked_at_the_nodes_only(method):
    asked = set()

    def cell(r, h):
        asked.add(r)
        return h

    method.step(cell, jnp.ones(1), 0.1)
    assert asked == set(method.nodes)


def test_states_start_with_the_start_and_there_is_one_per_layer():
    states = integrators.integrate(lambda s, h: h, jnp.ones((3, 2)), depth=5)
    assert states.shape == (6, 3, 2)
    np.testing.assert_array_equal(states[0], jnp.ones((3, 2)))
    np.testing.assert_allclose(states[-1], 1.2**5 * jnp.ones((3, 2)), rtol=1e-14)


def test_step_size_replaces_one_over_depth():
    states = integrators.integrate(lambda s, h: h, jnp.ones(1), depth=3, step_size=1.0)
    np.testing.assert_allclose(states[-1], 8.0)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(KeyError, match=r"no integrator is called 'eular'.*'euler'"):
        integrators.get("eular")


def test_integrate_needs_a_layer():
    with pytest.raises(ValueError, match="depth >= 1, got 0"):
        integrators.integrate(lambda s, h: h, jnp.ones(1), depth=0)


def test_a_name_is_no_integrator(as_users_call):
    with pytest.raises(TypeError, match=r"integrator is 'heun', a str.*integrators.get\(name\)"):
        integrators.integrate(lambda s, h: h, jnp.ones(1), depth=2, integrator="heun")


def test_whole_numbers_are_no_state(as_users_call):
    with pytest.raises(TypeError, match=r"real numbers, got int64; convert them: h.astype"):
        integrators.integrate(lambda s, h: h, jnp.arange(3), depth=2)
