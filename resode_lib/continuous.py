"""Infinite depth to reference accuracy: the limit ODE and the limit of training.

The only door to diffrax, which is imported on the way through it: it takes longer than the rest of
the library together.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.polynomial import chebyshev

from resode_lib._types import Array, Field, Float, Path, Scalar, Stack, State, Times
from resode_lib.resnet import ResNet

__all__ = ["TrainingLimit", "field_of", "solve", "training_limit"]

MAX_STEPS = 100_000
"""The adaptive solver gives up after as many."""

FINAL_ITERATION = 100
"""Picard's iteration stops here at the latest."""


def field_of(path: Path) -> Field:
    """Return ``(s, h) -> f(h, theta(s))``, the field that weights as a function of depth define."""
    return lambda s, h: path(s)(h)


def solve(
    field: Field, h: State, *, times: Times, tolerance: float = 1e-11
) -> Float[Array, "t *batch d"]:
    """Return the solution of ``h' = f(s, h)`` at ``times``, far more exactly than any network.

    An adaptive eighth-order Runge-Kutta method with relative and absolute error control; the
    field must be smooth in ``s``.

    Args:
        field: ``(s, h) -> f(s, h)``.
        h: the state at ``s = 0``, shape (..., d), float64.
        times: increasing points of [0, 1].
        tolerance: relative and absolute tolerance per step.

    Returns:
        The states at ``times``, shape (t, ..., d).

    Raises:
        TypeError: if ``h`` is not float64: a reference in float32 is no reference.
    """
    return evolve(field, h, times=times, observe=lambda h: h, tolerance=tolerance)[0]


def evolve(
    field: Callable[[Scalar, Any], Any],
    start: Any,
    *,
    times: Times,
    observe: Callable[[Any], Any],
    tolerance: float = 1e-11,
) -> tuple[Any, Any]:
    """Solve ``y' = f(t, y)`` for any tree of arrays, keeping only what ``observe`` returns.

    Args:
        field: ``(t, y) -> f(t, y)``, a tree like ``y``.
        start: ``y`` at the first of ``times`` (at 0 if that is positive), float64 arrays.
        times: increasing.
        observe: ``y -> arrays``, evaluated at ``times``.
        tolerance: relative and absolute tolerance per step.

    Returns:
        The observations, every array with a leading axis t, and ``y`` at the last time.

    Raises:
        TypeError: if ``start`` or ``times`` are not float64.
        ValueError: if ``times`` do not increase.
        FloatingPointError: if the solver stops before the last time, as at a blow-up. Inside
            `jax.jit` or `jax.vmap`, which cannot raise, what was not reached is infinite instead.
    """
    import diffrax

    times = np.asarray(times)
    for name, array in (*(("", leaf) for leaf in jax.tree.leaves(start)), ("times in ", times)):
        if array.dtype != jnp.float64:
            raise TypeError(
                f"a reference solution needs {name}float64, got {array.dtype}; call "
                'jax.config.update("jax_enable_x64", True) before making arrays.'
            )
    if not np.all(np.diff(times) > 0):
        raise ValueError(f"times must increase, got {np.asarray(times)}; sort them, each once.")
    leaves, structure = jax.tree.flatten(start)
    outputs = jax.tree.structure(jax.eval_shape(observe, start))

    # The solver sees plain arrays; the modules of a network stay outside.
    def right_hand_side(t: Array, leaves: list, args: Any) -> list:
        return jax.tree.leaves(field(t, jax.tree.unflatten(structure, leaves)))

    def observed_leaves(t: Array, leaves: list, args: Any) -> list:
        return jax.tree.leaves(observe(jax.tree.unflatten(structure, leaves)))

    save = diffrax.SubSaveAt(ts=jnp.asarray(times), fn=observed_leaves)

    @jax.jit
    def run(leaves: list) -> Any:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(right_hand_side),
            diffrax.Dopri8(),
            t0=jnp.minimum(0.0, times[0]),
            t1=times[-1],
            dt0=None,
            y0=leaves,
            saveat=diffrax.SaveAt(subs=(save, diffrax.SubSaveAt(t1=True))),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            max_steps=MAX_STEPS,
            throw=False,  # an error inside would be a call to Python, which no cache can keep
        )
        return solution.ys, solution.result == diffrax.RESULTS.successful

    (observed, last), arrived = run(leaves)
    if not isinstance(arrived, jax.core.Tracer) and not arrived:
        raise FloatingPointError(
            f"the solver did not reach t = {times[-1]:g} within {MAX_STEPS} steps; expected a "
            "solution that stays bounded and is smooth in t. End earlier, or loosen the tolerance."
        )
    last = jax.tree.unflatten(structure, [leaf[0] for leaf in last])
    return jax.tree.unflatten(outputs, observed), last


class TrainingLimit(NamedTuple):
    """The training dynamics of infinitely deep networks, at chosen training times.

    Attributes:
        times: training times, shape (r,).
        losses: the loss at each of them, shape (r,).
        models: ``A``, the weights at the Chebyshev points of depth, and ``B``; every array with a
            leading axis r.
    """

    times: Float[Array, " r"]
    losses: Float[Array, " r"]
    models: ResNet

    def sample(self, depth: int) -> Stack:
        """Return the weights at ``s_k = k/L``, every array of shape (r, L, ...)."""
        points = jax.tree.leaves(self.models.stack)[0].shape[1]
        weights = jnp.asarray(_interpolation(points, np.arange(depth) / depth))
        return jax.tree.map(
            lambda leaf: jnp.einsum("kp,rp...->rk...", weights, leaf), self.models.stack
        )


