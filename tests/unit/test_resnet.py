import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from resode_lib import adjoint, continuous, integrators, resnet, stacks
from resode_lib.blocks import TwoLayer
from resode_lib.integrators import INTEGRATORS

METHODS = pytest.mark.parametrize("method", INTEGRATORS.values(), ids=INTEGRATORS)


@pytest.fixture
def stack(key):
    return stacks.iid(lambda key: TwoLayer.gaussian(key, width=3, hidden=5), key, 6)


@pytest.fixture
def h(key):
    return jax.random.normal(key, (4, 3))


def layer_of(stack, k):
    return jax.tree.map(lambda leaf: leaf[k], stack)


def test_forward_is_the_loop_over_layers(stack, h):
    expected = h
    for k in range(6):
        expected = expected + layer_of(stack, k)(expected) / 6
    np.testing.assert_allclose(resnet.forward(stack, h), expected, rtol=1e-13)


@METHODS
def test_a_network_is_its_scheme_on_its_own_interpolated_path(method, stack, h):
    field = continuous.field_of(stacks.piecewise_linear(stack))
    expected = integrators.integrate(field, h, depth=6, integrator=method)
    states = resnet.trajectory(stack, h, integrator=method)
    # The last node of the last cell is s = 1, where the path repeats the last slice.
    np.testing.assert_allclose(states, expected, rtol=1e-12)


@METHODS
def test_the_trajectory_ends_where_forward_does(method, stack, h):
    states = resnet.trajectory(stack, h, integrator=method)
    assert states.shape == (7, 4, 3)
    np.testing.assert_array_equal(states[0], h)
    np.testing.assert_allclose(states[-1], resnet.forward(stack, h, integrator=method), rtol=1e-14)


def test_without_the_factor_the_residuals_are_added_whole(stack, h):
    states = resnet.trajectory(stack, h, step_size=1.0)
    np.testing.assert_allclose(states[1], h + layer_of(stack, 0)(h), rtol=1e-13)


@METHODS
def test_the_program_does_not_grow_with_depth(method, h, key):
    def equations(depth):
        block = TwoLayer.gaussian(key, width=3, hidden=5)
        run = jax.make_jaxpr(lambda s, h: resnet.forward(s, h, integrator=method))
        return str(run(stacks.tied(block, depth), h)).count("=")

    assert equations(64) == equations(8)


def test_at_the_start_the_smooth_initialisation_is_the_identity(key):
    model = resnet.ResNet.at_identity(key, inputs=2, outputs=1, width=3, hidden=5, depth=4)
    np.testing.assert_array_equal(model(jnp.ones((6, 2))), jnp.zeros((6, 1)))
    assert np.ptp(model.stack.W[...], axis=0).max() == 0


def test_the_whole_model_can_be_differentiated(key):
    model = resnet.ResNet.at_identity(key, inputs=2, outputs=1, width=3, hidden=5, depth=4)
    gradient = jax.grad(lambda model: ((model(jnp.ones((6, 2))) - 1) ** 2).mean())(model)
    assert [leaf.shape for leaf in jax.tree.leaves(gradient)] == [
        leaf.shape for leaf in jax.tree.leaves(model)
    ]
    assert jnp.abs(gradient.stack.V[...]).max() > 0
    assert jnp.abs(gradient.stack.W[...]).max() == 0  # V = 0 hides W at the start


def test_the_width_must_hold_the_data(key):
    with pytest.raises(ValueError, match="got width 1 for 2 inputs.*take width >= 2"):
        resnet.ResNet.at_identity(key, inputs=2, outputs=1, width=1, hidden=5, depth=4)


def test_a_block_alone_is_no_network(key):
    with pytest.raises(ValueError, match="one leading axis, the depth"):
        resnet.forward(TwoLayer.gaussian(key, width=3, hidden=5), jnp.ones(3))


@pytest.mark.parametrize("run", [resnet.forward, resnet.trajectory, adjoint.forward])
def test_states_that_a_layer_would_change_are_refused(run, stack, h, as_users_call):
    with pytest.raises(TypeError, match=r"got float32\(4, 3\), it returns float64.*h.astype"):
        run(stack, h.astype(jnp.float32))
    with pytest.raises(TypeError, match="states are real numbers, got int64; convert them"):
        run(stack, jnp.ones((4, 3), int))
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), stack)
    assert run(single, h).dtype == jnp.float64  # the state's type is kept: nothing to refuse

    class Narrow(nnx.Module):
        def __init__(self):
            self.w = nnx.Param(jnp.ones((2, 3)))

        def __call__(self, h):
            return h @ self.w[...].T

    with pytest.raises(TypeError, match=r"got float64\(4, 3\), it returns float64\(4, 2\)"):
        run(stacks.tied(Narrow(), 2), h, step_size=0.0, integrator=Residual)


@pytest.mark.parametrize("run", [resnet.forward, resnet.trajectory, adjoint.forward])
def test_a_name_is_no_integrator(run, stack, h, as_users_call):
    with pytest.raises(TypeError, match="integrator is 'heun', a str; expected an Integrator"):
        run(stack, h, integrator="heun")


Residual = integrators.euler._replace(step=lambda field, h, ds: field(0, h))
