import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

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
    return max(jax.tree.leaves(gaps), default=0)


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


PROCESS = """
import os, signal, sys
sys.path[:0] = [os.path.dirname({here!r}), {root!r}]
import jax
jax.config.update("jax_enable_x64", True)
import test_training as t

def die(done, steps, loss):
    if done >= 40:
        os.kill(os.getpid(), signal.SIGKILL)

t.long_run({folder!r}, progress=die)
"""


@jax.custom_vjp
def doubled(a):
    return 2 * a


doubled.defvjp(lambda a: (2 * a, None), lambda _, g: (2 * g,))


def long_run(folder, *, steps=100, **keywords):
    """A run whose program has closed-over arrays, a key, nested programs and a custom derivative.

    And a call of Python that changes nothing; JAX 0.7 prints where that function lies in memory.
    """
    x = jax.random.normal(jax.random.key(3), (6, 3))

    @jax.jit
    def loss(stack, key):
        rows = jax.random.choice(key, 6, (4,))
        jax.debug.callback(lambda rows: None, rows)
        last = doubled(jax.nn.relu(resnet.forward(stack, x[rows])))
        return training.mean_squared_error(last, jnp.ones((4, 3)))

    return training.optimise(
        loss,
        gaussian(jax.random.key(3), 4),
        optax.adam(1e-2),
        key=jax.random.key(4),
        steps=steps,
        every=5,
        record=lambda stack: {"first": doubled(stack.V[...][0])},
        folder=folder,
        **keywords,
    )


def same_run(a, b):
    for name in ("times", "losses", "records", "parameters"):
        assert distance(getattr(a, name), getattr(b, name)) == 0, name


def test_a_killed_run_goes_on_without_losing_a_step(tmp_path):
    root = str(Path(__file__).parents[2])
    script = PROCESS.format(here=__file__, root=root, folder=str(tmp_path / "killed"))
    killed = subprocess.run([sys.executable, "-c", script], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    reports = []
    resumed = long_run(tmp_path / "killed", progress=lambda *report: reports.append(report))
    whole = long_run(tmp_path / "whole")
    assert reports[0][0] == 45, "the steps before the kill were taken again"
    same_run(resumed, whole)
    same_run(
        long_run(tmp_path / "whole", progress=lambda *_: pytest.fail("nothing is left")), whole
    )


def test_a_finished_run_goes_on_for_more_steps_and_refuses_fewer(tmp_path):
    long_run(tmp_path / "run", steps=40)
    same_run(long_run(tmp_path / "run", steps=60), long_run(None, steps=60))
    with pytest.raises(ValueError, match="holds 60 steps of this run, got steps = 20.*as many or"):
        long_run(tmp_path / "run", steps=20)


def descent(folder, *, loss=quadratic, start=(0.0, 5.0), rate=0.1, **keywords):
    keywords = {"steps": 4, "every": 2, **keywords}
    if not isinstance(start, Linear):
        start = scalars(*start)
    return training.gradient_descent(loss, start, rate=rate, folder=folder, **keywords)


def tilted(by):
    return lambda stack: quadratic(stack) + jnp.sum(by * stack.theta[...])


def compiled(target):
    """Its data stays inside the program of `jax.jit`: no derivative takes it out."""
    return jax.jit(lambda stack: jnp.sum((stack.theta[...] - target) ** 2))


ANOTHER = {
    "rate": ("step", {"rate": 0.1 + 1e-12}),
    "loss": ("step", {"loss": lambda stack: quadratic(stack) / 2 + 5}),
    "number in the loss": ("step", {"loss": tilted(0.25)}),
    "data in the loss": ("step", {"loss": tilted(jnp.array([[[0.5]], [[0.25]]]))}),
    "data in a compiled loss": (
        "step",
        {"loss": compiled(jnp.array([[[0.5]], [[0.25]]]))},
    ),
    "clip": ("step", {"clip": training.clip_coordinates(1e-3)}),
    "start": ("start", {"start": (0.0, 5.5)}),
    "shapes with the same numbers": (
        "start",
        {"start": jax.tree.map(lambda leaf: leaf.reshape(1, 2, 1), scalars(0.0, 5.0))},
    ),
    "type with the same numbers": (
        "start",
        {"start": jax.tree.map(lambda leaf: leaf.astype(jnp.float32), scalars(0.0, 5.0))},
    ),
    "record": ("record", {"record": lambda stack: stack.theta[...]}),
    "every": ("every", {"every": 1}),
}


@pytest.mark.parametrize("what", ANOTHER)
def test_a_folder_holds_one_run(what, tmp_path):
    name, changes = ANOTHER[what]
    same_program = {"data in the loss": tilted, "data in a compiled loss": compiled}
    other_data = jnp.array([[[0.5]], [[0.5]]])
    first = {"loss": same_program[what](other_data)} if what in same_program else {}
    descent(tmp_path, **first)
    with pytest.raises(
        ValueError, match=f"holds another run: its {name}.* here it is.* Name anoth"
    ):
        descent(tmp_path, **changes)
    descent(tmp_path, **first)  # what was there is still there


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": optax.adam(1e-2)},
        {"optimizer": optax.sgd(optax.cosine_decay_schedule(0.1, 8))},
        {"key": jax.random.key(1)},
    ],
    ids=["optimiser", "schedule", "key"],
)
def test_a_folder_holds_one_optimiser_schedule_and_key(changes, tmp_path):
    def run(optimizer=optax.sgd(optax.cosine_decay_schedule(0.1, 4)), key=jax.random.key(0)):  # noqa: B008
        training.optimise(
            lambda stack, key: quadratic(stack) * jax.random.uniform(key),
            scalars(0.0, 1.0),
            optimizer,
            steps=4,
            key=key,
            folder=tmp_path,
        )

    run()
    with pytest.raises(ValueError, match="holds another run: its (step|start)"):
        run(**changes)


