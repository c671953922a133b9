from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from resode_lib import adjoint, resnet, stacks
from resode_lib.adjoint import checkpointed, reversing, stored
from resode_lib.blocks import Linear, TwoLayer
from resode_lib.diagnostics import observed_slope
from resode_lib.integrators import INTEGRATORS, euler, heun

METHODS = pytest.mark.parametrize("method", INTEGRATORS.values(), ids=INTEGRATORS)
MEMORIES = {memory.name: memory for memory in (stored, checkpointed, reversing(), reversing(4))}
ENOUGH = 6  # each iteration divides the error by L / Lip(f), at least 300 below


class Biased(nnx.Module):
    """A block with a nested tree: a layer of flax with its bias, a gain, and a static attribute."""

    def __init__(self, key):
        self.inner = nnx.Linear(4, 4, rngs=nnx.Rngs(key), param_dtype=jnp.float64)
        self.gain = nnx.Param(jax.random.normal(key, (4,)))
        self.activation = jnp.sin

    def __call__(self, h):
        """Return ``gain * sin(A h + b)``, elementwise."""
        return self.activation(self.inner(h)) * jnp.broadcast_to(self.gain[...], h.shape)


BLOCKS = {
    "linear": lambda key: Linear(jax.random.normal(key, (4, 4)) / 2),
    "two-layer": lambda key: TwoLayer.gaussian(key, width=4, hidden=6),
    "biased": Biased,
}


def gradients(forward, stack, h):
    """The gradients of a loss that weighs all outputs differently."""
    weights = jnp.cos(jnp.arange(h.size)).reshape(h.shape)
    return jax.jit(jax.grad(lambda s, h: (weights * forward(s, h) ** 2).sum(), (0, 1)))(stack, h)


def relative_error(actual, expected):
    """The distance of two trees in the Euclidean norm, relative to the second."""
    pairs = list(zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True))
    distance = sum(np.sum((np.asarray(a) - np.asarray(b)) ** 2) for a, b in pairs)
    return float(np.sqrt(distance / sum(np.sum(np.asarray(b) ** 2) for _, b in pairs)))


@METHODS
@pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES)
def test_every_memory_computes_the_same_network(memory, method, key):
    stack = stacks.iid(BLOCKS["two-layer"], key, 5)
    h = jax.random.normal(key, (3, 4))
    last = adjoint.forward(stack, h, integrator=method, memory=memory)
    np.testing.assert_allclose(last, resnet.forward(stack, h, integrator=method), rtol=1e-14)


def assert_exact(memory, make, method, key):
    stack, h = stacks.iid(make, key, 2048), jax.random.normal(key, (3, 4))
    forward = partial(adjoint.forward, integrator=method, memory=memory)
    expected = gradients(partial(resnet.forward, integrator=method), stack, h)
    assert relative_error(gradients(forward, stack, h), expected) < 1e-13


@METHODS
def test_enough_iterations_give_the_gradient_of_backpropagation(method, key):
    assert_exact(reversing(ENOUGH), BLOCKS["biased"], method, key)


@pytest.mark.parametrize("make", BLOCKS.values(), ids=BLOCKS)
def test_enough_iterations_give_the_gradient_of_every_block(make, key):
    assert_exact(reversing(ENOUGH), make, heun, key)


@METHODS
def test_checkpointing_gives_the_gradient_of_backpropagation(method, key):
    assert_exact(checkpointed, BLOCKS["biased"], method, key)


@METHODS
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_the_repeated_last_slice_and_any_batch(batch, depth, method, key):
    stack = stacks.iid(lambda key: Linear(jax.random.normal(key, (4, 4)) / 1000), key, depth)
    h = jax.random.normal(key, (*batch, 4))
    forward = partial(adjoint.forward, integrator=method, memory=reversing(ENOUGH))
    expected = gradients(partial(resnet.forward, integrator=method), stack, h)
    assert relative_error(gradients(forward, stack, h), expected) < 1e-13


