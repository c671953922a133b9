"""A trained network is an ODE if twice as many interpolated layers compute the same."""

from dataclasses import dataclass

import jax
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._training import Start, independent, loss_on, pairs, smooth, tied, train
from resode_lib.diagnostics import observed_slope, refinement_change

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """The trained networks of the claim on increments, from two smooth starts."""

    depths: tuple[int, ...] = (16, 32, 64, 128)
    starts: tuple[Start, ...] = (tied, smooth)


@dataclass(frozen=True)
class Result:
    """The relative change of the loss at twice the depth: per start an array over depths."""

    depths: tuple[int, ...]
    changes: dict[str, np.ndarray]


def run(config: Config) -> Result:
    """Train, interpolate, evaluate again."""
    loss = loss_on(*pairs())
    change = jax.jit(lambda stack: refinement_change(loss, stack))
    return Result(
        config.depths,
        {
            start.__name__: np.array(
                [float(change(train(start, depth).parameters)) for depth in config.depths]
            )
            for start in config.starts
        },
    )


def judge(result: Result) -> tuple[Check, ...]:
    """The change falls like ``1/L`` or faster."""
    return tuple(
        Check(
            f"slope of the change, {name} start", observed_slope(result.depths, c).value, high=-0.9
        )
        for name, c in result.changes.items()
    )


CLAIM = Claim(
    label="cor-refinement",
    chapter="train/implicit-regularization",
    statement=(
        "Doubling the layers of a trained network by linear interpolation changes its loss by "
        "O(1/L)."
    ),
    source="the course, from Propositions 3 and 11 of Marion, Wu, Sander, Biau 2023",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a smooth start": {"starts": (independent,)}},
)
