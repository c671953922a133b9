"""With the factor 1/L every network is close to some ODE, however rough its weights."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import one_over_depth
from resode_lib import integrators, resnet, stacks
from resode_lib._types import Array, Key, State
from resode_lib.blocks import TwoLayer
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]

WIDTH, HIDDEN, FINE = 8, 16, 16


def one_over_root(depth: int) -> float:
    """Return ``1/sqrt(L)``, the scale at which independent layers do not average out."""
    return depth**-0.5


@dataclass(frozen=True)
class Config:
    """Independent Gaussian layers; the ODE keeps the weights of a layer on its whole cell."""

    depths: tuple[int, ...] = (16, 32, 64, 128, 256)
    step_size: Callable[[int], float] = one_over_depth


@dataclass(frozen=True)
class Result:
    """The distance at the end of depth, per depth."""

    depths: tuple[int, ...]
    distances: np.ndarray


def run(config: Config) -> Result:
    """Compare every network with the flow of its own piecewise constant weights."""
    return Result(
        config.depths,
        np.array([distance(depth, config.step_size(depth)) for depth in config.depths]),
    )


def draw(key: Key) -> TwoLayer:
    """Draw one Gaussian layer."""
    return TwoLayer.gaussian(key, width=WIDTH, hidden=HIDDEN)


def distance(depth: int, step_size: float) -> float:
    """Return the root mean square over samples; the flow by sixteen RK4 steps per layer."""
    stack = stacks.iid(draw, jax.random.key(depth), depth)
    start = jax.random.normal(jax.random.key(0), (64, WIDTH))

    def layer(h: State, block: TwoLayer) -> tuple[State, None]:
        fine = integrators.integrate(
            lambda s, h: block(h),
            h,
            depth=FINE,
            integrator=integrators.rk4,
            step_size=step_size / FINE,
        )
        return fine[-1], None

    @jax.jit
    def gap(stack: TwoLayer, h: State) -> Array:
        exact = jax.lax.scan(layer, h, stack)[0]
        return jnp.linalg.norm(resnet.forward(stack, h, step_size=step_size) - exact, axis=-1)

    return float(jnp.sqrt(jnp.mean(gap(stack, start) ** 2)))


def judge(result: Result) -> tuple[Check, ...]:
    """The distance falls like ``1/L`` or faster."""
    slope = observed_slope(result.depths, result.distances).value
    return (Check("slope of the distance", slope, high=-0.9),)


CLAIM = Claim(
    label="prop-piecewise-constant-ode",
    chapter="discretize/closeness",
    statement=(
        "With the factor 1/L, bounded residuals that are Lipschitz in the state stay within O(1/L) "
        "of an ODE with piecewise constant weights: smoothness in depth is not needed."
    ),
    source="the course",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"the factor 1/L": {"step_size": one_over_root}},
)