def smooth_stack(depth):
    """Slices of ``cos(2 s) theta_0 + sin(2 s) theta_1``: the setting of the measured slopes."""
    keys = jax.random.split(jax.random.key(1), 4)
    V = [jax.random.normal(key, (8, 16)) for key in keys[:2]]
    W = [jax.random.normal(key, (16, 8)) for key in keys[2:]]

    def path(s):
        c, d = jnp.cos(2 * s), jnp.sin(2 * s)
        return TwoLayer(c * V[0] + d * V[1], c * W[0] + d * W[1])

    return stacks.sample(path, depth)


def alternating_stack(depth):
    """Two layers in turn: bounded weights, far from smooth."""
    pair = smooth_stack(2)
    return jax.tree.map(lambda leaf: jnp.tile(leaf, (depth // 2, 1, 1)), pair)


@cache
def backpropagation(make_stack, depth, method):
    stack, h = make_stack(depth), jax.random.normal(jax.random.key(3), (10, 8))
    return stack, h, gradients(partial(resnet.forward, integrator=method), stack, h)


def gradient_error(make_stack, depth, method, iterations):
    stack, h, expected = backpropagation(make_stack, depth, method)
    forward = partial(adjoint.forward, integrator=method, memory=reversing(iterations))
    return relative_error(gradients(forward, stack, h), expected)


def gradient_slope(make_stack, method, iterations):
    depths = (32, 64, 128, 256)
    errors = [gradient_error(make_stack, depth, method, iterations) for depth in depths]
    return observed_slope(depths, errors).value


@pytest.mark.parametrize("iterations", [0, 1, 2, 3])
def test_each_iteration_buys_one_order(iterations):
    """The error is c / L^(1+j) (1 + O(1/L)): at L >= 32 within a tenth of the limit slope."""
    slope = gradient_slope(smooth_stack, euler, iterations)
    assert abs(slope + 1 + iterations) < 0.1


def test_heun_gains_two_orders_on_smooth_weights_only():
    assert gradient_slope(smooth_stack, heun, 0) <= -2.8
    assert gradient_slope(alternating_stack, heun, 0) > -1.1


def test_float32_gradients_reach_rounding():
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), smooth_stack(128))
    double = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), single)
    h = jax.random.normal(jax.random.key(3), (10, 8), jnp.float32)
    expected = gradients(resnet.forward, double, h.astype(jnp.float64))

    def error(iterations):
        forward = partial(adjoint.forward, memory=reversing(iterations))
        actual = gradients(forward, single, h)
        assert {leaf.dtype for leaf in jax.tree.leaves(actual)} == {jnp.dtype("float32")}
        return relative_error(actual, expected)

    assert error(4) <= 1e-6
    assert error(0) > 1e-4


@cache
def compiled(depth, method, memory):
    """The compiled gradient at a size where the stored states outweigh everything; never run."""

    def shapes():
        block = TwoLayer.gaussian(jax.random.key(0), width=32, hidden=128)
        return stacks.tied(block, depth), jnp.zeros((256, 32))

    def loss(stack, h):
        return (adjoint.forward(stack, h, integrator=method, memory=memory) ** 2).mean()

    return jax.jit(jax.value_and_grad(loss)).lower(*jax.eval_shape(shapes)).compile()


def temporary_bytes(depth, method, memory):
    return compiled(depth, method, memory).memory_analysis().temp_size_in_bytes


NOT_STORED = [MEMORIES["reversing(0)"], MEMORIES["reversing(4)"]]


@METHODS
@pytest.mark.parametrize("memory", NOT_STORED, ids=lambda memory: memory.name)
def test_memory_does_not_grow_with_depth(memory, method):
    small, large = (temporary_bytes(L, method, memory) for L in (64, 4096))
    assert large <= 1.01 * small


def test_memory_grows_with_depth_if_all_is_kept():
    small, large = (temporary_bytes(L, euler, stored) for L in (64, 4096))
    assert large > 20 * small


