"""How many neurons make the Gram matrix of the features well conditioned: n log n, explicitly."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log

import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._features import (
    coherence,
    directions,
    duplicated,
    features,
    floor,
    limit_gram,
    smallest_singular_value,
)

__all__ = ["CLAIM", "Config", "Result"]

SAMPLES, INPUTS, DELTA, DRAWS = 8, 100, 0.1, 10


def enough(samples: int, promise: float) -> int:
    """Return ``8 n / lambda log(n / delta)``, for an activation bounded by one."""
    return ceil(8 * samples / promise * log(samples / DELTA))


def as_many_as_samples(samples: int, promise: float) -> int:
    """Return ``n``."""
    return samples


@dataclass(frozen=True)
class Config:
    """Eight nearly orthogonal points of the sphere in R^100, tanh, ten draws of the neurons."""

    points: Callable[[int, int], np.ndarray] = directions
    neurons: Callable[[int, float], int] = enough


@dataclass(frozen=True)
class Result:
    """The promised eigenvalue, that of the limit, those of the draws, and the neurons they took."""

    promise: float
    limit: float
    drawn: np.ndarray
    neurons: int


def run(config: Config) -> Result:
    """Promise what near orthogonality gives, then draw."""
    promise = floor(SAMPLES, coherence(directions(SAMPLES, INPUTS)), np.tanh)
    points = config.points(SAMPLES, INPUTS)
    limit = float(np.linalg.eigvalsh(limit_gram(points, np.tanh))[0])
    m = config.neurons(SAMPLES, promise)
    drawn = [
        smallest_singular_value(features(points, m, np.tanh, seed)) ** 2 / m
        for seed in range(DRAWS)
    ]
    return Result(promise, limit, np.array(drawn), m)


def judge(result: Result) -> tuple[Check, ...]:
    """The limit keeps the promise, and the draws half of it."""
    return (
        Check("limit / promised eigenvalue", result.limit / result.promise, low=1),
        Check("smallest draw / half the promise", 2 * result.drawn.min() / result.promise, low=1),
    )


CLAIM = Claim(
    label="prop-gram-width",
    chapter="converge/overparameterization",
    statement=(
        "If the inputs are nearly orthogonal, m >= 8 n / lambda log(n / delta) Gaussian neurons "
        "keep the smallest eigenvalue of the Gram matrix above m lambda / 2, except with "
        "probability delta."
    ),
    source="after Marion, Wu, Sander, Biau 2023, Proposition 5; proved in the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "so many neurons": {"neurons": as_many_as_samples},
        "inputs nearly orthogonal": {"points": duplicated},
    },
)
