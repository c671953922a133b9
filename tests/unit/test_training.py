import os
import signal
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from resode_lib import resnet, stacks, training
from resode_lib.blocks import Linear, TwoLayer
from resode_lib.diagnostics import observed_slope
from resode_lib.resnet import ResNet


@pytest.fixture
def data(key):
    key_x, key_y = jax.random.split(key)
    return jax.random.normal(key_x, (6, 3)), jax.random.normal(key_y, (6, 3))


@pytest.fixture
def loss(data):
    x, y = data
    return lambda stack: training.mean_squared_error(resnet.forward(stack, x), y)


def gaussian(key, depth):
    return stacks.tied(TwoLayer.gaussian(key, width=3, hidden=5), depth)


def quadratic(stack):
    """``1/L sum_k (theta_k - 3)^2``: its gradient flow is ``theta_k' = -2 (theta_k - 3)``."""
    return jnp.mean((stack.theta[...] - 3) ** 2)


def scalars(*values):
    return jax.vmap(Linear)(jnp.array(values)[:, None, None])


def distance(left, right):
    gaps = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), left, right)
    return max(jax.tree.leaves(gaps))


def test_the_loss_sums_over_outputs_and_averages_over_samples():
    prediction, target = jnp.array([[1.0, 2.0], [0.0, 0.0]]), jnp.zeros((2, 2))
    assert training.mean_squared_error(prediction, target) == 2.5


def test_residual_weights_get_the_factor_and_the_ends_do_not(key):
    x, y = jnp.ones((4, 2)), jnp.ones((4, 1))
    model = ResNet.at_identity(key, inputs=2, outputs=1, width=3, hidden=5, depth=7)

    def loss(model):
        return training.mean_squared_error(model(x), y)

    euclidean = jax.grad(loss)(model)
    value, scaled = training.depth_gradient(loss, model)
    assert value == loss(model)
    np.testing.assert_allclose(scaled.stack.V[...], 7 * euclidean.stack.V[...])
    np.testing.assert_array_equal(scaled.A[...], euclidean.A[...])
    np.testing.assert_array_equal(scaled.B[...], euclidean.B[...])
    assert jnp.abs(scaled.stack.V[...]).max() > 0


def test_clipping_acts_on_the_scaled_gradient():
    stack = scalars(0.0, 2.5)  # scaled gradient -6 and -1
    _, gradient = training.depth_gradient(quadratic, stack, clip=training.clip_coordinates(2.0))
    np.testing.assert_allclose(gradient.theta[...].ravel(), [-2.0, -1.0])


def test_clipping_needs_a_positive_bound():
    with pytest.raises(ValueError, match="positive bound, got 0"):
        training.clip_coordinates(0.0)


def test_the_flow_is_the_closed_form():
    times = jnp.linspace(0.0, 1.0, 5)
    run = training.gradient_flow(
        quadratic, scalars(0.0, 5.0), times=times, record=lambda s: s.theta[...], tolerance=1e-10
    )
    exact = 3 + np.exp(-2 * np.asarray(times))[:, None] * np.array([-3.0, 2.0])
    np.testing.assert_allclose(run.records[..., 0, 0], exact, atol=1e-9)
    np.testing.assert_allclose(run.losses, np.mean((exact - 3) ** 2, axis=1), atol=1e-8)
    np.testing.assert_allclose(run.parameters.theta[...].ravel(), exact[-1], atol=1e-9)


def test_the_flow_does_not_depend_on_depth_but_its_unscaled_version_freezes():
    def lost(depth, rate):
        stack = scalars(*(depth * [0.0]))
        run = training.gradient_descent(quadratic, stack, rate=rate, steps=10)
        return run.losses[0] - run.losses[-1]

    assert lost(8, 0.01) == pytest.approx(lost(64, 0.01))
    # The control: dividing the rate by L undoes the factor, and the loss hardly moves.
    assert lost(64, 0.01 / 64) < 0.2 * lost(8, 0.01 / 8)


def test_descent_is_eulers_scheme_for_the_flow(key, loss):
    stack, end = gaussian(key, 4), 0.5
    flow = training.gradient_flow(loss, stack, times=jnp.array([0.0, end]), tolerance=1e-11)
    counts = [16, 32, 64, 128]
    errors = [
        float(
            distance(
                training.gradient_descent(loss, stack, rate=end / n, steps=n, every=n).parameters,
                flow.parameters,
            )
        )
        for n in counts
    ]
    # Euler's error is C/n + O(1/n^2): the observed slope is -1 up to a few per cent.
    assert observed_slope(counts, errors).value == pytest.approx(-1, abs=0.1)


