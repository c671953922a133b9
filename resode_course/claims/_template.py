"""Copy this file to start a claim: what is claimed, in one line."""

from dataclasses import dataclass

import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """The setting: one field for each hypothesis that a control can drop."""

    depths: tuple[int, ...] = (16, 32, 64, 128)
    exponent: float = 1.0


@dataclass(frozen=True)
class Result:
    """What was measured, as arrays that a figure can draw."""

    depths: tuple[int, ...]
    errors: np.ndarray


def run(config: Config) -> Result:
    """Compute; no judgement here."""
    return Result(config.depths, np.asarray(config.depths, float) ** -config.exponent)


def judge(result: Result) -> tuple[Check, ...]:
    """Judge; one-sided where the theorem is."""
    slope = observed_slope(result.depths, result.errors).value
    return (Check("slope of the error", slope, high=-0.9),)


CLAIM = Claim(
    label="thm-the-label-in-the-book",
    chapter="discretize/euler",
    statement="One sentence.",
    source="where it is proved",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"the hypothesis in words": {"exponent": 0.5}},
)