def test_what_python_computes_in_a_run_cannot_be_known_again(tmp_path):
    def loss(stack):
        weight = jax.pure_callback(lambda: np.float64(1), jax.ShapeDtypeStruct((), float))
        return jax.lax.stop_gradient(weight) * quadratic(stack)

    with pytest.raises(ValueError, match="got pure_callback: .* Write it in JAX, or train without"):
        descent(tmp_path, loss=loss)
    assert np.isfinite(descent(None, loss=loss).losses).all()


def test_a_run_of_another_version_of_jax_is_named_as_such(tmp_path, monkeypatch):
    descent(tmp_path)
    now = jax.__version__
    monkeypatch.setattr(jax, "__version__", "0.1")
    with pytest.raises(ValueError, match=f"its version of JAX is {now}, here it is 0.1"):
        descent(tmp_path)


def test_half_precision_and_keys_are_saved(tmp_path):
    stack = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), scalars(0.0, 5.0))
    noisy = optax.chain(optax.add_noise(0.1, 0.55, jax.random.key(0)), optax.sgd(0.1))

    def run(steps, folder):
        return training.optimise(quadratic, stack, noisy, steps=steps, folder=folder)

    run(2, tmp_path)
    same_run(run(4, tmp_path), run(4, None))


def test_a_folder_may_be_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    descent("~/runs")
    assert (tmp_path / "runs" / "run.npz").exists()


@pytest.mark.parametrize("layer", [nnx.BatchNorm, nnx.Dropout])
def test_state_in_a_model_is_not_trained(layer):
    """Beside the stack, too; there `stacks.depth` does not look."""

    class Model(nnx.Module):
        def __init__(self):
            self.head = layer(4, rngs=nnx.Rngs(0))
            self.stack = scalars(0.0, 1.0)

    with pytest.raises(TypeError, match="weights are nnx.Param, got .* at .head"):
        training.depth_gradient(lambda model: quadratic(model.stack), Model())


class Model(nnx.Module):
    """A model of one's own: the stack has another name, and every array has 3 rows or layers."""

    def __init__(self, key):
        rngs = nnx.Rngs(key)
        self.encoder = nnx.Linear(3, 3, rngs=rngs, param_dtype=float)
        self.layers = stacks.iid(Biased, key, 3)
        self.decoder = nnx.Linear(3, 3, rngs=rngs, param_dtype=float)

    def __call__(self, x):
        """Return the prediction."""
        return self.decoder(resnet.forward(self.layers, self.encoder(x)))