def test_descent_is_optax_with_the_same_gradient(key, loss):
    stack = gaussian(key, 4)
    ours = training.gradient_descent(loss, stack, rate=0.1, steps=12, every=4)
    theirs = training.optimise(loss, stack, optax.sgd(0.1), steps=12, every=4)
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-13)
    np.testing.assert_allclose(theirs.times, [0, 4, 8, 12])
    np.testing.assert_allclose(ours.times, [0, 0.4, 0.8, 1.2])


def test_records_are_taken_before_the_step_and_at_the_end(key, loss):
    stack = gaussian(key, 4)
    run = training.gradient_descent(
        loss, stack, rate=0.1, steps=6, every=3, record=lambda s: s.V[...]
    )
    assert run.records.shape == (3, 4, 3, 5)
    np.testing.assert_array_equal(run.records[0], stack.V[...])
    np.testing.assert_array_equal(run.records[-1], run.parameters.V[...])
    np.testing.assert_allclose(run.losses[0], loss(stack), rtol=1e-13)
    np.testing.assert_allclose(run.losses[-1], loss(run.parameters), rtol=1e-13)


def test_a_loss_may_draw_its_minibatch(key, data):
    x, y = data

    def loss(stack, key):
        rows = jax.random.choice(key, 6, (2,), replace=False)
        return training.mean_squared_error(resnet.forward(stack, x[rows]), y[rows])

    run = training.optimise(loss, gaussian(key, 4), optax.sgd(0.01), steps=5, key=key)
    assert len(set(run.losses.tolist())) == 6


def test_records_divide_the_run(key, loss):
    with pytest.raises(ValueError, match="got every = 4 for 6 steps; take a divisor"):
        training.gradient_descent(loss, gaussian(key, 4), rate=0.1, steps=6, every=4)


def test_the_flow_refuses_float32(key):
    stack = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), gaussian(key, 4))
    with pytest.raises(TypeError, match="needs float64, got float32"):
        training.gradient_flow(lambda s: jnp.sum(s.V[...] ** 2), stack, times=jnp.array([0.0, 1.0]))


def test_a_long_run_reports(key, loss):
    seen = []
    training.gradient_descent(
        loss, gaussian(key, 4), rate=0.1, steps=50, progress=lambda *report: seen.append(report)
    )
    assert [done for done, _, _ in seen][-1] == 50
    assert len(seen) >= 10
    assert all(steps == 50 and np.isfinite(value) for _, steps, value in seen)


KILLED = """
import os, signal, sys
sys.path.insert(0, os.path.dirname({here!r}))
import jax
jax.config.update("jax_enable_x64", True)
import test_training as t

def die(done, steps, loss):
    if done >= 40:
        os.kill(os.getpid(), signal.SIGKILL)

t.long_run({folder!r}, die)
"""


def long_run(folder, progress=None):
    key = jax.random.key(3)
    x, y = jax.random.normal(key, (6, 3)), jnp.ones((6, 3))
    return training.optimise(
        lambda stack: training.mean_squared_error(resnet.forward(stack, x), y),
        gaussian(key, 4),
        optax.adam(1e-2),
        steps=100,
        every=5,
        record=lambda stack: {"first": stack.V[...][0]},
        progress=progress,
        folder=folder,
    )


def test_a_killed_run_goes_on_without_losing_a_step(tmp_path):
    script = KILLED.format(here=__file__, folder=str(tmp_path / "killed"))
    killed = subprocess.run([sys.executable, "-c", script], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    reports = []
    resumed = long_run(tmp_path / "killed", lambda *report: reports.append(report))
    whole = long_run(tmp_path / "whole")
    assert reports[0][0] == 45, "the steps before the kill were taken again"
    for name in ("times", "losses", "records", "parameters"):
        gap = distance(getattr(resumed, name), getattr(whole, name))
        assert gap == 0, name
    finished = long_run(tmp_path / "whole", lambda *report: pytest.fail("nothing is left to do"))
    assert distance(finished.parameters, whole.parameters) == 0


def test_a_folder_holds_one_run(key, loss, tmp_path):
    stack = gaussian(key, 4)
    training.gradient_descent(loss, stack, rate=0.1, steps=20, folder=tmp_path / "run")
    with pytest.raises(ValueError, match="holds another run: its 'rate' differs"):
        training.gradient_descent(loss, stack, rate=0.2, steps=20, folder=tmp_path / "run")
    other = gaussian(jax.random.key(9), 4)
    with pytest.raises(ValueError, match="holds another run: its 'start' differs"):
        training.gradient_descent(loss, other, rate=0.1, steps=20, folder=tmp_path / "run")
