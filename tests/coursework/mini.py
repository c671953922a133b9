"""A problem set of two small problems, to try the machinery on."""

import os

import numpy as np

from resode_course.coursework import Part, Problem

COHORTS = ("book", "spring", "tripos-7")


def draw_scale(rng):
    return {"a": round(float(rng.uniform(0.5, 1.5)), 2)}


def check_values(answer, p, rng):
    x = rng.normal(size=5)
    got = np.asarray(answer(x))
    if got.shape != x.shape:
        return f"Expected an array of shape {x.shape}, got {got.shape}."
    if np.allclose(got, x):
        return "The factor is missing."
    right = p["a"] * x
    return (
        None if np.allclose(got, right) else f"Each entry must be a x, {right[0]:.12f} the first."
    )


def check_linear(answer, p, rng):
    x, y = rng.normal(size=(2, 4))
    if np.shape(answer(x)) != x.shape or not np.all(np.isfinite(answer(x))):
        return "These are no numbers, one for each of x."  # nothing at all would be linear
    return (
        None if np.allclose(answer(x + y), np.add(answer(x), answer(y))) else "It must be linear."
    )


def draw_power(rng):
    return {"exponent": int(rng.integers(2, 6))}


def check_number(answer, p, rng):
    if answer == "end the grader":  # what a check does when it meets its own bug
        os._exit(3)
    return None if answer == 2 ** p["exponent"] else "That is not the power."


PROBLEMS = (
    Problem(
        "0.1",
        "scaled",
        6,
        draw_scale,
        (Part("values", 4, check_values), Part("linear", 2, check_linear)),
    ),
    Problem("0.2", "power", 2, draw_power, (Part("number", 2, check_number),)),
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
