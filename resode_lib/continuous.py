"""The limit ODE solved to reference accuracy: the only door to diffrax."""

from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp

from resode_lib._types import Array, Field, Float, Path, Scalar, State

__all__ = ["evolve", "field_of", "solve"]


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
    return evolve(field, h, times=times, observe=lambda h: h, tolerance=tolerance)[0]


def evolve(
    field: Callable[[Scalar, Any], Any],
    start: Any,
    *,
    times: Float[Array, " t"],
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
        TypeError: if ``start`` is not float64.
    """
    for leaf in jax.tree.leaves(start):
        if leaf.dtype != jnp.float64:
            raise TypeError(
                f"a reference solution needs float64, got {leaf.dtype}; call "
                'jax.config.update("jax_enable_x64", True) before making arrays.'
            )
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
        return diffrax.diffeqsolve(
            diffrax.ODETerm(right_hand_side),
            diffrax.Dopri8(),
            t0=jnp.minimum(0.0, times[0]),
            t1=times[-1],
            dt0=None,
            y0=leaves,
            saveat=diffrax.SaveAt(subs=(save, diffrax.SubSaveAt(t1=True))),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            max_steps=100_000,
        ).ys

    observed, last = run(leaves)
    last = jax.tree.unflatten(structure, [leaf[0] for leaf in last])
    return jax.tree.unflatten(outputs, observed), last
