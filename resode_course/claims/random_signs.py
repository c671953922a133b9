"""At the scale 1/sqrt(L) a network of independent layers is not its ODE: Ito, not Stratonovich."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log

import numpy as np
from scipy.special import gammaln

from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import one_over_depth
from resode_course.claims.piecewise_constant_ode import one_over_root

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """``h_{k+1} = h_k (1 + c xi_k)`` with fair signs ``xi_k`` and ``c = step_size(L)``.

    The ODE with piecewise constant weights ends at ``exp(c sum xi_k)``.
    """

    depths: tuple[int, ...] = (16, 64, 256, 1024)
    step_size: Callable[[int], float] = one_over_root


@dataclass(frozen=True)
class Result:
    """The exact mean of network over ODE, per depth."""

    depths: tuple[int, ...]
    means: np.ndarray


def run(config: Config) -> Result:
    """Sum over the number of positive signs, which is binomial: no sampling."""
    return Result(config.depths, np.array([mean(L, config.step_size(L)) for L in config.depths]))


def mean(depth: int, c: float) -> float:
    """Return ``E[(1 + c)^P (1 - c)^(L - P) exp(-c (2 P - L))]`` with ``P ~ Bin(L, 1/2)``."""
    positive = np.arange(depth + 1)
    negative = depth - positive
    # scipy.stats has the binomial weights too, but takes half a second to import.
    weights = gammaln(depth + 1) - gammaln(positive + 1) - gammaln(negative + 1) - depth * log(2)
    ratios = positive * (np.log1p(c) - c) + negative * (np.log1p(-c) + c)
    return float(np.exp(weights + ratios).sum())


def judge(result: Result) -> tuple[Check, ...]:
    """The mean ratio tends to ``exp(-1/2)`` with an error of order ``1/L``."""
    errors = np.abs(result.means - exp(-0.5)) * np.array(result.depths)
    return (
        Check("mean ratio at the largest depth", float(result.means[-1]), low=0.6, high=0.613),
        Check("largest L |mean - exp(-1/2)|", float(errors.max()), high=0.5),
    )


CLAIM = Claim(
    label="prop-random-signs",
    chapter="discretize/closeness",
    statement=(
        "At the scale 1/sqrt(L), independent signs make the network exp(-1/2) times as large as "
        "its piecewise constant ODE, in the limit: no closeness."
    ),
    source="the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"the scale 1/sqrt(L)": {"step_size": one_over_depth}},
)
