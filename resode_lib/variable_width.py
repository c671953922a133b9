"""Networks of continuous width: layers are integral operators, a grid makes them matrices.

The state of a network of continuous depth and width is a function ``z(s, x)`` of ``x`` in
``[0, 1]`` with ``dz/ds = sigma(int w(s, x, xi) z(s, xi) dxi + b(s, x))``. Its width is the number
of nodes of a quadrature, which may change from layer to layer.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from resode_lib._types import Array, Float, Key, Scalar

__all__ = [
    "Grid",
    "Network",
    "Transfer",
    "forward",
    "gauss",
    "interpolate",
    "layer",
    "midpoint_rule",
    "random",
    "trajectory",
    "trapezoid",
    "uniform",
]

Values = Float[Array, " m"]
Transfer = Callable[[Values, "Grid", "Grid"], Float[Array, " m2"]]
"""How values move from one grid to another, ``(values, grid, following) -> values``."""


class Grid(NamedTuple):
    """Points of [0, 1] and what each of them weighs in an integral.

    Attributes:
        nodes: increasing, shape (m,); ``m`` is the width of the layer.
        weights: shape (m,); they sum to one.
    """

    nodes: Values
    weights: Values


def midpoint_rule(edges: Float[Array, " edges"]) -> Grid:
    """Return the midpoint rule on the cells between ``edges``: second order in the largest cell.

    Args:
        edges: increasing, from 0 to 1, shape (m + 1,).
    """
    return Grid((edges[1:] + edges[:-1]) / 2, edges[1:] - edges[:-1])


def uniform(width: int) -> Grid:
    """Return ``m`` cells of length ``1/m``.

    Raises:
        ValueError: if there is no cell.
    """
    if width < 1:
        raise ValueError(f"a grid needs at least one cell, got width {width}.")
    return midpoint_rule(jnp.arange(width + 1) / width)


def trapezoid(nodes: Float[Array, "*layers m"]) -> Grid:
    """Return the trapezoidal rule on nodes from 0 to 1: second order in the largest spacing.

    Both ends are nodes, so that linear interpolation to a grid of the same kind takes averages.

    Args:
        nodes: increasing, from 0 to 1, shape (m,) or (L + 1, m), a grid for each layer.
    """
    halves = (nodes[..., 1:] - nodes[..., :-1]) / 2
    nothing = jnp.zeros_like(halves[..., :1])
    before = jnp.concatenate([nothing, halves], axis=-1)
    return Grid(nodes, before + jnp.concatenate([halves, nothing], axis=-1))


def gauss(width: int) -> Grid:
    """Return Gauss' rule, which integrates polynomials of degree ``2m - 1`` exactly.

    Raises:
        ValueError: if there is no node.
    """
    if width < 1:
        raise ValueError(f"Gauss' rule needs at least one node, got width {width}.")
    nodes, weights = np.polynomial.legendre.leggauss(width)  # on [-1, 1]
    return Grid(jnp.asarray((nodes + 1) / 2), jnp.asarray(weights / 2))


def random(key: Key, width: int) -> Grid:
    """Return ``m`` independent uniform nodes, in increasing order, of weight ``1/m`` each."""
    return Grid(jnp.sort(jax.random.uniform(key, (width,))), jnp.full(width, 1 / width))


class Network(NamedTuple):
    """The weights as functions of depth and of the position in a layer.

    Attributes:
        kernel: ``w(s, x, xi)``, from the position ``xi`` to ``x``; takes arrays that broadcast.
        bias: ``b(s, x)``.
        activation: elementwise function ``sigma``.
    """

    kernel: Callable[[Scalar, Array, Array], Array]
    bias: Callable[[Scalar, Array], Array]
    activation: Callable[[Array], Array] = jnp.tanh


def interpolate(values: Values, grid: Grid, following: Grid) -> Float[Array, " m2"]:
    """Return the values at the following nodes by linear interpolation, extrapolated at the ends.

    One transfer costs ``O(1/m^2)``, so a network of fixed depth keeps the second order. Grids
    that creep, by less than a cell from layer to layer, lose it as the depth grows with the
    width: the errors of all transfers add up to ``O(1/m)``, as numerical diffusion.

    Raises:
        ValueError: for a grid of a single node, which has no slope.
    """
    if len(grid.nodes) < 2:
        raise ValueError("interpolation needs at least two nodes, got 1; take a wider layer.")
    ends = {"left": "extrapolate", "right": "extrapolate"}
    return jnp.interp(following.nodes, grid.nodes, values, **ends)


def forward(
    network: Network,
    values: Values,
    grids: Sequence[Grid] | Grid,
    *,
    transfer: Transfer = interpolate,
) -> Float[Array, " m2"]:
    """Return the values on the last grid, after one layer between each grid and the next.

    Errors and source as for `trajectory`.

    Args:
        network: kernel, bias and activation.
        values: ``z_0`` on the first grid.
        grids: as in `trajectory`.
        transfer: between two grids.
    """
    return trajectory(network, values, grids, transfer=transfer)[-1]


def trajectory(
    network: Network,
    values: Values,
    grids: Sequence[Grid] | Grid,
    *,
    transfer: Transfer = interpolate,
) -> Sequence[Array] | Array:
    """Return ``z_0, ..., z_L``, the values on each of the grids.

    ``z_{k+1} = I_k z_k + 1/L sigma(w_k H_k z_k + b_k)`` with the weights ``H_k`` of a grid and
    the transfer ``I_k`` to the next one: a residual network of variable width. Between
    equal grids linear interpolation transfers the values as they are.

    Args:
        network: kernel, bias and activation.
        values: ``z_0`` on the first grid.
        grids: ``L + 1`` grids; or, all of one width, one whose arrays have a leading axis
            ``L + 1``. Then the layers are one compiled loop, and the result is one array.
        transfer: between two grids.

    Raises:
        ValueError: if there are fewer than two grids, or the values do not fit the first.

    Source: after :cite:t:`esteve2020large`, continuous space-time networks.
    """
    alike = isinstance(grids, Grid)
    count = len(grids.nodes) if alike else len(grids)
    first = grids.nodes[0].shape if alike else grids[0].nodes.shape
    if count < 2 or values.shape != first:
        raise ValueError(
            f"L layers need L + 1 >= 2 grids and a value at each first node, got {count} "
            f"grids and values of shape {values.shape}."
        )
    depth = count - 1

    if not alike:
        states = [values]
        for k in range(depth):
            now, following = grids[k], grids[k + 1]
            states.append(
                layer(network, k / depth, states[-1], now, following, 1 / depth, transfer)
            )
        return states

    def step(values: Array, each: tuple) -> tuple[Array, Array]:
        k, now, following = each
        values = layer(network, k / depth, values, now, following, 1 / depth, transfer)
        return values, values

    before, after = Grid(*(leaf[:-1] for leaf in grids)), Grid(*(leaf[1:] for leaf in grids))
    _, states = jax.lax.scan(step, values, (jnp.arange(depth), before, after))
    return jnp.concatenate([values[None], states])


def layer(
    network: Network,
    s: Scalar,
    values: Values,
    grid: Grid,
    following: Grid,
    step: Scalar,
    transfer: Transfer = interpolate,
) -> Float[Array, " m2"]:
    """Return ``I z + step sigma(w H z + b)`` on the following grid.

    Args:
        network: kernel, bias and activation.
        s: depth.
        values: ``z`` on the grid.
        grid: where the layer reads.
        following: where it writes.
        step: the factor of the residual, ``1/L``.
        transfer: ``I``.
    """
    read = grid.weights * values
    rows = jax.vmap(lambda x: jnp.sum(network.kernel(s, x, grid.nodes) * read))(following.nodes)
    residual = network.activation(rows + network.bias(s, following.nodes))
    return transfer(values, grid, following) + step * residual
