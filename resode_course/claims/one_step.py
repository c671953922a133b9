"""Consistent steps that expand distances little converge, with the order of their defect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._claim import Check, Claim
from resode_course.claims.euler_bound import growth_factor
from resode_lib import integrators
from resode_lib._types import Array, Scalar, State
from resode_lib.diagnostics import observed_slope
from resode_lib.integrators import CellField, Integrator

__all__ = ["CLAIM", "START", "Config", "Result", "exact", "rotating"]

# H' = Q(s) A Q(-s) H with the rotation Q(s) by the angle SPEED s. In the frame that turns along the
# weights are constant, A - J, so that H(s) = Q(s) exp(s (A - J)) H(0).
SPEED = 2.0
A = np.array([[0.5, 1.5], [0.5, -1.0]])
J = SPEED * np.array([[0.0, -1.0], [1.0, 0.0]])
START = np.array([1.0, 0.5])
LIPSCHITZ = float(np.linalg.norm(A, ord=2))


def rotating(s: Scalar) -> Array:
    """Return the weights ``Q(s) A Q(-s)``, which do not commute."""
    cos, sin = jnp.cos(SPEED * s), jnp.sin(SPEED * s)
    Q = jnp.stack([jnp.stack([cos, -sin]), jnp.stack([sin, cos])])
    return Q @ A @ Q.T


def exact(s: np.ndarray) -> np.ndarray:
    """Return the solution from `START` at the places ``s``, shape (n, 2)."""
    return derivative(np.eye(2), s)


def derivative(M: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Return ``Q(s) M exp(s B) START`` with ``B = A - J``: every derivative of ``H``.

    The derivative in ``s`` has ``J M + M B`` in the place of ``M``.
    """
    values, vectors = np.linalg.eig(A - J)
    modes = np.exp(np.outer(s, values)) * np.linalg.solve(vectors, START)
    x, y = M @ (modes @ vectors.T).real.T
    cos, sin = np.cos(SPEED * s), np.sin(SPEED * s)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)


def largest_derivatives() -> tuple[float, float]:
    """Return the largest norms of the second and of the third derivative of the solution."""
    second = J @ A + A @ (A - J)
    third = J @ second + second @ (A - J)
    s = np.linspace(0, 1, 1001)
    return largest(derivative(second, s)), largest(derivative(third, s))


def largest(states: np.ndarray) -> float:
    """Return the largest norm."""
    return float(np.linalg.norm(states, axis=-1).max())


class Scheme(NamedTuple):
    """A scheme.

    Attributes:
        order: what is claimed for it.
        steps: how many states a step needs, 1 or 2.
        step: ``(k, ds, states) -> h``, the state after them, the first of which is ``h_k``.
    """

    order: int
    steps: int
    step: Callable[[Scalar, Scalar, Array], Array]


def one_step(method: Integrator) -> Scheme:
    """Return a method of one step; the path is known wherever it is asked for."""

    def step(k: Scalar, ds: Scalar, states: Array) -> Array:
        return method.step(lambda r, h: rotating((k + r) * ds) @ h, states[0], ds)

    return Scheme(method.order, 1, step)


def two_step(k: Scalar, ds: Scalar, states: Array) -> Array:
    """Return ``h_{k+2} = -4 h_{k+1} + 5 h_k + (4 f_{k+1} + 2 f_k)/L``.

    Its defect is of fourth order, as for a method of order three. But its steps multiply a
    difference of neighbouring states by -5.
    """
    residual = 2 * rotating(k * ds) @ states[0] + 4 * rotating((k + 1) * ds) @ states[1]
    return 5 * states[0] - 4 * states[1] + ds * residual


@cache
def compiled(step: Callable) -> Callable:
    """Return the step compiled, once for all depths."""
    return jax.jit(step)


@cache
def measured(scheme: Scheme, depth: int) -> tuple[float, float]:
    """Return the largest defect of a step from the solution, and the largest error, over layers."""
    step, ds = compiled(scheme.step), 1 / depth
    solution = exact(np.arange(depth + 1) / depth)
    states, defects = list(solution[: scheme.steps]), []
    for k in range(depth + 1 - scheme.steps):
        after = k + scheme.steps
        states.append(np.asarray(step(float(k), ds, jnp.asarray(np.stack(states[k:after])))))
        from_solution = step(float(k), ds, jnp.asarray(solution[k:after]))
        defects.append(np.asarray(from_solution) - solution[after])
    return largest(np.stack(defects)), largest(np.stack(states) - solution)


def _late_heun_step(cell: CellField, h: State, ds: Scalar) -> State:
    """Step like Heun, but with the weights of the left end in both evaluations."""
    left = cell(0, h)
    return h + 0.5 * ds * (left + cell(0, h + ds * left))


REGISTERED = {name: one_step(method) for name, method in integrators.INTEGRATORS.items()}
LATE = {"heun": one_step(integrators.heun._replace(step=_late_heun_step))}
UNSTABLE = {"two-step": Scheme(3, 2, two_step)}


@dataclass(frozen=True)
class Config:
    """A flow in closed form; the depths keep the defects of RK4 far above rounding."""

    depths: tuple[int, ...] = (8, 16, 32, 64, 128)
    schemes: Mapping[str, Scheme] = field(default_factory=lambda: REGISTERED)


@dataclass(frozen=True)
class Result:
    """Per scheme and depth: largest defect, largest error, and the bound on the error.

    ``proved`` is the constant ``K`` of the defect where the chapter has one.
    """

    depths: tuple[int, ...]
    orders: dict[str, int]
    defects: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    bounds: dict[str, np.ndarray]
    proved: dict[str, float]


def run(config: Config) -> Result:
    """Measure every scheme at every depth."""
    bend, twist = largest_derivatives()
    proved = {
        "euler": bend / 2,
        "midpoint": twist / 24 + LIPSCHITZ * bend / 8,
        "heun": twist / 12 + LIPSCHITZ * bend / 4,
    }
    depths = np.array(config.depths)
    defects, errors, bounds = {}, {}, {}
    for name, scheme in config.schemes.items():
        defects[name], errors[name] = np.transpose([measured(scheme, L) for L in config.depths])
        bounds[name] = growth_factor(LIPSCHITZ) * depths * defects[name]
    orders = {name: scheme.order for name, scheme in config.schemes.items()}
    return Result(config.depths, orders, defects, errors, bounds, proved)


def judge(result: Result) -> tuple[Check, ...]:
    """Consistency with the claimed order, and the bound that follows with stability."""
    checks = []
    for name, order in result.orders.items():
        defects = result.defects[name]
        # A tenth is allowed for finite depth.
        slope = observed_slope(result.depths, defects).value
        checks.append(Check(f"{name}: slope of the defect", slope, high=-order - 0.9))
        if name in result.proved:
            constant = float((defects * np.array(result.depths) ** (order + 1.0)).max())
            ratio = constant / result.proved[name]
            checks.append(Check(f"{name}: L^{order + 1} defect / K", ratio, high=1))
        ratio = float((result.errors[name] / result.bounds[name]).max())
        checks.append(Check(f"{name}: largest error / bound", ratio, high=1))
    return tuple(checks)


CLAIM = Claim(
    label="thm-one-step",
    chapter="discretize/integrators",
    statement="If steps expand distances by at most e^(Lambda/L) and miss the solution by at most "
    "K/L^(p+1), the error is at most (e^Lambda - 1)/Lambda K/L^p.",
    source="classical; proved in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "stability": {"schemes": UNSTABLE},
        "consistency of order two": {"schemes": LATE},
    },
)
