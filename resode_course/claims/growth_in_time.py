"""How rough weights become grows with training time, not with depth."""

from dataclasses import dataclass

import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._training import Start, increments, independent, tied, train

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """Two depths, times 1.5 to 15."""

    depths: tuple[int, ...] = (32, 128)
    start: Start = tied


@dataclass(frozen=True)
class Result:
    """Training times, and ``K(t) = L max_k`` increment for each depth (rows)."""

    times: np.ndarray
    lipschitz: np.ndarray


def run(config: Config) -> Result:
    """Read the largest increment at each recorded time."""
    runs = [train(config.start, depth) for depth in config.depths]
    largest = [
        depth * np.asarray(increments(run).V[...]).max(axis=1)
        for depth, run in zip(config.depths, runs, strict=True)
    ]
    return Result(np.asarray(runs[0].times), np.array(largest))


def judge(result: Result) -> tuple[Check, ...]:
    """The same curve for both depths; it grows."""
    shallow, deep = result.lipschitz[:, 3:]
    return (
        Check("largest ratio K(t) deep over shallow", float((deep / shallow).max()), high=1.3),
        Check("growth of K from time 1.5 to 15", float(deep[-1] / deep[0]), low=1.5),
    )


CLAIM = Claim(
    label="obs-growth-in-time",
    chapter="train/implicit-regularization",
    statement=(
        "The Lipschitz number of the weights in depth grows with training time; at a fixed time "
        "it does not depend on the depth."
    ),
    source="measured; Proposition 3 of Marion, Wu, Sander, Biau 2023 bounds it by exp(alpha T)",
    kind="finding",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a smooth start": {"start": independent}},
)
