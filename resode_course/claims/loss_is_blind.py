"""The loss does not tell an ODE from a rough network; the Lipschitz number in depth does."""

from dataclasses import dataclass

from resode_course.claims._claim import Check, Claim
from resode_course.claims._training import Start, independent, smooth, tied, train
from resode_lib.diagnostics import depth_lipschitz

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """A smooth and a rough start, trained alike, at one depth."""

    depth: int = 128
    smooth: Start = tied
    rough: Start = independent


@dataclass(frozen=True)
class Result:
    """Final losses and Lipschitz numbers, smooth first."""

    losses: tuple[float, float]
    lipschitz: tuple[float, float]


def run(config: Config) -> Result:
    """Train both and look at the end."""
    runs = [train(start, config.depth) for start in (config.smooth, config.rough)]
    return Result(
        tuple(float(run.losses[-1]) for run in runs),
        tuple(float(depth_lipschitz(run.parameters)) for run in runs),
    )


def judge(result: Result) -> tuple[Check, ...]:
    """Losses within a fifth of each other, Lipschitz numbers two orders of magnitude apart."""
    low, high = sorted(result.losses)
    first, second = result.lipschitz
    return (
        Check("larger loss over smaller", high / low, high=1.2),
        Check("Lipschitz number in depth, rough over smooth", second / first, low=100),
    )


CLAIM = Claim(
    label="obs-loss-is-blind",
    chapter="train/implicit-regularization",
    statement=(
        "Tied and independent starts train to similar losses; the Lipschitz number of the weights "
        "in depth separates them."
    ),
    source="measured",
    kind="finding",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a rough start": {"rough": smooth}},
)
