"""Every integrator of the registry shows its order on a smooth path."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from resode_course.claims import _problems
from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import network_errors
from resode_lib import continuous, integrators
from resode_lib.diagnostics import observed_slope

__all__ = ["CLAIM", "Config", "Result"]


def on_the_path(
    problem: _problems.Problem, depths: tuple[int, ...], method: integrators.Integrator
) -> np.ndarray:
    """Return the error at ``s = 1`` when the method may evaluate the path anywhere."""
    field = continuous.field_of(problem.path)
    exact = problem.exact(jnp.array([0.0, 1.0]))[-1]

    def error(depth: int) -> float:
        states = integrators.integrate(field, problem.start, depth=depth, integrator=method)
        return float(jnp.linalg.norm(states[-1] - exact, axis=-1).max())

    return np.array([error(depth) for depth in depths])


def on_slices(
    problem: _problems.Problem, depths: tuple[int, ...], method: integrators.Integrator
) -> np.ndarray:
    """Return the error when only the slices ``theta(k/L)`` are known, as in a network."""
    return network_errors(problem, depths, integrator=method)


@dataclass(frozen=True)
class Config:
    """A rotation whose speed depends on depth, in closed form.

    The depths keep the error of RK4 two orders of magnitude above rounding.
    """

    depths: tuple[int, ...] = (8, 16, 32, 64, 128)
    problem: Callable[[], _problems.Problem] = _problems.EXACT["swinging"]
    errors: Callable[..., np.ndarray] = on_the_path


@dataclass(frozen=True)
class Result:
    """The errors of every integrator, per depth."""

    depths: tuple[int, ...]
    errors: dict[str, np.ndarray]


def run(config: Config) -> Result:
    """Measure every method of the registry."""
    problem = config.problem()
    return Result(
        config.depths,
        {
            name: config.errors(problem, config.depths, method)
            for name, method in integrators.INTEGRATORS.items()
        },
    )


def judge(result: Result) -> tuple[Check, ...]:
    """The error falls at least as fast as the order says, a tenth allowed for finite depth."""
    return tuple(
        Check(
            f"slope of {name}",
            observed_slope(result.depths, errors).value,
            high=-integrators.get(name).order + 0.1,
        )
        for name, errors in result.errors.items()
    )


CLAIM = Claim(
    label="thm-integrator-order",
    chapter="discretize/euler",
    statement="On a smooth path the error of Euler, midpoint, Heun and RK4 falls like L^-1, "
    "L^-2, L^-2 and L^-4.",
    source="classical; for Euler proved in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "the path known between the layers": {"errors": on_slices},
        "no jump in depth": {"problem": _problems.jump},
    },
)
