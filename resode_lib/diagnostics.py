"""Numbers about a stack or a run: what we measure when a theorem speaks."""

from collections.abc import Callable
from functools import singledispatch
from math import sqrt
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from resode_lib import resnet, stacks, training
from resode_lib._types import Array, Block, Float, Numbers, Scalar, Stack
from resode_lib.blocks import TwoLayer

__all__ = [
    "Slope",
    "depth_lipschitz",
    "ntk",
    "observed_rate",
    "observed_slope",
    "path_length",
    "pl_ratio",
    "refinement_change",
]

FEWEST_POINTS = 4


def depth_lipschitz(stack: Stack) -> Float[Array, ""]:
    """Return ``L max_k ||theta_{k+1} - theta_k||``, the Lipschitz number of the weights in depth.

    The norm of a layer is Euclidean over all its arrays. Slices of a Lipschitz path keep it bounded
    as ``L`` grows; independent layers make it grow like ``L``.

    Raises:
        ValueError: for a single layer.

    Source: :cite:t:`marion2024implicit`, Proposition 3 (its constant ``K``).
    """
    squares = [leaf**2 for leaf in jax.tree.leaves(stacks.increments(stack))]
    return stacks.depth(stack) * jnp.sqrt(jnp.max(sum(squares)))


def refinement_change(loss: Callable[[Stack], Scalar], stack: Stack) -> Float[Array, ""]:
    """Return ``|loss(2L layers) - loss(L layers)| / loss(L layers)``: is the network an ODE?

    The layers in between are linear interpolations. Slices of a smooth path give ``O(1/L)``. It
    is the linear interpolation that sees roughness: repeating every layer gives ``O(1/L)`` for
    any bounded weights. And it sees it through residuals that are nonlinear in the weights only:
    of a linear one the interpolated layers keep the sum.

    Args:
        loss: the loss of a stack of any depth.
        stack: the weights.

    Source: after :cite:t:`ott2021resnet`.
    """
    finer = stacks.resample(stack, 2 * stacks.depth(stack))
    value = jnp.asarray(loss(stack))
    return jnp.abs(loss(finer) - value) / value


def pl_ratio(
    loss: Callable[[Any], Scalar], parameters: Any, *, where: training.Where = training.residual
) -> Float[Array, ""]:
    """Return ``||depth gradient||^2 / loss`` in the norm of depth: the local PL constant here.

    Along the gradient flow it is the rate at which ``-log(loss)`` grows. The minimal value of the
    loss is taken to be 0, and there is no factor 1/2: with the convention
    ``1/2 ||gradient||^2 >= mu loss`` the constant is half of it.

    Args:
        loss: the loss of the parameters.
        parameters: a stack or a model.
        where: which part of a model is the stack.

    Source: :cite:t:`marion2024implicit`, Definition 1.
    """
    value, gradient = training.depth_gradient(loss, parameters, where=where)
    return training.depth_norm(gradient, where=where) ** 2 / value


def path_length(records: Any, *, where: training.Where = training.residual) -> Float[Array, ""]:
    """Return the length of a training path, ``sum_r depth_norm(theta_{r+1} - theta_r)``.

    Args:
        records: parameters with a leading axis of training times, as `training.Trajectory` keeps
            them with ``record=lambda parameters: parameters``.
        where: which part of a model is the stack.
    """
    moves = jax.tree.map(lambda leaf: leaf[1:] - leaf[:-1], records)
    return jnp.sum(jax.vmap(lambda move: training.depth_norm(move, where=where))(moves))


class Slope(NamedTuple):
    """A slope in a log-log plot and half the width of its 95 % confidence interval."""

    value: float
    half_width: float

    def __str__(self) -> str:
        """Return for example ``-0.994 +- 0.003``."""
        return f"{self.value:.3f} +- {self.half_width:.3f}"


