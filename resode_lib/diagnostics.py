"""Numbers about a stack or a run: what we measure when a theorem speaks."""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from resode_lib._types import Numbers

__all__ = ["Slope", "observed_slope"]

FEWEST_POINTS = 4


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
