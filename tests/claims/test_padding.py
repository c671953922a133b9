"""The claims on many depths run them in one program; it must minimise what it says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resode_course.claims import _depth_limits, _reversal, _steering
from resode_course.claims._measure import one_over_depth
from resode_lib import adjoint, control, resnet, stacks
from resode_lib.blocks import Inside
from resode_lib.integrators import euler, heun

LAYERS, SLICES, HORIZON = 5, 8, 3.0


def first(stack):
    return jax.tree.map(lambda leaf: leaf[:LAYERS], stack)


def drawn(key, layers):
    return stacks.iid(lambda key: Inside.gaussian(key, width=3), key, layers)


def test_slices_beyond_the_depth_rest_or_repeat(key):
    stack = drawn(key, SLICES)
    active = _depth_limits.active(stack, jnp.asarray(LAYERS))
    held = _depth_limits.held(stack, jnp.asarray(LAYERS))
    np.testing.assert_array_equal(active.w[LAYERS:], 0)
    np.testing.assert_array_equal(active.b[:LAYERS], stack.b[:LAYERS])
    np.testing.assert_array_equal(held.w[LAYERS:], stack.w[LAYERS - 1 : LAYERS].repeat(3, 0))


def test_steering_the_first_slices_is_steering_a_network_of_that_depth():
    problem = _steering.Problem(terminal=0.7, running=1.3, penalty=0.2)
    found, seen = _steering.steer(problem, _steering.cold(SLICES), layers=LAYERS, horizon=HORIZON)
    terms = [
        (0.7, control.terminal(_steering.distance)),
        (1.3, control.running(_steering.distance)),
        (0.2, control.squared_norm),
    ]
    value = control.objective(jnp.array(_steering.CROSSED), terms, horizon=HORIZON)
    np.testing.assert_allclose(value(first(found.stack)), found.value, rtol=1e-12)
    gradient = jax.grad(value)(first(found.stack))
    assert max(jnp.abs(leaf).max() for leaf in jax.tree.leaves(gradient)) < 1e-7
    points = jnp.array(_steering.CROSSED)
    direct = control.profile(_steering.distance, first(found.stack), points, horizon=HORIZON)
    for part, expected in zip(seen, direct, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-12)


def test_the_minimum_at_a_depth_is_one_of_a_network_of_that_depth(key):
    penalty = _depth_limits.Penalty(roughness=0.1, size=0.05, metric=control.H1)
    x, y = data = _depth_limits.Data(*jax.random.normal(key, (2, 12, 2)))
    minima = _depth_limits.minima((LAYERS, SLICES), penalty=penalty, key=key, data=data)
    fit = control.terminal(lambda h: jnp.mean(jnp.sum((h - y) ** 2, axis=-1)))
    rough = control.roughness(_depth_limits.TAU)
    value = control.objective(x, [(1, fit), (0.1, rough), (0.05, control.squared_norm)])
    stack = minima.stacks[0]
    np.testing.assert_allclose(value(stack), minima.values[0], rtol=1e-12)
    gradient = jax.grad(value)(stack)
    # The tolerance of the minimisation, 1e-6 in H^1, in single entries.
    assert max(jnp.abs(leaf).max() for leaf in jax.tree.leaves(gradient)) < 1e-5


def test_weights_of_degree_two_enter_with_their_size(key):
    stack = drawn(key, 2)
    np.testing.assert_array_equal(_steering.of_degree(stack, 1.0).w[...], stack.w[...])
    squared = stack.w[...] * jnp.abs(stack.w[...])
    np.testing.assert_allclose(_steering.of_degree(stack, 2.0).w[...], squared, rtol=1e-14)


@pytest.mark.parametrize("integrator", [euler, heun], ids=lambda method: method.name)
@pytest.mark.parametrize("network", [_reversal.smooth, _reversal.alternating, _reversal.to_rest])
def test_a_walk_through_the_first_slices_is_one_through_a_network_of_that_depth(
    network, integrator
):
    _, there, back = _reversal.walk(network, LAYERS, integrator, one_over_depth, 1, SLICES)
    stack, start = network(LAYERS)
    states = resnet.trajectory(stack, start, integrator=integrator)
    recovered = adjoint.reconstruction(stack, states[-1], integrator=integrator, iterations=1)
    # Nothing but rounding, in another order.
    np.testing.assert_allclose(there, states, rtol=1e-13)
    np.testing.assert_allclose(back, recovered, rtol=1e-13)
