"""Layers that mix regularly follow one ODE, that of their average, though no curve is near."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_lib import resnet
from resode_lib._types import Stack
from resode_lib.blocks import Inside
from resode_lib.diagnostics import depth_lipschitz, observed_slope

__all__ = ["CLAIM", "Config", "Result"]

PERIOD = 2


@dataclass(frozen=True)
class Pair:
    """Two affine residuals ``w h + b`` and a state to start from."""

    w: np.ndarray
    b: np.ndarray
    start: np.ndarray

    def stack(self, depth: int, period: int) -> Stack:
        """Return layers of which half of a period is the first kind, half the second."""
        kinds = jnp.arange(depth) % period // (period // 2)
        return Inside(jnp.array(self.w)[kinds], jnp.array(self.b)[kinds], activation=lambda h: h)

    def flow(self, times: np.ndarray) -> np.ndarray:
        """Return the states of the ODE of the average, by the matrix exponential."""
        d = len(self.start)
        generator = jnp.zeros((d + 1, d + 1))
        generator = generator.at[:d, :d].set(self.w.mean(0)).at[:d, d].set(self.b.mean(0))
        first = jnp.array([*self.start, 1.0])
        states = jax.vmap(lambda s: jax.scipy.linalg.expm(s * generator) @ first)(jnp.array(times))
        return np.asarray(states)[:, :d]

    def bound(self, states: np.ndarray, depth: int) -> float:
        """Return the bound of the proposition; the states are all that occur."""
        steepest = max(np.linalg.norm(w, 2) for w in self.w)
        largest = max(
            np.linalg.norm(states @ w.T + b, axis=-1).max()
            for w, b in zip(self.w, self.b, strict=True)
        )
        return (PERIOD - 0.5) * (np.exp(steepest) - 1) * largest / depth


PLANE = Pair(
    w=np.array([[[0.0, -2.0], [2.0, 0.0]], [[-1.0, 1.5], [0.0, 0.5]]]),
    b=np.zeros((2, 2)),
    start=np.array([1.0, 0.5]),
)
LINE = Pair(w=np.full((2, 1, 1), 0.2), b=np.array([[1.0], [-1.0]]), start=np.zeros(1))
"""Nearly the worst case: the error is about 0.2 / (2 L), the bound about 1.5 * 0.2 / L."""


@dataclass(frozen=True)
class Config:
    """How the two kinds of layers are mixed: in turn, or each half of the depth."""

    depths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    halves: bool = False


@dataclass(frozen=True)
class Result:
    """Per depth: distance from the ODE at the ends of periods, bound, roughness; both settings."""

    depths: tuple[int, ...]
    distances: np.ndarray
    bounds: np.ndarray
    roughness: np.ndarray
    on_the_line: np.ndarray


def run(config: Config) -> Result:
    """Run networks of every depth beside the ODE of the average."""
    rows = [at_depth(PLANE, depth, config.halves) for depth in config.depths]
    line = [at_depth(LINE, depth, config.halves) for depth in config.depths]
    distances, bounds, roughness = np.array(rows).T
    return Result(
        config.depths, distances, bounds, roughness, np.array(line)[:, 0] / np.array(line)[:, 1]
    )


def at_depth(pair: Pair, depth: int, halves: bool) -> tuple[float, float, float]:
    """Return the largest distance at ends of periods, the bound for period 2, the roughness."""
    period = depth if halves else PERIOD
    stack = pair.stack(depth, period)
    states = np.asarray(resnet.trajectory(stack, jnp.array(pair.start)))
    exact = pair.flow(np.arange(0, depth + 1, period) / depth)
    distance = np.linalg.norm(states[::period] - exact, axis=-1).max()
    bound = pair.bound(np.concatenate([states, exact]), depth)
    return float(distance), float(bound), float(depth_lipschitz(stack))


def judge(result: Result) -> tuple[Check, ...]:
    """The bound of the proposition, its rate, that no curve is near, and how sharp the bound is."""
    slope = observed_slope(result.depths, result.distances).value
    growth = (result.roughness[1:] / result.roughness[:-1]).min()
    ratios = np.concatenate([result.distances / result.bounds, result.on_the_line])
    return (
        Check("largest distance / bound", float(ratios.max()), high=1),
        Check("slope of the distance", slope, high=-0.9),
        Check("L max ||increment||: least growth at a doubling", float(growth), low=1.9),
        Check("distance / bound in nearly the worst case", float(ratios.max()), low=0.25),
    )


CLAIM = Claim(
    label="prop-averaging",
    chapter="discretize/closeness",
    statement=(
        "Layers that repeat with a period stay within O(1/L) of the ODE of their average, though "
        "L times their increments grows like L."
    ),
    source="the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"a period that does not grow with L": {"halves": True}},
)
