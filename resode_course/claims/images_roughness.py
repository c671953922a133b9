"""After training on digits, only one of four networks has weights that are smooth in depth."""

from dataclasses import dataclass, replace

from resode_course.claims._claim import Check, Claim
from resode_course.claims._images import relative_lipschitz
from resode_lib.image_training import Setting, fit_digits

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """A start, an activation, and what differs in the rough networks."""

    setting: Setting = Setting(channels=4, epochs=4)
    tied: bool = False
    activation: str = "relu"


@dataclass(frozen=True)
class Result:
    """Relative Lipschitz numbers in depth: tied GELU, the other start, the other activation."""

    smooth: float
    other_start: float
    other_activation: float


def run(config: Config) -> Result:
    """Train three networks."""
    settings = (
        config.setting,
        replace(config.setting, tied=config.tied),
        replace(config.setting, activation=config.activation),
    )
    return Result(*(relative_lipschitz(fit_digits(setting).network.stack) for setting in settings))


def judge(result: Result) -> tuple[Check, ...]:
    """Independent layers are an order of magnitude rougher, a kink makes a tied start rougher."""
    return (
        Check("roughness, independent over tied", result.other_start / result.smooth, low=5),
        Check("roughness, ReLU over GELU, both tied", result.other_activation / result.smooth, 1.2),
    )


CLAIM = Claim(
    label="obs-images-roughness",
    chapter="practice/images",
    statement=(
        "Trained on digits, GELU layers that start alike stay smooth in depth; independent layers "
        "stay rough, and ReLU is in between."
    ),
    source="measured",
    kind="finding",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"independent layers": {"tied": True}, "another activation": {"activation": "gelu"}},
)
