"""Networks of continuous width: layers are integral operators, a grid makes them matrices.

The state of a network of continuous depth and width is a function ``z(t, x)`` of ``x`` in
``[0, 1]`` with ``dz/dt = sigma(int w(t, x, xi) z(t, xi) dxi + b(t, x))``. Its width is the number
of grid cells, which may change from layer to layer.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from resode_lib._types import Array, Float, Scalar

__all__ = ["Grid", "Network", "Transfer", "cells", "forward", "interpolate", "uniform"]

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


def cells(edges: Float[Array, " edges"]) -> Grid:
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
    return cells(jnp.arange(width + 1) / width)


class Network(NamedTuple):
    """The weights as functions of depth and of the position in a layer.

    Attributes:
        kernel: ``w(t, x, xi)``, from the position ``xi`` to ``x``; takes arrays that broadcast.
        bias: ``b(t, x)``.
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
    grids: Sequence[Grid],
    *,
    transfer: Transfer = interpolate,
) -> Float[Array, " m2"]:
    """Return the values on the last grid, after one layer between each grid and the next.

    ``z_{k+1} = I_k z_k + 1/L sigma(w_k H_k z_k + b_k)`` with the weights ``H_k`` of a grid and
    the transfer ``I_k`` to the next one: a residual network of variable width. Between
    equal grids linear interpolation transfers the values as they are.

    Args:
        network: kernel, bias and activation.
        values: ``z_0`` on the first grid.
        grids: ``L + 1`` grids.
        transfer: between two grids.

    Raises:
        ValueError: if there are fewer than two grids, or the values do not fit the first.

    Source: after :cite:t:`esteve2020large`, continuous space-time networks.
    """
    if len(grids) < 2 or values.shape != grids[0].nodes.shape:
        raise ValueError(
            f"L layers need L + 1 >= 2 grids and a value at each first node, got {len(grids)} "
            f"grids and values of shape {values.shape}."
        )
    depth = len(grids) - 1
    for k, (grid, following) in enumerate(zip(grids[:-1], grids[1:], strict=True)):
        residual = _residual(network, k / depth, values, grid, following.nodes)
        values = transfer(values, grid, following) + residual / depth
    return values


def _residual(network: Network, t: float, values: Array, grid: Grid, nodes: Array) -> Array:
    """Return ``sigma(sum_j w(t, x_i, xi_j) h_j z_j + b(t, x_i))`` at the following nodes."""
    rows = jax.vmap(lambda x: jnp.sum(network.kernel(t, x, grid.nodes) * grid.weights * values))
    return network.activation(rows(nodes) + network.bias(t, nodes))
