import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resode_lib import variable_width
from resode_lib.diagnostics import observed_slope
from resode_lib.variable_width import Network

WIDTHS = [8, 16, 32, 64]


def moved(width):
    s = np.linspace(0, 1, width + 1)
    return variable_width.midpoint_rule(jnp.asarray(s + 0.3 * s * (1 - s)))


def ends_included(width):
    s = np.linspace(0, 1, width)
    return variable_width.trapezoid(jnp.asarray(s + 0.3 * s * (1 - s)))


GRIDS = pytest.mark.parametrize("make", [variable_width.uniform, moved, ends_included])


def cells_of(make):
    return [width - (make is ends_included) for width in WIDTHS]


@GRIDS
def test_the_weights_are_those_of_a_second_order_quadrature(make):
    grids = [make(width) for width in WIDTHS]
    np.testing.assert_allclose([float(grid.weights.sum()) for grid in grids], 1)
    linear = [float(grid.weights @ (1 + 2 * grid.nodes)) for grid in grids]
    np.testing.assert_allclose(linear, 2)
    errors = [abs(float(grid.weights @ jnp.exp(grid.nodes)) - np.expm1(1)) for grid in grids]
    # The error is h^2/24 int f'' + O(h^4): the slope is 2 within h^2.
    assert observed_slope(cells_of(make), errors).value == pytest.approx(-2, abs=0.05)


def test_gauss_is_exact_up_to_degree_2m_minus_1_and_no_further():
    grid = variable_width.gauss(4)
    errors = [abs(float(grid.weights @ grid.nodes**p) - 1 / (p + 1)) for p in range(9)]
    assert max(errors[:8]) < 1e-14
    assert errors[8] > 1e-5  # (4!)^4 / (9 (8!)^2) = 2.3e-5


def test_random_nodes_weigh_the_same_and_their_mean_errs_like_one_over_root_m():
    grids = [variable_width.random(jax.random.key(seed), 100) for seed in range(200)]
    assert all((np.diff(grid.nodes) > 0).all() for grid in grids)
    np.testing.assert_allclose(grids[0].weights, 0.01)
    errors = [float(grid.weights @ grid.nodes) - 0.5 for grid in grids]
    # The variance of a uniform variable is 1/12; 200 draws give its root within 20 %.
    assert np.std(errors) == pytest.approx(np.sqrt(1 / 1200), rel=0.2)


def test_a_linear_function_is_transferred_exactly_beyond_the_outer_nodes_too():
    coarse, fine = variable_width.uniform(4), moved(16)
    line = variable_width.interpolate(1 + 3 * coarse.nodes, coarse, fine)
    np.testing.assert_allclose(line, 1 + 3 * fine.nodes, rtol=1e-13)


def test_a_transfer_to_the_same_grid_changes_nothing():
    grid = moved(9)
    values = jnp.cos(10 * grid.nodes)
    np.testing.assert_allclose(variable_width.interpolate(values, grid, grid), values, rtol=1e-13)


def separable(activation):
    return Network(
        lambda s, x, xi: jnp.exp(x) * xi + 0 * s, lambda s, x: jnp.zeros_like(x), activation
    )


def test_a_linear_network_of_continuous_width_is_its_closed_form():
    # With w = e^x xi, z_0 = x^2 and q_k = int xi z_k: q_0 = 1/4 and q_{k+1} = (1 + 1/L) q_k.
    depth, errors = 3, []
    for width in WIDTHS:
        grid = variable_width.uniform(width)
        end = variable_width.forward(separable(lambda y: y), grid.nodes**2, [grid] * (depth + 1))
        exact = grid.nodes**2 + jnp.exp(grid.nodes) / 4 * ((1 + 1 / depth) ** depth - 1)
        errors.append(float(jnp.abs(end - exact).max()))
    assert observed_slope(WIDTHS, errors).value == pytest.approx(-2, abs=0.05)


def test_a_layer_is_a_dense_layer_with_the_quadrature_in_its_matrix():
    grid, following = variable_width.uniform(4), moved(6)
    z = jnp.sin(grid.nodes)
    got = variable_width.forward(separable(jnp.tanh), z, [grid, following])
    matrix = np.exp(following.nodes)[:, None] * np.asarray(grid.nodes) / 4
    expected = np.asarray(variable_width.interpolate(z, grid, following)) + np.tanh(
        matrix @ np.asarray(z)
    )
    np.testing.assert_allclose(got, expected, rtol=1e-13)
    assert got.shape == (6,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (variable_width.uniform, "at least one cell, got"),
        (variable_width.gauss, "at least one node, got"),
    ],
)
def test_a_grid_has_a_node(make, message):
    with pytest.raises(ValueError, match=f"{message} width 0"):
        make(0)


def test_grids_of_one_width_may_be_stacked():
    pieces = [np.linspace(0, 1, 7) ** power for power in (1, 1.2, 1.5, 1.5)]
    grids = [variable_width.trapezoid(jnp.asarray(nodes)) for nodes in pieces]
    start = jnp.sin(grids[0].nodes)
    one_by_one = variable_width.trajectory(separable(jnp.tanh), start, grids)
    stacked = variable_width.trapezoid(jnp.asarray(np.stack(pieces)))
    together = variable_width.trajectory(separable(jnp.tanh), start, stacked)
    np.testing.assert_allclose(together, np.stack(one_by_one), rtol=1e-13)
    end = variable_width.forward(separable(jnp.tanh), start, stacked)
    np.testing.assert_array_equal(end, together[-1])


def test_a_single_node_has_no_slope():
    with pytest.raises(ValueError, match="at least two nodes, got 1"):
        variable_width.interpolate(
            jnp.ones(1), variable_width.uniform(1), variable_width.uniform(2)
        )


STACKED = variable_width.trapezoid(jnp.asarray(np.tile(np.linspace(0, 1, 4), (3, 1))))


@pytest.mark.parametrize(
    "grids", [[variable_width.uniform(3)], [variable_width.uniform(4)] * 2, STACKED]
)
def test_values_and_grids_must_fit(grids):
    with pytest.raises(ValueError, match=r"L \+ 1 >= 2 grids.*values of shape \(3,\)"):
        variable_width.forward(separable(jnp.tanh), jnp.ones(3), grids)
