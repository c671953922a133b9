"""Immediate checks for the exercises of the chapters, by label.

A check returns None when the answer is right, and otherwise one sentence that says what is wrong
with it. Checks test properties on instances of their own; none compares with a stored number.
"""

from collections.abc import Callable
from functools import wraps
from inspect import isfunction
from typing import Any

from resode_course._feedback import NO_RETURN
from resode_course.exercises import (
    adjoints,
    closeness,
    depth_factor,
    double_limit,
    euler,
    gradient_flow,
    images,
    implicit_regularization,
    integrators,
    jax_and_flax,
    limits,
    linear_networks,
    network,
    overparameterization,
    polyak_lojasiewicz,
    training_without_memory,
    turnpike,
    variable_width,
)

__all__ = ["CHECKS", "check"]

CHECKS = {
    **network.CHECKS,
    **jax_and_flax.CHECKS,
    **euler.CHECKS,
    **integrators.CHECKS,
    **closeness.CHECKS,
    **depth_factor.CHECKS,
    **gradient_flow.CHECKS,
    **linear_networks.CHECKS,
    **implicit_regularization.CHECKS,
    **polyak_lojasiewicz.CHECKS,
    **overparameterization.CHECKS,
    **double_limit.CHECKS,
    **adjoints.CHECKS,
    **training_without_memory.CHECKS,
    **limits.CHECKS,
    **turnpike.CHECKS,
    **variable_width.CHECKS,
    **images.CHECKS,
}


def check(label: str, answer: Any) -> None:
    """Print one line: right, not yet (and why), or not attempted.

    Args:
        label: the label of the exercise.
        answer: what you wrote; ``...`` counts as not attempted.

    Raises:
        KeyError: if no exercise has this label; the message lists those there are.
    """
    if label not in CHECKS:
        raise KeyError(f"no exercise has the label {label!r}; there are {sorted(CHECKS)}.")
    if answer is ...:
        print(f"{label}: not attempted.")
        return
    try:
        feedback = CHECKS[label](_with_return(answer) if isfunction(answer) else answer)
    except _MissingReturnError:
        feedback = NO_RETURN
    except Exception as error:  # whatever the reader's own code raises is feedback, not a crash
        feedback = f"Your answer raised {type(error).__name__}: {error}"
    print(f"{label}: right." if feedback is None else f"{label}: not yet. {feedback}")


class _MissingReturnError(Exception):
    """A function of the reader returned nothing."""


def _with_return(answer: Callable) -> Callable:
    """Stop at a call that returns nothing, before a check meets a None that it does not expect."""

    @wraps(answer)
    def call(*args: Any, **kwargs: Any) -> Any:
        value = answer(*args, **kwargs)
        if value is None:
            raise _MissingReturnError
        return value

    return call