class Biased(nnx.Module):
    """A layer of one's own, with nested modules."""

    def __init__(self, key):
        self.norm = nnx.LayerNorm(3, rngs=nnx.Rngs(key), param_dtype=float)
        self.linear = nnx.Linear(3, 3, rngs=nnx.Rngs(key), param_dtype=float)

    def __call__(self, h):
        """Return the residual."""
        return jnp.tanh(self.linear(self.norm(h)))


def layers(model):
    return model.layers


@pytest.fixture
def fit_of(data):
    x, y = data
    return lambda model: training.mean_squared_error(model(x), y)


def test_only_the_stack_of_a_model_is_scaled(key, fit_of):
    """Each array has three rows, or is a vector of three: shapes cannot tell which have depth."""
    model = Model(key)
    euclidean = jax.grad(fit_of)(model)
    _, scaled = training.depth_gradient(fit_of, model, where=layers)
    for (path, was), now in zip(
        jax.tree_util.tree_leaves_with_path(euclidean), jax.tree.leaves(scaled), strict=True
    ):
        factor = 3 if "layers" in jax.tree_util.keystr(path) else 1
        np.testing.assert_allclose(now, factor * was, rtol=1e-14)
        assert jnp.abs(was).max() > 0


def test_a_model_without_a_stack_says_where_it_is(key, fit_of):
    """All arrays of `Model` have a leading axis of 3, as has its stack."""
    for call in (training.depth_gradient, training.depth_norm):
        arguments = (fit_of, Model(key)) if call is training.depth_gradient else (Model(key),)
        with pytest.raises(
            ValueError, match="coder is one nnx.Linear and no stack.*say which part"
        ):
            call(*arguments)


def test_the_norm_of_a_model_forgets_nothing(key):
    model = Model(key)
    squares = {
        jax.tree_util.keystr(path): float(jnp.sum(leaf**2))
        for path, leaf in jax.tree_util.tree_leaves_with_path(model)
    }
    expected = sum(s / 3 if "layers" in path else s for path, s in squares.items())
    assert len(squares) == 8
    assert training.depth_norm(model, where=layers) ** 2 == pytest.approx(expected, rel=1e-14)


def test_a_subclass_of_our_network_keeps_its_bias(key):
    class Shifted(ResNet):
        def __init__(self, *parts):
            super().__init__(*parts)
            self.bias = nnx.Param(jnp.array([3.0, 4.0, 0.0]))

    stack = scalars(0.0, 0.0)
    assert training.depth_norm(Shifted(jnp.zeros((3, 3)), stack, jnp.zeros((3, 3)))) == 5


def test_a_loop_of_ones_own_is_ours(key, fit_of):
    """``nnx.Optimizer`` with the factor as a transformation, against `gradient_descent`."""
    model = Model(key)
    ours = training.gradient_descent(fit_of, model, rate=0.05, steps=10, where=layers).parameters
    chain = optax.chain(training.scale_by_depth(layers), optax.sgd(0.05))
    theirs = nnx.clone(model)
    optimizer = nnx.Optimizer(theirs, chain, wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        optimizer.update(model, nnx.grad(fit_of)(model))

    for _ in range(10):
        step(theirs, optimizer)
    assert distance(nnx.state(ours), nnx.state(theirs)) < 1e-13
    assert distance(nnx.state(ours), nnx.state(model)) > 1e-2


def test_our_network_is_an_ordinary_module(key):
    """``nnx.split``, ``nnx.merge``, ``nnx.jit`` and ``nnx.Optimizer`` with momentum."""
    model = ResNet.at_identity(key, inputs=2, outputs=1, width=3, hidden=5, depth=4)
    x, y = jnp.ones((4, 2)), jnp.ones((4, 1))
    loss = lambda model: training.mean_squared_error(model(x), y)  # noqa: E731
    ours = training.optimise(loss, model, optax.adam(0.1), steps=5).parameters
    graph, state = nnx.split(model)
    merged = nnx.merge(graph, state)
    np.testing.assert_array_equal(nnx.jit(lambda model: model(x))(merged), model(x))
    chain = optax.chain(training.scale_by_depth(), optax.adam(0.1))
    optimizer = nnx.Optimizer(merged, chain, wrt=nnx.Param)
    for _ in range(5):
        optimizer.update(merged, nnx.grad(loss)(merged))
    assert distance(nnx.state(ours), nnx.state(merged)) < 1e-12