def observed_slope(depths: Numbers, errors: Numbers) -> Slope:
    """Fit ``errors ~ c * depths**slope`` by least squares in logarithms.

    A method of order ``p`` shows a slope near ``-p``. The interval is Student's, so it says how
    straight the line is, not how far the fit is from the limit of infinite depth.

    Args:
        depths: at least four depths, increasing.
        errors: the error at each depth, positive, float64.

    Returns:
        The slope with half the width of its 95 % confidence interval.

    Raises:
        ValueError: for fewer than four points, shapes that differ, errors not positive and finite.
        TypeError: for errors in float32, whose rounding floor reads as a rate.

    Example:
        >>> print(observed_slope([8, 16, 32, 64], [1 / 8, 1 / 16, 1 / 32, 1 / 64]))
        -1.000 +- 0.000
    """
    from scipy.special import stdtrit  # here: most who import this module measure no slope

    x, y = np.asarray(depths, float), np.asarray(errors)
    y = y.astype(float) if y.dtype.kind in "iu" else y  # whole numbers have no rounding floor
    if x.shape != y.shape or x.size < FEWEST_POINTS:
        raise ValueError(
            f"a slope needs at least {FEWEST_POINTS} depths with one error each, got shapes "
            f"{x.shape} and {y.shape}; add depths."
        )
    if y.dtype != np.float64:
        raise TypeError(
            f"a rate is measured in float64, got {y.dtype}; call notebook.start() or "
            'jax.config.update("jax_enable_x64", True) before making arrays.'
        )
    if not (np.isfinite(y).all() and (y > 0).all()):
        raise ValueError(f"errors must be positive and finite to have a logarithm, got {y}.")
    x, y = np.log(x), np.log(y)
    x = x - x.mean()
    slope = x @ y / (x @ x)
    residual = y - y.mean() - slope * x
    freedom = x.size - 2
    spread = np.sqrt(residual @ residual / freedom / (x @ x))
    return Slope(float(slope), float(stdtrit(freedom, 0.975) * spread))


def observed_rate(times: Numbers, values: Numbers) -> Slope:
    """Fit ``values ~ c * exp(rate * times)`` by least squares in logarithms.

    Exponential decay shows a negative rate. It is a power of ``exp(times)``, so interval and
    errors are those of `observed_slope`. Choose the window of times before: where the values
    reach a floor, or still a transient, no single rate exists.

    Args:
        times: at least four times, increasing.
        values: the value at each time, positive, float64.
    """
    return observed_slope(np.exp(np.asarray(times, float)), values)


def ntk(
    stack: Stack, h: Float[Array, "n *tokens d"], *, step_size: Scalar | int | None = None
) -> Float[Array, "no no"]:
    r"""Return the Gram matrix of the neural tangent kernel of ``h_0 -> h_L`` at these samples.

    .. math:: K_{(i,a),(j,b)} = L \sum_k \langle \partial_{\theta_k} h_{L,i,a},
        \partial_{\theta_k} h_{L,j,b} \rangle

    for outputs ``a``, ``b`` of the samples ``i``, ``j``, and the Euler scheme. The factor ``L`` is
    that of the inner product in depth (see `resode_lib.training.depth_gradient`): every derivative
    is ``O(1/L)``, ``K`` is ``O(1)``. For a loss ``1/n sum_i ||h_{L,i} - y_i||^2`` it gives
    ``||depth gradient||^2 >= 4/n lambda_min(K) loss``.

    One pass from the last layer to the first adds the share of each layer. The Jacobian, a row for
    every output with an entry for every weight, is never built.

    Args:
        stack: the weights, leading axis ``L``; a layer must treat the samples one by one.
        h: the input states of ``n`` samples, shape (n, ..., d), such as (n, tokens, d).
        step_size: what multiplies each residual, ``1/L`` unless given.

    Returns:
        A symmetric matrix, one row for each of the ``n o`` outputs, those of one sample side by
        side.

    Raises:
        ValueError: if there is no axis of samples, or a layer mixes them, as a batch normalisation
            does (seen outside of compiled code only).
    """
    if h.ndim < 2:
        raise ValueError(f"ntk needs samples, shape (n, ..., d), got {h.shape}; give h[None].")
    n, o = h.shape[0], h[0].size
    ds = resnet.step_or_default(step_size, stack)
    states = resnet.trajectory(stack, h, step_size=ds)[:-1]
    _require_separate_samples(jax.tree.map(lambda leaf: leaf[0], stack), h)

    def back(carry: tuple, layer: tuple[Block, Array]) -> tuple[tuple, None]:
        R, K = carry
        share, R_next = layer_kernel(*layer, R)
        return (R + ds * R_next, K + share), None

    identity = jnp.broadcast_to(
        jnp.eye(o, dtype=h.dtype).reshape(o, *h.shape[1:]), (n, o, *h.shape[1:])
    )
    start = (identity, jnp.zeros((n * o, n * o), h.dtype))
    (_, K), _ = jax.lax.scan(back, start, (stack, states), reverse=True)
    return stacks.depth(stack) * ds**2 * K


