"""The limit ODE solved to reference accuracy: the only door to diffrax."""

from typing import Any

import diffrax
import jax
import jax.numpy as jnp

from resode_lib._types import Array, Field, Float, Path, State

__all__ = ["field_of", "solve"]


def field_of(path: Path) -> Field:
    """Return ``(s, h) -> f(h, theta(s))``, the field that weights as a function of depth define."""
    return lambda s, h: path(s)(h)


def solve(
    field: Field, h: State, *, times: Float[Array, " t"], tolerance: float = 1e-11
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
    if h.dtype != jnp.float64:
        raise TypeError(
            f"a reference solution needs float64, got {h.dtype}; call "
            'jax.config.update("jax_enable_x64", True) before making arrays.'
        )
    return _solve(field, h, jnp.asarray(times), tolerance)


def _solve(field: Field, h: State, times: Array, tolerance: float) -> Any:
    def right_hand_side(s: Array, h: State, args: Any) -> State:
        return field(s, h)

    @jax.jit
    def run(h: State, times: Array) -> Array:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(right_hand_side),
            diffrax.Dopri8(),
            t0=0.0,
            t1=times[-1],
            dt0=None,
            y0=h,
            saveat=diffrax.SaveAt(ts=times),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            max_steps=100_000,
        ).ys

    return run(h, times)
