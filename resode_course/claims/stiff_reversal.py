"""Going back through a strong contraction: what is lost, and what is amplified."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import adjoint, resnet, stacks
from resode_lib.blocks import Linear

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """The contraction ``h' = -rate h`` from 1, and a small change of its last state."""

    depths: tuple[int, ...] = (100, 1000, 10000)
    rate: float = 10.0
    iterations: int = 0
    change: float = 1e-8


@dataclass(frozen=True)
class Result:
    """Relative errors of the recovered input, what the formula says, and amplifications."""

    rate: float
    errors: np.ndarray
    predicted: np.ndarray
    amplifications: np.ndarray


def run(config: Config) -> Result:
    """Walk there, and back twice: from the last state and from its neighbour."""
    depths = np.asarray(config.depths, float)

    def back(depth: int) -> tuple[float, float]:
        stack = stacks.tied(Linear(-config.rate * jnp.eye(1)), depth)
        last = resnet.forward(stack, jnp.ones((1, 1)))
        pair = jnp.concatenate([last, last + config.change])
        first, other = adjoint.reconstruction(stack, pair, iterations=config.iterations)[0, :, 0]
        return float(first), float(other)

    first, other = np.array([back(depth) for depth in config.depths]).T
    predicted = 1 - (1 - (config.rate / depths) ** 2) ** depths
    return Result(config.rate, np.abs(first - 1), predicted, (other - first) / config.change)


def judge(result: Result) -> tuple[Check, ...]:
    """The error is the formula's; a change of the end grows by more than ``10^4``.

    ``(1 + 10/L)^L`` is ``1.4 * 10^4`` at ``L = 100`` and ``2.2 * 10^4`` in the limit.
    """
    gap = np.abs(result.errors / result.predicted - 1).max()
    return (
        Check("error / formula - 1", float(gap), high=1e-6),
        Check("smallest amplification", float(result.amplifications.min()), low=1e4),
    )


CLAIM = Claim(
    label="prop-stiff-reversal",
    chapter="remember/adjoints",
    statement="Explicit steps back through h' = -10 h miss the input by the relative error "
    "1 - (1 - 100/L^2)^L and multiply a change of h_L by more than 10^4.",
    source="after Gholami, Keutzer, Biros 2019; proof in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "explicit steps": {"iterations": 3},
        "a strong contraction": {"rate": 1.0},
    },
)
