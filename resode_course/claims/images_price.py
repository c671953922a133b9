"""On digits four networks classify alike, whatever their weights look like."""

from dataclasses import dataclass, replace

import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib.image_training import Setting, accuracy, digits, fit_digits, large_batch_moments

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Four networks of a setting; the control takes the activation away from the tied ones."""

    setting: Setting = Setting(channels=4, epochs=4)
    activations: tuple[str, ...] = ("gelu", "relu")


@dataclass(frozen=True)
class Result:
    """Test accuracies."""

    accuracies: np.ndarray


def run(config: Config) -> Result:
    """Train with every activation, from tied and from independent layers."""
    settings = [
        replace(config.setting, activation=activation, tied=tied)
        for activation in config.activations
        for tied in (True, False)
    ]
    runs = [fit_digits(setting) for setting in settings]
    data, test = digits()
    models = [run.network for run in runs]
    return Result(np.array([accuracy(m, large_batch_moments(m, data), test) for m in models]))


def judge(result: Result) -> tuple[Check, ...]:
    """All are good, and no two are far apart."""
    return (
        Check("least test accuracy", float(result.accuracies.min()), low=0.9),
        Check("largest difference in test accuracy", float(np.ptp(result.accuracies)), high=0.04),
    )


CLAIM = Claim(
    label="obs-images-price",
    chapter="practice/images",
    statement="On digits, networks with smooth and with rough weights are within four points.",
    source="measured",
    kind="finding",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a nonlinear activation": {"activations": ("gelu", "identity")}},
)
