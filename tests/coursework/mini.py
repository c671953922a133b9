"""A problem set of two small problems, to try the machinery on."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from resode_grader.sets import Part, Problem

from resode_course.coursework.sheets import KINDS

COHORTS = ("book", "spring", "tripos-7")


def draw_scale(rng):
    return {"a": round(float(rng.uniform(0.5, 1.5)), 2)}


@dataclass(frozen=True)
class Values:
    """Each number times the factor."""

    x: Any
    right: Any

    def feedback(self, answer):
        """Return None if it is right, else a sentence."""
        got = np.asarray(answer(self.x))
        if got.shape != self.x.shape:
            return f"Expected an array of shape {self.x.shape}, got {got.shape}."
        if np.allclose(got, self.x):
            return "The factor is missing."
        if np.allclose(got, self.right):
            return None
        return f"Each entry must be a x, {self.right[0]:.12f} the first."


@dataclass(frozen=True)
class Linear:
    """Sums go to sums."""

    x: Any
    y: Any

    def feedback(self, answer):
        """Return None if it is right, else a sentence."""
        x, y = self.x, self.y
        if np.shape(answer(x)) != x.shape or not np.all(np.isfinite(answer(x))):
            return "These are no numbers, one for each of x."  # nothing at all would be linear
        linear = np.allclose(answer(x + y), np.add(answer(x), answer(y)))
        return None if linear else "It must be linear."


@dataclass(frozen=True)
class Number:
    """The power itself."""

    right: int

    def feedback(self, answer):
        """Return None if it is right, else a sentence."""
        if answer == "end the grader":  # what a check does when it meets its own bug
            os._exit(3)
        return None if answer == self.right else "That is not the power."


KINDS.update({kind.__name__: kind for kind in (Values, Linear, Number)})


def values(p, rng):
    x = rng.normal(size=5)
    return [Values(x, p["a"] * x)]


def linear(p, rng):
    return [Linear(*rng.normal(size=(2, 4)))]


def draw_power(rng):
    return {"exponent": int(rng.integers(2, 6))}


def number(p, rng):
    return [Number(2 ** p["exponent"])]


PROBLEMS = (
    Problem(
        "0.1",
        "scaled",
        6,
        draw_scale,
        (Part("values", 4, values), Part("linear", 2, linear)),
    ),
    Problem("0.2", "power", 2, draw_power, (Part("number", 2, number),)),
)

RIGHT = {
    "0.1": [lambda p: lambda x: p["a"] * x, lambda p: lambda x: [p["a"] * float(v) for v in x]],
    "0.2": [lambda p: 2 ** p["exponent"], lambda p: 1 << p["exponent"]],
}
WRONG = {
    "0.1": {
        "no factor": lambda p: lambda x: x,
        "squared": lambda p: lambda x: p["a"] * x**2,
        "one number": lambda p: lambda x: 1.0,
        "another class's factor": lambda p: lambda x: 0.123 * x,
        "raises": lambda p: lambda x: x / "2",
    },
    "0.2": {
        "exponent": lambda p: p["exponent"],
        "product": lambda p: 2 * p["exponent"] - 100,
        "text": lambda p: str(2 ** p["exponent"]),
        "not a number": lambda p: float("nan"),
        "one too many": lambda p: 2 ** (p["exponent"] + 1),
    },
}
