"""JAX and Flax: the claim of the chapter."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import slope
from resode_course.claims.euler import growth_factor
from resode_lib import integrators
from resode_lib._types import Array, Numbers

__all__ = ["Float32Floor", "rounding_bound"]


def rounding_bound(
    depths: Numbers, *, unit_roundoff: float, lipschitz: float, largest_state: Numbers | float
) -> np.ndarray:
    """Return ``(e^Lambda - 1)/Lambda L u M``, what rounding each addition can do to ``h_L``.

    Args:
        depths: the depths ``L``.
        unit_roundoff: ``u``, half the distance from 1 to the next number.
        lipschitz: ``Lambda``, Lipschitz constant of the residual.
        largest_state: ``M``, the largest norm of a rounded state.

    Source: proved in the chapter on JAX and Flax.
    """
    return growth_factor(lipschitz) * np.asarray(depths) * unit_roundoff * np.asarray(largest_state)


@dataclass(frozen=True)
class Float32Floor(Claim, label="prop-float32-floor", source="proved in the chapter"):
    """Rounding adds at most (e^Λ - 1)/Λ L u M to the error: in float32 deeper ends no nearer.

    Growth h' = h from 1, so that Λ = 1 and the last state is the largest, at depths that are powers
    of two. Without rounding the network ends at (1 + 1/L)^L, which we compute in float64.
    """

    depths: tuple[int, ...] = tuple(2**k for k in range(8, 21, 2))
    precision: Any = jnp.float32
    start: float = 1.0

    family: ClassVar = {"start": (1.0, 1.25, 1.625, 1.9375, 3.5)}
    controls: ClassVar = {
        "float64": Control(
            "states in float32 → in float64",
            fails="slope of the error in L, four deepest",
            why="Its unit roundoff is 2^-53: at these depths no floor is in sight, and the error "
            "falls like 1/L.",
            precision=jnp.float64,
        )
    }

    def run(self) -> Measured:
        """Compare the network with the ODE, and with itself without rounding."""
        depths, exact = np.array(self.depths), np.e * self.start
        last = np.array([last_state(self.precision, self.start, depth) for depth in self.depths])
        unrounded = self.start * np.exp(depths * np.log1p(1 / depths))
        return Measured(
            errors=np.abs(last - exact),
            unrounded=np.abs(unrounded - exact),
            rounding=np.abs(last - unrounded),
            bounds=rounding_bound(
                depths,
                unit_roundoff=float(jnp.finfo(self.precision).eps) / 2,
                lipschitz=1.0,
                largest_state=last,
            ),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Rounding stays within its bound; in single precision the error ends by growing."""
        return (
            Check(
                "largest rounding / bound",
                float((measured.rounding / measured.bounds).max()),
                high=1,
            ),
            Check(
                "slope of the error in L, four deepest",
                slope(self.depths[-4:], measured.errors[-4:]),
                low=0,
            ),
        )

    def picture(self, measured: Measured) -> Picture:
        """The error, and what rounding can add to that of exact arithmetic."""
        name = jnp.dtype(self.precision).name
        return Picture(
            self.depths,
            {f"error in {name}": measured.errors, "error without rounding": measured.unrounded},
            {"without rounding + bound": measured.unrounded + measured.bounds},
            ylabel="error at s = 1",
        )


def last_state(precision: Any, start: float, depth: int) -> float:
    """Return the last state of the network of ``h' = h`` in this precision."""

    @jax.jit
    def run(h: Array) -> Array:
        return integrators.integrate(lambda s, h: h, h, depth=depth)[-1]

    return float(run(jnp.full(1, start, precision))[0])
