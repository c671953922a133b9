"""One-step methods for ``h'(s) = f(s, h)``: how a layer moves the state.

A step sees the field on its own cell only, ``field(r, h) = f(s + r ds, h)`` with the fraction
``r`` in [0, 1] a plain number, so the same step runs on an analytic path (`integrate`) and on the
slices of a network (`resode_lib.resnet.forward`).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from resode_lib._types import Array, Field, Float, Scalar, State

__all__ = [
    "INTEGRATORS",
    "CellField",
    "Fraction",
    "Integrator",
    "euler",
    "get",
    "heun",
    "integrate",
    "midpoint",
    "rk4",
]

Fraction = int | float
CellField = Callable[[Fraction, State], State]
Step = Callable[[CellField, State, Scalar], State]


class Integrator(NamedTuple):
    """A one-step method.

    Attributes:
        name: how the registry and the figures call it.
        order: ``p`` if the error at ``s = 1`` is ``O(ds^p)`` for a smooth field.
        nodes: the fractions of a step at which the field is evaluated.
        step: ``(field, h, ds) -> h`` at the right end of the cell.
        reverse: ``(field, h, ds) -> h`` back at the left end, explicitly, hence approximately.
    """

    name: str
    order: int
    nodes: tuple[Fraction, ...]
    step: Step
    reverse: Step


def _reflected(step: Step) -> Step:
    """Return the step that walks a cell from right to left: ``r -> 1 - r``, ``f -> -f``."""
    return lambda field, h, ds: step(lambda r, h: -field(1 - r, h), h, ds)


def _euler_step(field: CellField, h: State, ds: Scalar) -> State:
    return h + ds * field(0, h)


def _euler_reverse(field: CellField, h: State, ds: Scalar) -> State:
    # The exact inverse needs the field at the unknown left state; h differs from it by O(ds).
    return h - ds * field(0, h)


def _midpoint_step(field: CellField, h: State, ds: Scalar) -> State:
    return h + ds * field(0.5, h + 0.5 * ds * field(0, h))


def _heun_step(field: CellField, h: State, ds: Scalar) -> State:
    left = field(0, h)
    return h + 0.5 * ds * (left + field(1, h + ds * left))


def _rk4_step(field: CellField, h: State, ds: Scalar) -> State:
    k1 = field(0, h)
    k2 = field(0.5, h + 0.5 * ds * k1)
    k3 = field(0.5, h + 0.5 * ds * k2)
    k4 = field(1, h + ds * k3)
    return h + ds / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


euler = Integrator("euler", 1, (0,), _euler_step, _euler_reverse)
midpoint = Integrator("midpoint", 2, (0, 0.5), _midpoint_step, _reflected(_midpoint_step))
heun = Integrator("heun", 2, (0, 1), _heun_step, _reflected(_heun_step))
rk4 = Integrator("rk4", 4, (0, 0.5, 1), _rk4_step, _reflected(_rk4_step))

INTEGRATORS = {method.name: method for method in (euler, midpoint, heun, rk4)}


def get(name: str) -> Integrator:
    """Return the integrator called ``name``.

    Raises:
        KeyError: if there is none; the message lists those there are.
    """
    if name not in INTEGRATORS:
        raise KeyError(f"no integrator is called {name!r}; there are {sorted(INTEGRATORS)}.")
    return INTEGRATORS[name]


def require_real(h: Array) -> None:
    """Refuse states that are no real or complex numbers: a step would have to round them.

    Raises:
        TypeError: if they are integers or truth values.
    """
    if not jnp.issubdtype(h.dtype, jnp.inexact):
        raise TypeError(f"states are real numbers, got {h.dtype}; convert them: h.astype(float).")


def require_integrator(integrator: object) -> None:
    """Refuse what is no `Integrator`, such as the name of one.

    Raises:
        TypeError: if it is none; the message says how to get it.
    """
    if not isinstance(integrator, Integrator):
        raise TypeError(
            f"integrator is {integrator!r}, a {type(integrator).__name__}; expected an Integrator, "
            f"such as integrators.heun or integrators.get(name), name one of {sorted(INTEGRATORS)}."
        )


def integrate(
    field: Field,
    h: State,
    *,
    depth: int,
    integrator: Integrator = euler,
    step_size: Scalar | None = None,
) -> Float[Array, "steps *batch d"]:
    """Return all states of ``depth`` steps along ``h' = f(s, h)``, the first one included.

    ``s_k = k/L`` with ``L = depth``; the state moves by ``step_size``, ``1/L`` unless given.

    Args:
        field: ``(s, h) -> f(s, h)``.
        h: the state at ``s = 0``, shape (..., d).
        depth: ``L``, at least 1.
        integrator: the one-step method.
        step_size: what multiplies the field; give another value than ``1/L`` only to see
            what the factor is for.

    Returns:
        The states ``h_0..h_L``, shape (L + 1, ..., d).

    Raises:
        ValueError: if ``depth`` is below 1.
    """
    require_integrator(integrator)
    require_real(h)
    if depth < 1:
        raise ValueError(f"integrate needs depth >= 1, got {depth}; a network has a layer.")
    ds = 1 / depth if step_size is None else step_size

    def layer(h: State, k: Array) -> tuple[State, State]:
        h = integrator.step(lambda r, h: field((k + r) / depth, h), h, ds)
        return h, h

    _, states = jax.lax.scan(layer, h, jnp.arange(depth, dtype=h.dtype))
    return jnp.concatenate([h[None], states])
