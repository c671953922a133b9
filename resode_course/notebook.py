"""What every chapter's first cell needs: precision and figure style."""

import sys

import jax
import matplotlib.pyplot as plt

from resode_course.plotting import STYLE

__all__ = ["start", "versions"]


def start() -> None:
    """Compute in float64 and draw in the style of the book; silent, except on Colab.

    Rates of convergence are measured in float64: float32 stops converging long before the depths
    that the course uses. JAX fixes the precision of an array when it is made, so call this first.
    """
    jax.config.update("jax_enable_x64", True)
    plt.rcParams.update(STYLE)
    if "google.colab" in sys.modules:
        print(versions())


def versions() -> str:
    """Return one line with Python, JAX, Flax and the device that computes."""
    import flax

    python = ".".join(map(str, sys.version_info[:3]))
    device = jax.devices()[0].device_kind
    return f"Python {python}, JAX {jax.__version__}, Flax {flax.__version__}, on {device}"
