"""The problem sets, as a grader needs them: what is drawn for a class, and what is right.

One module for each set. Students do not install this package; while a notebook is graded, it is
closed to the notebook's process.
"""

import importlib
import pkgutil

from resode_grader.sets._problem import (
    PUBLIC,
    Part,
    Problem,
    drawn,
    mark,
    mark_part,
    parameters_of,
    rng,
    sheet_of,
)

__all__ = [
    "PROBLEMS",
    "PUBLIC",
    "Part",
    "Problem",
    "drawn",
    "mark",
    "mark_part",
    "parameters_of",
    "problems_of",
    "rng",
    "sheet_of",
]


def _read_sets() -> dict[str, Problem]:
    """The problems of every module ``setN`` in this folder, by label."""
    found: dict[str, Problem] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if not name.startswith("set"):
            continue
        for problem in importlib.import_module(f"{__name__}.{name}").PROBLEMS:
            if problem.label in found:
                raise ValueError(f"{name} has a second problem {problem.label}; renumber one.")
            if problem.label.split(".")[0] != name.removeprefix("set"):
                raise ValueError(f"{name} has a problem {problem.label}; expected a number of it.")
            found[problem.label] = problem
    return found


PROBLEMS = _read_sets()


def problems_of(number: str) -> tuple[Problem, ...]:
    """Return the programming problems of a set, such as "1".

    Raises:
        KeyError: if there is no such set; the message lists those there are.
    """
    found = tuple(p for p in PROBLEMS.values() if p.label.split(".")[0] == number)
    if not found:
        sets = sorted({label.split(".")[0] for label in PROBLEMS})
        raise KeyError(f"there is no problem set {number!r}; there are {sets}.")
    return found
