"""What students can read earns nothing on hidden inputs: neither code nor the values it holds."""

import ast
import contextlib
import importlib
import inspect
import pkgutil
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from resode_grader.sets import PROBLEMS, drawn, problems_of, sheet_of

import resode_course.coursework
from resode_course.coursework.marks import DrawnPart
from resode_course.coursework.sheets import pack, unpack

ROOT = Path(__file__).parents[2]
KEY = "a key of the tests"
SETS = sorted({label.split(".")[0] for label in PROBLEMS})


@cache
def hidden(label):
    """The parts of a problem with hidden inputs, all of them drawn."""
    parts = [drawn(PROBLEMS[label], part, "spring", KEY) for part in PROBLEMS[label].parts]
    return [DrawnPart(part.title, part.points, tuple(part.cases)) for part in parts]


def earned(label, answer):
    """What an answer earns on hidden inputs, by the title of the part."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # it is given to what was never meant to take it
        marks = [part.mark(answer) for part in hidden(label)]
    return {item.title: item.earned for item in marks if item.earned}


# Every module that students install.
SOURCES = [p for f in ("resode_lib", "resode_course") for p in sorted((ROOT / f).rglob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_students_install_knows_nothing_of_the_grader(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        strings = node.value if isinstance(node, ast.Constant) else ""
        assert not any(name.startswith("resode_grader") for name in names)
        assert not (isinstance(strings, str) and strings.startswith("resode_grader"))


def callables():
    """Every function, class and method, public or not, that a notebook's checks are made of."""
    found = {}
    package = resode_course.coursework
    names = [package.__name__, "resode_course._feedback", "resode_course._plain"]
    names += [m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    for module in map(importlib.import_module, names):
        for name, value in vars(module).items():
            if not getattr(value, "__module__", "").startswith("resode_course"):
                continue
            found[f"{module.__name__}.{name}"] = value
            methods = vars(value).items() if inspect.isclass(value) else ()
            found |= {f"{module.__name__}.{name}.{m}": f for m, f in methods if callable(f)}
    return {name: value for name, value in found.items() if callable(value)}


@pytest.mark.parametrize("label", PROBLEMS)
def test_no_function_that_students_have_is_an_answer(label):
    functions = callables()
    assert len(functions) > 60
    for name, function in functions.items():
        with contextlib.redirect_stdout(None):
            assert not earned(label, function), name


END, CELLS = ("end", "rate", "flattest"), ("nodes", "gain")
DROPOUT, DESIGN = ("scaled", "unscaled", "sampled"), ("J", "w", "J_cheap", "R_cheap")
# Rows of a result's name (none if it is the only one), arguments, the value, the names of all.
HELD = {
    "Case": lambda c: [(c.pick, c.arguments, c.expected, c.of)],
    "Cells": lambda c: [("nodes", [c.rate, c.depth], c.nodes, CELLS)] * (c.nodes is not None),
    "End": lambda c: [("end", [c.start], c.end, END)],
    "Sampled": lambda c: [("sampled", [c.theta, c.depths, c.seed], c.exact, DROPOUT)],
    "Cheapest": lambda c: [
        (name, [c.sigma, c.gap], value, DESIGN)
        for name, value in zip(DESIGN[2:], c.plan, strict=True)
    ],
    "Widths": lambda c: HELD["Case"](c.by_doublings[c.fewest - 2]),
}


@cache
def held(label):
    """A problem as the notebooks of a class hold it."""
    return unpack(packed(label.split(".")[0])).problem(label)


@cache
def packed(number):
    """The checks of a set, as the notebooks of a class hold them."""
    return pack(sheet_of(number, problems_of(number), "spring"))


def stored(label):
    """The values that a notebook holds."""
    cases = [case for part in held(label).parts for case in part.cases]
    return [row for case in cases for row in HELD.get(type(case).__name__, lambda _: [])(case)]


def distance(one, other):
    """How far arguments are apart; infinite if a shape differs."""
    if [np.shape(a) for a in one] != [np.shape(b) for b in other]:
        return np.inf
    return max(float(np.max(np.abs(np.subtract(a, b)))) for a, b in zip(one, other, strict=True))


def copyist(label):
    """An answer that returns what the notebook expects for the nearest arguments that it holds."""
    rows = stored(label)
    names = next((of for *_, of in rows if of), ())

    def answer(*arguments):
        found = {}
        for name in names or [""]:
            near = [
                (distance(arguments, held), value) for pick, held, value, _ in rows if pick == name
            ]
            best = min(near, key=lambda pair: pair[0], default=(np.inf, 0.0))
            found[name] = best[1] if best[0] < np.inf else 0.0
        return tuple(found.values()) if names else found[""]

    return answer


# Parts whose result depends on the class, or on a number that takes few values, on nothing else.
COPIED = {"3.4": {"the smallest width": 2}, "3.5": {"the order of the difference": 1}}


@pytest.mark.parametrize("label", PROBLEMS)
def test_the_values_that_a_notebook_holds_earn_next_to_nothing(label):
    assert earned(label, copyist(label)) == COPIED.get(label, {})


@pytest.mark.parametrize("label", PROBLEMS)
def test_on_public_inputs_the_same_values_do_earn(label):
    """A copyist is no straw man: what he copies is right where it was copied from."""
    copied = [item.earned for item in held(label).marks(copyist(label))]
    assert any(copied) or not stored(label)


@pytest.mark.parametrize("number", SETS)
def test_what_a_notebook_holds_is_small(number):
    assert len(packed(number)) < 60_000