def training_limit(
    model: ResNet,
    path: Path,
    x: Float[Array, "n inputs"],
    y: Float[Array, "n outputs"],
    *,
    times: Times,
    points: int = 17,
    tolerance: float = 1e-9,
) -> TrainingLimit:
    r"""Solve the limit as ``L`` grows of the gradient flow on ``1/n sum_i ||B H_i(1) - y_i||^2``.

    With :math:`H_i' = f(H_i, Z)`, :math:`H_i(0) = A x_i` and the costates
    :math:`P_i' = -\partial_1 f(H_i, Z)^\top P_i`, :math:`P_i(1) = 2 B^\top (B H_i(1) - y_i)`,

    .. math:: \partial_t Z(s) = -\tfrac1n \sum_i \partial_2 f(H_i(s), Z(s))^\top P_i(s), \quad
        \dot A = -\tfrac1n \sum_i P_i(0) x_i^\top, \quad
        \dot B = -\tfrac2n \sum_i (B H_i(1) - y_i) H_i(1)^\top.

    No layers here: depth is represented by polynomials through Chebyshev points, states and
    costates by the integral equations, so that a network can be compared with something else than
    a network. Spectral accuracy in depth; the weights must be smooth in it.

    Args:
        model: its ``A`` and ``B`` are the start; its stack is not used.
        path: the weights at the start of training, smooth in depth.
        x: inputs.
        y: targets.
        times: increasing training times, the first at 0.
        points: how many Chebyshev points in depth.
        tolerance: of the adaptive solver in training time.

    Raises:
        TypeError: unless the parameters are float64.

    Source: :cite:t:`marion2024implicit`, Theorem 4 and its proof, without clipping; transposes and
    signs of the costate equation derived here.
    """
    s = _chebyshev_points(points)
    start = ResNet(model.A[...], jax.vmap(path)(jnp.asarray(s)), model.B[...])
    integral = jnp.asarray(_integration(points))  # row j integrates from 0 to s_j
    n = x.shape[0]

    def states(model: ResNet) -> Array:
        first = x @ model.A[...].T
        residuals = jax.vmap(lambda Z, H: Z(H))
        return _picard(integral, lambda H: residuals(model.stack, H), first)

    def pulled_back(Z: Stack, H: Array, P: Array) -> tuple[Stack, Array]:
        return jax.vmap(lambda Z, H, P: jax.vjp(lambda Z, H: Z(H), Z, H)[1](P))(Z, H, P)

    def velocity(t: Scalar, model: ResNet) -> ResNet:
        Z, B, H = model.stack, model.B[...], states(model)
        error = H[-1] @ B.T - y
        last, to_the_end = 2 * error @ B, integral[-1:] - integral
        P = _picard(to_the_end, lambda P: pulled_back(Z, H, P)[1], last)
        dZ = jax.tree.map(lambda leaf: -leaf / n, pulled_back(Z, H, P)[0])
        return ResNet(-P[0].T @ x / n, dZ, -2 / n * error.T @ H[-1])

    def observe(model: ResNet) -> tuple[Array, ResNet]:
        error = states(model)[-1] @ model.B[...].T - y
        return jnp.sum(error**2, axis=-1).mean(), model

    (losses, models), _ = evolve(velocity, start, times=times, observe=observe, tolerance=tolerance)
    return TrainingLimit(times, losses, models)


def _picard(integral: Array, rate: Callable[[Array], Array], constant: Array) -> Array:
    """Solve ``u = constant + integral of rate(u)`` at the points, from the constant function.

    After ``j`` iterations the error is at most ``C Lip^j / j!``, for any Lipschitz constant.
    """
    start = jnp.broadcast_to(constant, (len(integral), *constant.shape))

    def unfinished(carry: tuple) -> Array:
        change, values, count = carry
        return (change > 1e-13 * jnp.abs(values).max()) & (count < FINAL_ITERATION)

    def improve(carry: tuple) -> tuple:
        _, values, count = carry
        better = start + jnp.tensordot(integral, rate(values), 1)
        return jnp.abs(better - values).max(), better, count + 1

    return jax.lax.while_loop(unfinished, improve, (jnp.inf, start, 0))[1]


def _chebyshev_points(points: int) -> np.ndarray:
    """Return the extrema of a Chebyshev polynomial, moved to [0, 1], increasing."""
    return (1 - np.cos(np.pi * np.arange(points) / (points - 1))) / 2


def _coefficients(points: int) -> np.ndarray:
    """Return the matrix from values at the points to Chebyshev coefficients on [-1, 1]."""
    return np.linalg.inv(chebyshev.chebvander(2 * _chebyshev_points(points) - 1, points - 1))


def _integration(points: int) -> np.ndarray:
    """Return the matrix from values at the points to integrals from 0 to each point."""
    primitives = chebyshev.chebint(_coefficients(points), lbnd=-1, scl=0.5)
    return chebyshev.chebval(2 * _chebyshev_points(points) - 1, primitives).T


def _interpolation(points: int, s: np.ndarray) -> np.ndarray:
    """Return the matrix from values at the points to values at ``s``."""
    return chebyshev.chebvander(2 * s - 1, points - 1) @ _coefficients(points)
