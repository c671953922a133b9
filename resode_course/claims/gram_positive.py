"""As many Gaussian neurons as samples: the features are independent, almost surely."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._features import (
    Activation,
    directions,
    duplicated,
    features,
    opposite,
    smallest_singular_value,
)

__all__ = ["CLAIM", "Config", "Result"]

INPUTS, DRAWS = 5, 20


@dataclass(frozen=True)
class Config:
    """Twelve points of the sphere in R^5 and twelve neurons, twenty draws of them."""

    neurons: int = 12
    samples: int = 12
    points: Callable[[int, int], np.ndarray] = directions
    activation: Activation = np.tanh


@dataclass(frozen=True)
class Result:
    """The n-th over the first singular value of the features, per draw."""

    ratios: np.ndarray


def identity(a: np.ndarray) -> np.ndarray:
    """Return ``a``: features that are linear in the input span at most ``R^5``."""
    return a


def run(config: Config) -> Result:
    """Draw the neurons and decompose the features."""
    points = config.points(config.samples, INPUTS)
    draws = (features(points, config.neurons, config.activation, seed) for seed in range(DRAWS))
    ratios = [smallest_singular_value(S) / np.linalg.norm(S, ord=2) for S in draws]
    return Result(np.array(ratios))


def judge(result: Result) -> tuple[Check, ...]:
    """Far above rounding, which is below 1e-14."""
    return (Check("smallest s_n / s_1 over the draws", float(result.ratios.min()), low=1e-9),)


CLAIM = Claim(
    label="prop-gram-positive",
    chapter="converge/overparameterization",
    statement=(
        "For n nonzero inputs, no two parallel, an analytic activation that is no polynomial "
        "and m >= n Gaussian neurons, the n feature vectors are independent almost surely."
    ),
    source="proved in the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "as many neurons as samples": {"neurons": 11},
        "distinct inputs": {"points": duplicated},
        "no opposite inputs": {"points": opposite},
        "an activation that is no polynomial": {"activation": identity},
    },
)
