"""What the claims about forward errors share: run the network, compare with the ODE."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims._problems import Problem
from resode_lib import resnet, stacks
from resode_lib._types import Array, Numbers, Stack
from resode_lib.diagnostics import observed_slope
from resode_lib.integrators import Integrator, euler

__all__ = [
    "StepSize",
    "network_errors",
    "no_factor",
    "one_over_depth",
    "guide",
    "slope",
    "unperturbed",
]

StepSize = Callable[[int], float]


def one_over_depth(depth: int) -> float:
    """Return the step size of the theorems, ``1/L``."""
    return 1 / depth


def no_factor(depth: int) -> float:
    """Return 1: the residual is added as it is, as in a standard ResNet."""
    return 1.0


def unperturbed(stack: Stack, depth: int) -> Stack:
    """Return the slices as they are."""
    return stack


def network_errors(
    problem: Problem,
    depths: Numbers,
    *,
    integrator: Integrator = euler,
    step_size: StepSize = one_over_depth,
    perturb: Callable[[Stack, int], Stack] = unperturbed,
) -> np.ndarray:
    """Return ``max_k ||h_k - H(k/L)||``, over layers and samples, for each depth ``L``.

    The networks are slices ``theta_k = theta(k/L)`` of the problem's path; all depths are
    compared on the grid of the deepest, so the depths must divide it.

    Args:
        problem: path, start and solution.
        depths: the depths ``L``.
        integrator: what a layer does.
        step_size: of the network, ``1/L`` in the theorems.
        perturb: changes the slices, ``(stack, depth) -> stack``.
    """
    finest = max(depths)
    exact = np.asarray(problem.exact(jnp.arange(finest + 1) / finest))

    def error(depth: int) -> float:
        @jax.jit
        def states(h: Array) -> Array:
            stack = perturb(stacks.sample(problem.path, depth), depth)
            return resnet.trajectory(stack, h, integrator=integrator, step_size=step_size(depth))

        gap = np.asarray(states(problem.start)) - exact[:: finest // depth]
        return np.linalg.norm(gap, axis=-1).max()

    return np.array([error(depth) for depth in depths])


def guide(depths: Numbers, values: Numbers, power: int = -1) -> np.ndarray:
    """Return ``values[0] (L / L_0)^power`` for each depth: the rate, through the first point."""
    return np.asarray(values)[0] * (np.asarray(depths, float) / depths[0]) ** power


def slope(depths: Numbers, errors: Numbers) -> float:
    """Return the observed slope; not a number where an error is not finite: there is no rate."""
    if not np.isfinite(errors).all():
        return float("nan")
    return float(observed_slope(depths, np.asarray(errors)).value)