def test_memory_grows_like_the_root_of_depth_if_segments_are_kept():
    """From 64 to 4096 layers there are 8 times as many segments, each 8 times as long."""
    small, large = (temporary_bytes(L, euler, checkpointed) for L in (64, 4096))
    assert 4 < large / small < 9


def test_segments_pay_at_moderate_depth():
    assert temporary_bytes(64, euler, checkpointed) < temporary_bytes(64, euler, stored) / 5


@METHODS
@pytest.mark.parametrize("depth", [1, 2, 3, 5, 7, 10, 16, 17])
def test_segments_are_exact_at_any_depth(depth, method, key):
    """Depths that are squares, one more, and primes: the last segment may be shorter, or empty."""
    stack, h = stacks.iid(BLOCKS["biased"], key, depth), jax.random.normal(key, (2, 3, 4))
    expected = gradients(partial(resnet.forward, integrator=method), stack, h)
    forward = partial(adjoint.forward, integrator=method, memory=checkpointed)
    assert relative_error(gradients(forward, stack, h), expected) < 1e-14


@pytest.mark.parametrize("method", [euler, heun], ids=lambda method: method.name)
@pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES)
def test_the_compiled_program_does_not_grow_with_depth(memory, method):
    def instructions(depth):
        return compiled(depth, method, memory).as_text().count(" = ")

    assert instructions(4096) == instructions(64)


def test_the_reconstruction_is_the_trajectory_if_inverted_far_enough():
    stack, h = smooth_stack(64), jax.random.normal(jax.random.key(3), (10, 8))
    states = resnet.trajectory(stack, h)
    exact = adjoint.reconstruction(stack, states[-1], iterations=ENOUGH)
    np.testing.assert_allclose(exact, states, atol=1e-13)
    explicit = adjoint.reconstruction(stack, states[-1])
    np.testing.assert_array_equal(explicit[-1], states[-1])
    assert jnp.abs(explicit - states).max() > 1e-3


def test_one_explicit_reverse_step_by_hand():
    stack, last = smooth_stack(1), jax.random.normal(jax.random.key(3), (10, 8))
    layer = jax.tree.map(lambda leaf: leaf[0], stack)
    before = last - 0.5 * layer(last)
    once = before + (last - before - 0.5 * layer(before))
    for iterations, expected in ((0, before), (1, once)):
        states = adjoint.reconstruction(stack, last, step_size=0.5, iterations=iterations)
        np.testing.assert_allclose(states[0], expected, rtol=1e-13)


@METHODS
def test_the_defect_says_when_rounding_is_reached(method):
    stack, h = smooth_stack(32), jax.random.normal(jax.random.key(3), (10, 8))
    last = resnet.forward(stack, h, integrator=method)

    def defect(iterations):
        return adjoint.inversion_defect(stack, last, integrator=method, iterations=iterations)

    eps = jnp.finfo(h.dtype).eps
    assert defect(0) > 1e4 * eps or method.order == 4
    assert defect(20) < 4 * eps


def test_the_defect_says_when_the_iteration_diverges(key):
    """Contraction factor ``Lip(f) / L = 3``: no number of iterations helps."""
    stack = stacks.tied(Linear(6 * jnp.eye(2)), 2)
    assert adjoint.inversion_defect(stack, jnp.ones((1, 2)), iterations=20) > 1


def test_the_model_takes_the_forward_pass_it_is_given(key):
    model = resnet.ResNet.at_identity(key, inputs=2, outputs=1, width=3, hidden=5, depth=40)
    forward = partial(adjoint.forward, memory=reversing(8))

    def gradient(**keywords):
        loss = jax.grad(lambda model: ((model(jnp.ones((6, 2)), **keywords) - 1) ** 2).mean())
        return loss(model)

    assert relative_error(gradient(forward=forward), gradient()) < 1e-14


def test_a_negative_number_of_iterations_is_refused():
    with pytest.raises(ValueError, match="got -1 iterations; expected 0"):
        reversing(-1)


def test_a_block_alone_is_no_network(key):
    with pytest.raises(ValueError, match="one leading axis, the depth"):
        adjoint.forward(BLOCKS["two-layer"](key), jnp.ones(4), memory=reversing())


