"""The model case of the turnpike, in closed form."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims._problems import Drift
from resode_lib import control, stacks
from resode_lib.diagnostics import observed_rate, observed_slope

__all__ = ["CLAIM", "Config", "Result", "exact_cost", "exact_state"]

Factor = Callable[[float], float]


def exact_state(times: np.ndarray, *, horizon: float, penalty: float) -> np.ndarray:
    """Return ``cosh((T - t)/r) / cosh(T/r)`` with ``r = sqrt(lambda)``, the optimal state."""
    return np.cosh((horizon - times) / penalty**0.5) / np.cosh(horizon / penalty**0.5)


def exact_cost(*, horizon: float, penalty: float) -> float:
    """Return ``sqrt(lambda) tanh(T / sqrt(lambda))``, the minimal cost from ``x(0) = 1``."""
    return float(penalty**0.5 * np.tanh(horizon / penalty**0.5))


def the_step(dt: float) -> float:
    """Return ``dt``: the penalty is an integral."""
    return 1.0


def no_step(dt: float) -> float:
    """Return what turns the integral into the sum of the squares: weight decay without ``dt``."""
    return 1 / dt


@dataclass(frozen=True)
class Config:
    """``x' = u``, ``x(0) = 1``, cost ``x^2 + lambda u^2``; the horizon changes the step."""

    layers: int = 128
    horizons: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0)
    penalty: float = 0.25
    factor: Factor = the_step


@dataclass(frozen=True)
class Result:
    """Against the closed form, per step ``T / L``.

    Attributes:
        steps: ``dt``.
        costs: error of the minimal cost.
        states: the largest error of a state.
        rate: the rate of the state up to the time 1, for the longest horizon.
        exact_rate: that of the ODE with ``T = infinity``.
    """

    steps: np.ndarray
    costs: np.ndarray
    states: np.ndarray
    rate: float
    exact_rate: float


@cache
def _solver():
    def square(x):
        return jnp.mean(x**2)

    @jax.jit
    def solve(stack, penalty, horizon):
        terms = [(1, control.running(square)), (penalty, control.squared_norm)]
        value = control.objective(jnp.ones((1, 1)), terms, horizon=horizon)
        found = control.minimise(value, stack, tolerance=1e-9)
        return found, control.profile(square, found.stack, jnp.ones((1, 1)), horizon=horizon)

    return solve


def run(config: Config) -> Result:
    """Minimise numerically and compare."""
    steps = np.array(config.horizons) / config.layers
    start = stacks.tied(Drift(jnp.zeros(1)), config.layers)
    costs, states = [], []
    for T, dt in zip(config.horizons, steps, strict=True):
        found, seen = _solver()(start, config.penalty * config.factor(dt), T)
        times, state = np.asarray(seen.times), np.sqrt(np.asarray(seen.losses))
        exact = exact_state(times, horizon=T, penalty=config.penalty)
        states.append(np.abs(state - exact).max())
        cost = float(found.checked().value)
        costs.append(abs(cost - exact_cost(horizon=T, penalty=config.penalty)))
    early = times <= 1
    rate = observed_rate(times[early], state[early]).value
    return Result(steps, np.array(costs), np.array(states), rate, -(config.penalty**-0.5))


def judge(result: Result) -> tuple[Check, ...]:
    """Second order, as trapezoids and constant pieces are."""

    def order(errors: np.ndarray) -> float:
        return observed_slope(result.steps, errors).value

    return (
        Check("order of the cost in dt", order(result.costs), low=1.9),
        Check("order of the states in dt", order(result.states), low=1.9),
        Check("rate / exact rate", result.rate / result.exact_rate, low=0.99, high=1.01),
    )


CLAIM = Claim(
    label="prop-linear-quadratic",
    chapter="control/turnpike",
    statement="For x' = u and the cost x^2 + lambda u^2 the optimal state is "
    "cosh((T - t)/sqrt(lambda)) / cosh(T/sqrt(lambda)) and the minimal cost "
    "sqrt(lambda) tanh(T/sqrt(lambda)).",
    source="proved in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={"the factor dt of the penalty": {"factor": no_step}},
)
