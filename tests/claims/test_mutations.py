"""A test of the tests: with a plausible error in the library or in a formula, a claim fails.

Each row is a mistake that one makes: a shifted index, a factor left out, a wrong weight, a sign.
The claim that is named must fail, by the check that is named.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest

from resode_course import claims
from resode_course.claims import euler
from resode_lib import adjoint, control, integrators, stacks, training, variable_width


class Mistake(NamedTuple):
    """What is replaced by what, the claim that sees it, and the check that fails."""

    owner: Any
    name: str
    wrong: Callable[[Callable], Callable]
    label: str
    fails: str


def slices_at_right_ends(sample):
    return lambda path, depth: jax.vmap(path)((jnp.arange(depth) + 1) / depth)


def a_tenth(bound):
    return lambda *args, **kwargs: bound(*args, **kwargs) / 10


def without_the_factor_of_depth(depth_gradient):
    return lambda loss, parameters, **kwargs: jax.value_and_grad(loss)(parameters)


def without_the_mean_over_layers(depth_norm):
    def norm(parameters, **kwargs):
        return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(parameters)))

    return norm


def without_dt(squared_norm):
    return lambda stack, states, dt: squared_norm(stack, states, 1.0)


def at_left_ends(running):
    return lambda loss: lambda stack, states, dt: dt * sum(jax.vmap(loss)(states[:-1]))


def times_depth(increments):
    def scaled(stack):
        depth = stacks.depth(stack)
        return jax.tree.map(lambda leaf: depth * leaf, increments(stack))

    return scaled


def with_weights_too_large(midpoint_rule):
    def rule(*args, **kwargs):
        grid = midpoint_rule(*args, **kwargs)
        return grid._replace(weights=1.02 * grid.weights)

    return rule


def without_corrections(reconstruction):
    return lambda *args, **kwargs: reconstruction(*args, **{**kwargs, "iterations": 0})


MISTAKES = [
    Mistake(
        stacks,
        "sample",
        slices_at_right_ends,
        "prop-tight-bound",
        "Λ > 0: |ratio - closed form| / rounding",
    ),
    Mistake(euler, "bound", a_tenth, "prop-tight-bound", "Λ = 0: |ratio - 1| / rounding"),
    Mistake(
        training,
        "depth_gradient",
        without_the_factor_of_depth,
        "prop-displacement",
        "|loss lost - energy| / loss lost",
    ),
    Mistake(
        training,
        "depth_norm",
        without_the_mean_over_layers,
        "prop-displacement",
        "largest displacement / bound",
    ),
    Mistake(
        control,
        "squared_norm",
        without_dt,
        "prop-horizon-scaling",
        "largest relative difference of the costs",
    ),
    Mistake(
        control, "running", at_left_ends, "prop-linear-quadratic", "cost: largest error / bound"
    ),
    Mistake(stacks, "increments", times_depth, "prop-increments", "slope of the largest increment"),
    Mistake(
        variable_width,
        "midpoint_rule",
        with_weights_too_large,
        "prop-kernel-quadrature",
        "largest error / bound",
    ),
    Mistake(
        adjoint,
        "reconstruction",
        without_corrections,
        "prop-fixed-point-inversion",
        "largest error / bound",
    ),
]


def forget_programs():
    """Forget what is compiled, and the functions that claims keep to share it."""
    jax.clear_caches()
    modules = [m for name, m in sys.modules.items() if name.startswith("resode_course.claims.")]
    for value in (value for module in modules for value in vars(module).values()):
        if hasattr(value, "cache_clear"):
            value.cache_clear()


def failed_checks(label):
    """The checks of a claim that fail, with nothing compiled before."""
    forget_programs()
    verdict = claims.get(label).verdict(seed=0)
    return {check.quantity for check in verdict.checks if not check.holds}


@pytest.fixture
def forget():
    """Leave no program behind that was compiled with a mistake."""
    yield
    forget_programs()


@pytest.mark.parametrize(
    "mistake", MISTAKES, ids=[f"{m.name} {m.wrong.__name__} {m.label}" for m in MISTAKES]
)
def test_a_mistake_is_caught(mistake, monkeypatch, forget):
    right = getattr(mistake.owner, mistake.name)
    monkeypatch.setattr(mistake.owner, mistake.name, mistake.wrong(right))
    assert mistake.fails in failed_checks(mistake.label)


def test_weights_of_a_method_are_caught(monkeypatch, forget):
    def heun(field, h, ds):
        first = field(0, h)
        return h + ds * (0.6 * first + 0.4 * field(1, h + ds * first))

    wrong = integrators.heun._replace(step=heun)
    monkeypatch.setitem(integrators.INTEGRATORS, "heun", wrong)
    assert failed_checks("thm-integrator-order") == {"slope of heun"}


def test_a_sign_on_the_way_back_is_caught(monkeypatch, forget):
    wrong = property(lambda method: lambda field, h, ds: h + ds * field(0, h))
    monkeypatch.setattr(integrators.Integrator, "reverse", wrong)
    assert "error / bound, smooth weights" in failed_checks("prop-euler-reconstruction")