def _require_separate_samples(block: Block, h: Array) -> None:
    together, alone = block(h), jax.vmap(lambda each: block(each[None])[0])(h)
    distance = jnp.abs(together - alone).max()
    if not isinstance(distance, jax.core.Tracer):
        size, eps = jnp.abs(together).max(), jnp.finfo(h.dtype).eps
        if distance > jnp.sqrt(eps) * size:
            raise ValueError(
                f"ntk needs layers that treat samples one by one; alone, they differ by {distance} "
                "from the batch. Fix the moments of a normalisation, as images.with_moments does."
            )


@singledispatch
def layer_kernel(
    block: Block, h: Float[Array, "n *tokens d"], R: Float[Array, "n o *tokens d"]
) -> tuple[Float[Array, "no no"], Float[Array, "n o *tokens d"]]:
    """Return ``J J^T`` with ``J = R df/dtheta``, and ``R df/dh``: the share of a layer in `ntk`.

    For any block it builds ``J``, one row per output, of this layer only. A block whose ``J J^T``
    has a structure registers its own function, as `TwoLayer` does.

    Args:
        block: the layer.
        h: the states before it, shape (n, ..., d).
        R: the derivative of ``o`` outputs in the state behind it, shape (n, o, ..., d).
    """

    def of_sample(h: Array, R: Array) -> tuple[Block, Array]:
        _, pullback = jax.vjp(lambda block, h: block(h[None])[0], block, h)
        return jax.vmap(pullback)(R)

    gradients, R_next = jax.vmap(of_sample)(h, R)
    leaves = [leaf.reshape(R.shape[0] * R.shape[1], -1) for leaf in jax.tree.leaves(gradients)]
    return jnp.asarray(sum(J @ J.T for J in leaves)), R_next


@layer_kernel.register
def _(
    block: TwoLayer, h: Float[Array, "n *tokens d"], R: Float[Array, "n o *tokens d"]
) -> tuple[Float[Array, "no no"], Float[Array, "n o *tokens d"]]:
    """Use that the rows of ``J`` are products: ``R x z`` for ``V`` and ``U x h`` for ``W``."""
    if h.ndim > 2:  # sums of products over tokens
        return layer_kernel.dispatch(object)(block, h, R)
    V, W = block.V[...], block.W[...]
    m, d = W.shape
    a = h @ W.T / sqrt(d)
    z, slope = jax.jvp(block.activation, (a,), (jnp.ones_like(a),))
    U = (R @ V) * slope[:, None, :] / sqrt(m)
    share = _products(R) * _repeated(z @ z.T / m, R) + _products(U) * _repeated(h @ h.T / d, R)
    return share, U @ W / sqrt(d)


def _products(R: Float[Array, "n o d"]) -> Float[Array, "no no"]:
    """Return the inner products of all rows."""
    rows = R.reshape(-1, R.shape[-1])
    return rows @ rows.T


def _repeated(gram: Float[Array, "n n"], R: Float[Array, "n o d"]) -> Float[Array, "no no"]:
    """Return the matrix between samples as one between outputs of samples."""
    outputs = R.shape[1]
    return jnp.repeat(jnp.repeat(gram, outputs, axis=0), outputs, axis=1)
