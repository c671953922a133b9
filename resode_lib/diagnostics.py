"""Numbers about a stack or a run: what we measure when a theorem speaks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import stdtrit

from resode_lib import stacks, training
from resode_lib._types import Array, Float, Numbers, Scalar, Stack

__all__ = [
    "Slope",
    "depth_lipschitz",
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
    is the linear interpolation that sees roughness: repeating every layer, or leaving out every
    second one, gives ``O(1/L)`` for any bounded weights. And it sees it through residuals that
    are nonlinear in the weights only: of a linear one the interpolated layers keep the sum.

    Args:
        loss: the loss of a stack of any depth.
        stack: the weights.

    Source: after :cite:t:`ott2021resnet`.
    """
    finer = stacks.sample(stacks.piecewise_linear(stack), 2 * stacks.depth(stack))
    value = jnp.asarray(loss(stack))
    return jnp.abs(loss(finer) - value) / value


def pl_ratio(loss: Callable[[Any], Scalar], parameters: Any) -> Float[Array, ""]:
    """Return ``||depth gradient||^2 / loss`` in the norm of depth: the local PL constant here.

    Along the gradient flow it is the rate at which ``-log(loss)`` grows. The minimal value of the
    loss is taken to be 0, and there is no factor 1/2: with the convention
    ``1/2 ||gradient||^2 >= mu loss`` the constant is half of it.

    Args:
        loss: the loss of the parameters.
        parameters: a stack or a `ResNet`.

    Source: :cite:t:`marion2024implicit`, Definition 1.
    """
    value, gradient = training.depth_gradient(loss, parameters)
    return training.depth_norm(gradient) ** 2 / value


def path_length(records: Any) -> Float[Array, ""]:
    """Return the length of a training path, ``sum_r depth_norm(theta_{r+1} - theta_r)``.

    Args:
        records: parameters with a leading axis of training times, as `training.Trajectory` keeps
            them with ``record=lambda parameters: parameters``.
    """
    moves = jax.tree.map(lambda leaf: leaf[1:] - leaf[:-1], records)
    return jnp.sum(jax.vmap(training.depth_norm)(moves))


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
    x, y = np.asarray(depths, float), np.asarray(errors)
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
