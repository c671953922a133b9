"""In float32 the error of deep networks stops falling, and then grows."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims.euler_bound import growth_factor
from resode_lib import integrators
from resode_lib._types import Array, Numbers
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result", "rounding_bound"]


def rounding_bound(
    depths: Numbers, *, unit_roundoff: float, lipschitz: float, largest_state: float
) -> np.ndarray:
    """Return ``(e^Lambda - 1)/Lambda L u M``, what rounding each addition can do to ``h_L``.

    Args:
        depths: the depths ``L``.
        unit_roundoff: ``u``, half the distance from 1 to the next number.
        lipschitz: ``Lambda``, Lipschitz constant of the residual.
        largest_state: ``M``, the largest norm of a state.

    Source: proved in the chapter on JAX and Flax.
    """
    return growth_factor(lipschitz) * np.asarray(depths) * unit_roundoff * largest_state


@dataclass(frozen=True)
class Config:
    """Growth ``h' = h`` from 1 to e; ``precision`` is the number type of the states."""

    depths: tuple[int, ...] = tuple(2**k for k in range(8, 21, 2))
    precision: Any = jnp.float32


@dataclass(frozen=True)
class Result:
    """Errors against the ODE in the chosen precision and in float64, per depth."""

    depths: tuple[int, ...]
    errors: np.ndarray
    float64_errors: np.ndarray
    rounding: np.ndarray
    rounding_bounds: np.ndarray


def _last_state(precision: Any, depth: int) -> float:
    def field(s: Array, h: Array) -> Array:
        return h

    @jax.jit
    def run(h: Array) -> Array:
        return integrators.integrate(field, h, depth=depth)[-1]

    return float(run(jnp.ones(1, precision))[0])


def run(config: Config) -> Result:
    """Compare each precision with the exact solution e, and the two precisions with each other."""
    last = np.array([_last_state(config.precision, depth) for depth in config.depths])
    last64 = np.array([_last_state(jnp.float64, depth) for depth in config.depths])
    bounds = rounding_bound(
        config.depths,
        unit_roundoff=float(jnp.finfo(config.precision).eps) / 2,
        lipschitz=1.0,
        largest_state=np.e,
    )
    return Result(
        config.depths,
        np.abs(last - np.e),
        np.abs(last64 - np.e),
        np.abs(last - last64),
        bounds,
    )


def judge(result: Result) -> tuple[Check, ...]:
    """Rounding stays within its bound; the true error falls like 1/L; float32 loses that rate."""
    return (
        Check("rounding / bound", float((result.rounding / result.rounding_bounds).max()), high=1),
        Check(
            "slope in float64",
            observed_slope(result.depths, result.float64_errors).value,
            high=-0.9,
        ),
        Check(
            "error / float64 error, deepest",
            float(result.errors[-1] / result.float64_errors[-1]),
            low=10,
        ),
    )


CLAIM = Claim(
    label="prop-float32-floor",
    chapter="start/jax-and-flax",
    statement="Rounding adds at most (e^Lambda - 1)/Lambda L u M to the error of a network, so "
    "in float32 deeper stops being closer.",
    source="proved in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"single precision": {"precision": jnp.float64}},
)
