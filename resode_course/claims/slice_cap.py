"""One slice of the weights per layer caps the order at two, whatever the step does with it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims import _problems, one_step
from resode_course.claims._claim import Check, Claim
from resode_lib import resnet, stacks
from resode_lib._types import Array, Path, Scalar, State
from resode_lib.blocks import Linear
from resode_lib.diagnostics import observed_slope
from resode_lib.integrators import rk4

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True, eq=False)
class Flow:
    """What is followed: the weights as a function of depth, and the states at both ends."""

    path: Path
    start: np.ndarray
    end: np.ndarray


@cache
def turning() -> Flow:
    """Return the flow of `one_step`, whose weights do not commute."""
    end = one_step.exact(np.ones(1))[0]
    return Flow(lambda s: Linear(one_step.rotating(s)), one_step.START, end)


@cache
def broken() -> Flow:
    """Return a drift with one jump."""
    problem = _problems.jump()
    end = np.asarray(problem.exact(jnp.ones(1)))[0, 0]
    return Flow(lambda s: problem.path(jnp.asarray(s)), np.zeros(1), end)


def drifting(weights: Callable[[Scalar], Scalar], end: float) -> Flow:
    """Return ``H' = theta(s)``: a network computes a sum instead of the integral ``end``."""
    return Flow(lambda s: _problems.Drift(weights(jnp.asarray(s))), np.zeros(1), np.array([end]))


def bump(s: Scalar) -> Scalar:
    """Return ``s^2 (1 - s)^2``, with slope 0 at both ends; its integral is 1/30."""
    return s**2 * (1 - s) ** 2


EXPONENTIAL = drifting(jnp.exp, np.e - 1)
BUMP = drifting(bump, 1 / 30)


@cache
def stepped(flow: Flow, *, on_path: bool) -> Callable:
    """Return the compiled step of RK4, with the path known or with one slice for all nodes."""

    def step(k: Scalar, place: Scalar, ds: Scalar, h: State) -> State:
        return rk4.step(lambda r, h: flow.path((k + (r if on_path else place)) * ds)(h), h, ds)

    return jax.jit(step)


@cache
def by_steps(flow: Flow, depth: int, place: float | None) -> np.ndarray:
    """Return the error at ``s = 1`` of RK4 with the path known, or with one slice per layer.

    Args:
        flow: what is followed.
        depth: ``L``.
        place: where in its cell a layer takes its slice, from 0 (left end) to 1; None: the path.
    """
    step, h = stepped(flow, on_path=place is None), jnp.asarray(flow.start)
    for k in range(depth):
        h = step(float(k), place or 0.0, 1 / depth, h)
    return np.asarray(h) - flow.end


@cache
def by_interpolation(flow: Flow, depth: int) -> np.ndarray:
    """Return the error at ``s = 1`` of the library's network with RK4 steps."""

    @jax.jit
    def network(h: Array) -> Array:
        return resnet.forward(stacks.sample(flow.path, depth), h, integrator=rk4)

    return np.asarray(network(jnp.asarray(flow.start))) - flow.end


@dataclass(frozen=True)
class Config:
    """A flow whose solution is known, and one with ``f(h, theta) = theta``.

    ``place`` is where in its cell a layer takes its slice, ``ends`` are the slopes of the weights
    at ``s = 0`` and ``1``.
    """

    depths: tuple[int, ...] = (32, 64, 128, 256)
    flow: Callable[[], Flow] = turning
    drift: Flow = EXPONENTIAL
    ends: tuple[float, float] = (1.0, np.e)
    place: float = 0.5


@dataclass(frozen=True)
class Result:
    """Errors at ``s = 1`` per depth, and the limits of ``L^2`` times the error that are claimed.

    ``flow`` has the errors of RK4 on the path, on single and on interpolated slices; ``drift``
    those with sign, for ``f(h, theta) = theta``, on single and on interpolated slices.
    """

    depths: tuple[int, ...]
    flow: dict[str, np.ndarray]
    drift: dict[str, np.ndarray]
    limits: dict[str, float]


def run(config: Config) -> Result:
    """Run RK4 on what the networks know of the path."""
    flow, depths = config.flow(), config.depths
    ends = {
        "the path": [by_steps(flow, L, None) for L in depths],
        "one slice": [by_steps(flow, L, config.place) for L in depths],
        "interpolated": [by_interpolation(flow, L) for L in depths],
    }
    drift = {
        "one slice": np.array([by_steps(config.drift, L, config.place)[0] for L in depths]),
        "interpolated": np.array([by_interpolation(config.drift, L)[0] for L in depths]),
    }
    errors = {name: np.linalg.norm(values, axis=-1) for name, values in ends.items()}
    left, right = config.ends
    limits = {"one slice": -(right - left) / 24, "interpolated": -(5 * right + left) / 12}
    return Result(depths, errors, drift, limits)


def judge(result: Result) -> tuple[Check, ...]:
    """Order four on the path, two on slices, and not more: the limits are not zero."""
    checks = [
        Check("RK4 on the path: slope", _slope(result, result.flow["the path"]), high=-3.9),
    ]
    for name, limit in result.limits.items():
        drift = result.drift[name]
        scaled = float(result.depths[-1] ** 2 * drift[-1])
        # The next term of the expansion is O(1/L) smaller.
        difference = abs(scaled - limit)
        checks += [
            Check(f"{name}: slope", _slope(result, result.flow[name]), high=-1.9),
            Check(f"{name}, f = theta: slope", _slope(result, abs(drift)), low=-2.1),
            Check(f"{name}, f = theta: |L^2 error - limit|", difference, high=0.01),
        ]
    return tuple(checks)


def _slope(result: Result, errors: np.ndarray) -> float:
    return observed_slope(result.depths, errors).value


CLAIM = Claim(
    label="prop-slice-cap",
    chapter="discretize/integrators",
    statement="With one slice per layer, in the middle of its cell, or slices interpolated "
    "linearly, every step of order two or more gives order two, and no step gives more.",
    source="proved in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "slices in the middle of their cells": {"place": 0.0},
        "no jump in depth": {"flow": broken},
        "slopes that differ at the two ends": {"drift": BUMP, "ends": (0.0, 0.0)},
    },
)
