"""What every chapter's first cell needs: precision and figure style."""

import os
import sys

import jax
import matplotlib.pyplot as plt

from resode_course.plotting import STYLE

__all__ = ["start", "versions"]


ACCELERATORS = ("/dev/nvidia0", "/dev/accel0")


def start() -> None:
    """Compute in float64 and draw in the style of the book; silent, except on Colab.

    Rates of convergence are measured in float64: float32 stops converging long before the depths
    that the course uses. JAX fixes the precision of an array when it is made, so call this first.

    A page compiles many small programs and runs each once. So on a processor XLA is asked not to
    optimise them: a reader waits less. For long runs of your own set ``XLA_FLAGS`` yourself, also
    to an empty text, before you start Python; where it is set, or a GPU is there, nothing is asked.
    """
    if "XLA_FLAGS" not in os.environ and not any(map(os.path.exists, ACCELERATORS)):
        os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
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