def test_integers_in_a_stack_are_refused():
    class Shift(nnx.Module):
        """A residual with an integer array."""

        def __init__(self):
            self.steps = nnx.Param(jnp.arange(4))

        def __call__(self, h):
            """Return a constant."""
            return self.steps[...].astype(h.dtype)

    with pytest.raises(TypeError, match="got int64 at .steps; make whole numbers static"):
        adjoint.forward(stacks.tied(Shift(), 3), jnp.ones(4), memory=reversing())


@pytest.mark.parametrize("memory", [reversing, "stored", None])
def test_what_is_no_memory_is_refused(memory, as_users_call):
    with pytest.raises(TypeError, match=r"memory is .*; expected adjoint.stored.*with the parenth"):
        adjoint.forward(smooth_stack(2), jnp.ones((1, 8)), memory=memory)


@pytest.mark.parametrize(
    "run",
    [
        adjoint.reconstruction,
        adjoint.inversion_defect,
        lambda *_, iterations: reversing(iterations),
    ],
)
def test_iterations_are_counted(run, as_users_call):
    stack, h = smooth_stack(2), jnp.ones((1, 8))
    with pytest.raises(ValueError, match=r"got -3 iterations; expected 0 \(the explicit step\)"):
        run(stack, h, iterations=-3)
    with pytest.raises(TypeError, match="got 2.5 iterations; expected a whole number"):
        run(stack, h, iterations=2.5)


def test_going_back_needs_a_plain_step_size(as_users_call):
    stack, h = smooth_stack(2), jnp.ones((1, 8))

    def last(step_size, memory):
        return adjoint.forward(stack, h, step_size=step_size, memory=memory)

    with pytest.raises(TypeError, match="plain number, got .*traced by JAX; .*checkpointed"):
        jax.jit(lambda step_size: last(step_size, reversing()))(0.5)
    expected = last(0.5, stored)
    np.testing.assert_allclose(last(jnp.asarray(0.5), reversing()), expected, rtol=1e-14)
    np.testing.assert_allclose(
        jax.jit(lambda ds: last(ds, checkpointed))(0.5), expected, rtol=1e-14
    )


def test_the_defect_of_nothing_is_refused_and_of_zero_is_zero():
    with pytest.raises(ValueError, match=r"nothing to invert in states of shape \(0, 8\); give"):
        adjoint.inversion_defect(smooth_stack(2), jnp.ones((0, 8)))
    assert adjoint.inversion_defect(smooth_stack(2), jnp.zeros((1, 8))) == 0  # f(0) = 0 here


def test_a_tolerance_turns_a_wrong_gradient_into_none():
    """The largest defect that is met is the one that `inversion_defect` tells."""
    stack, h = smooth_stack(32), jax.random.normal(jax.random.key(3), (10, 8))
    last = resnet.forward(stack, h)
    for iterations in (0, 2):
        defect = float(adjoint.inversion_defect(stack, last, iterations=iterations))

        def gradient(tolerance, iterations=iterations):
            memory = reversing(iterations, tolerance=tolerance)
            return gradients(partial(adjoint.forward, memory=memory), stack, h)

        assert relative_error(gradient(1.01 * defect), gradient(None)) == 0
        of_stack, of_start = gradient(0.99 * defect)
        assert jnp.isnan(of_start).all()
        assert jnp.isnan(of_stack.V[...][0]).all()


def test_a_tolerance_refuses_iterations_that_diverge(key):
    stack = stacks.tied(Linear(6 * jnp.eye(2)), 2)
    forward = partial(adjoint.forward, memory=reversing(400, tolerance=1e-3))
    for leaf in jax.tree.leaves(gradients(forward, stack, jnp.ones((1, 2)))):
        assert jnp.isnan(leaf).all()


def test_a_tolerance_keeps_no_states():
    small, large = (temporary_bytes(L, euler, reversing(1, tolerance=1e-3)) for L in (64, 4096))
    assert large <= 1.01 * small
