"""In evaluation, a trained network for digits is an ODE if its layers started alike."""

from dataclasses import dataclass, replace

from resode_course.claims._claim import Check, Claim
from resode_course.claims._images import refined_loss
from resode_lib.image_training import Setting, digits, fit_digits

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """A smooth start and another one, trained alike."""

    setting: Setting = Setting(channels=4, epochs=4)
    other_tied: bool = False


@dataclass(frozen=True)
class Result:
    """The relative change of the loss at twice the depth, from both starts."""

    smooth: float
    other: float


def run(config: Config) -> Result:
    """Train both, interpolate weights and moments, evaluate again."""
    settings = config.setting, replace(config.setting, tied=config.other_tied)
    return Result(*(refined_loss(fit_digits(setting), digits()[0]) for setting in settings))


def judge(result: Result) -> tuple[Check, ...]:
    """A small change, and one that is an order of magnitude larger."""
    return (
        Check("relative change of the loss at 2L, tied start", result.smooth, high=0.1),
        Check("change, independent over tied", result.other / result.smooth, low=10),
    )


CLAIM = Claim(
    label="obs-images-refinement",
    chapter="practice/images",
    statement=(
        "In evaluation, doubling the layers by interpolation hardly changes the loss of a trained "
        "tied GELU network, and changes that of one from independent layers."
    ),
    source="measured",
    kind="finding",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"independent layers": {"other_tied": True}},
)
