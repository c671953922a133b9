import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import simpson

from resode_lib import diagnostics, resnet, stacks, training
from resode_lib.blocks import Linear, TwoLayer
from resode_lib.diagnostics import observed_slope

DEPTHS = np.array([8, 16, 32, 64, 128])


def test_a_power_law_is_recovered():
    slope = observed_slope(DEPTHS, 3.0 * DEPTHS**-2.0)
    assert slope.value == pytest.approx(-2, abs=1e-12)
    assert slope.half_width < 1e-10


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    noisy = [
        observed_slope(DEPTHS, DEPTHS**-1.0 * np.exp(0.1 * rng.standard_normal(5)))
        for _ in range(400)
    ]
    covered = np.mean([abs(slope.value + 1) <= slope.half_width for slope in noisy])
    assert 0.92 <= covered <= 0.98  # 95 % with a standard deviation of 1.1 % over 400 draws


def test_fewer_than_four_points_show_no_rate():
    with pytest.raises(ValueError, match="at least 4 depths"):
        observed_slope([8, 16, 32], [1.0, 0.5, 0.25])


def test_float32_is_refused():
    with pytest.raises(TypeError, match="measured in float64, got float32"):
        observed_slope(DEPTHS, (1 / DEPTHS).astype(np.float32))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, np.nan])
def test_errors_without_a_logarithm_are_refused(bad):
    with pytest.raises(ValueError, match="positive and finite"):
        observed_slope(DEPTHS, np.array([1.0, 0.5, bad, 0.1, 0.05]))


def line(s):
    """Weights on a line: the norm of the derivative in depth is 5."""
    return Linear(s * jnp.array([[3.0, 0.0], [0.0, 4.0]]))


def independent(depth, key):
    return stacks.iid(lambda key: Linear(jax.random.normal(key, (2, 2))), key, depth)


def test_the_depth_lipschitz_number_is_the_lipschitz_constant_of_the_path():
    for depth in (8, 64):
        stack = stacks.sample(line, depth)
        assert diagnostics.depth_lipschitz(stack) == pytest.approx(5, rel=1e-12)


def test_independent_layers_have_no_lipschitz_number(key):
    numbers = [float(diagnostics.depth_lipschitz(independent(depth, key))) for depth in (16, 256)]
    assert numbers[1] > 10 * numbers[0]


def linear_loss(stack):
    return jnp.sum(resnet.forward(stack, jnp.ones((1, 2))) ** 2)


def refinement_slope(stack_of):
    depths = [16, 32, 64, 128]
    changes = [diagnostics.refinement_change(linear_loss, stack_of(depth)) for depth in depths]
    return diagnostics.observed_slope(depths, np.array(changes)).value


def test_refinement_sees_an_ode():
    assert refinement_slope(lambda depth: stacks.sample(line, depth)) == pytest.approx(-1, abs=0.1)


def test_refinement_sees_roughness(key):
    """Independent ``W_k`` with ``V_k = W_k^T``: halfway the residual has half the mean.

    The network follows the mean field, the refined one a weaker one: an error of order one.
    """

    def draw(key):
        W = jax.random.normal(key, (16, 2))
        return TwoLayer(W.T, W)

    assert refinement_slope(lambda depth: stacks.iid(draw, key, depth)) > -0.2


def test_the_pl_ratio_of_a_quadratic_is_its_curvature():
    """``l = 1/L sum_k theta_k^2 / 2 * 6``: gradient ``6 theta_k``, ratio ``36 / 3 = 12``."""
    stack = jax.vmap(Linear)(jnp.array([1.0, 2.0, 3.0])[:, None, None])
    ratio = diagnostics.pl_ratio(lambda stack: 3 * jnp.mean(stack.theta[...] ** 2), stack)
    assert ratio == pytest.approx(12)


def test_the_pl_ratio_integrates_to_the_logarithm_of_the_loss(key):
    """The energy identity: along the flow ``-log(l(T) / l(0))`` is the integral of the ratio."""
    times = jnp.linspace(0.0, 1.0, 201)
    run = training.gradient_flow(
        linear_loss,
        independent(4, key),
        times=times,
        record=lambda stack: diagnostics.pl_ratio(linear_loss, stack),
        tolerance=1e-10,
    )
    lost = -np.log(run.losses[-1] / run.losses[0])
    # Simpson's rule on 200 cells of a smooth function.
    assert simpson(run.records, x=times) == pytest.approx(lost, rel=1e-5)


def test_the_path_length_of_a_straight_walk_is_its_distance():
    corners = jnp.array([0.0, 1.0, 3.0])
    records = jax.vmap(lambda t: stacks.sample(lambda s: Linear(t * jnp.eye(2)), 4))(corners)
    assert diagnostics.path_length(records) == pytest.approx(3 * np.sqrt(2))


def test_exponential_decay_is_recovered():
    times = np.linspace(0, 300, 13)
    rate = diagnostics.observed_rate(times, 5 * np.exp(-1.7 * times))
    assert rate.value == pytest.approx(-1.7, abs=1e-12)
    assert rate.half_width < 1e-12
    # The control: a power of time has no rate, and the interval says so.
    assert diagnostics.observed_rate(1 + times, (1 + times) ** -2.0).half_width > 1e-3


def test_whole_numbers_are_errors_like_any():
    slope = diagnostics.observed_slope([8, 16, 32, 64], [64, 32, 16, 8])
    assert slope.value == pytest.approx(-1, abs=1e-12)
