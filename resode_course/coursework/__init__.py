"""The problem sets, as a notebook needs them: the numbers of its class and immediate checks.

A notebook names its class once, ``COHORT = "book"``, and holds what its checks compare with in
``CHECKS``. Both come with the notebook. What is not here is how to solve a problem: a grader draws
further inputs from a key that only the instructor has, and knows what is right for them.
"""

import copy
import sys
from functools import lru_cache
from typing import Any

from resode_course.coursework.sheets import Sheet, unpack

__all__ = ["check", "parameters"]


def parameters(label: str) -> dict[str, Any]:
    """Return the numbers of your class for a problem.

    Args:
        label: the problem's number, such as "1.2".

    Raises:
        KeyError: if the notebook has no such problem.
        NameError: if the notebook does not say which class it belongs to, or has no checks.
        ValueError: if its checks are those of another class, or damaged.
    """
    return copy.deepcopy(_sheet().problem(label).parameters)


def check(label: str) -> None:
    """Print what your answer earns on the public inputs, and why not more.

    The mark is decided on other inputs, of the same kind.

    Args:
        label: the problem's number; the answer is looked up by the name that the statement gives.

    Raises:
        KeyError: if the notebook has no such problem.
        NameError: if the notebook does not say which class it belongs to, or has no checks.
        ValueError: if its checks are those of another class, or damaged.
    """
    problem = _sheet().problem(label)
    print(problem.report(getattr(_notebook(), problem.name, ...)))


def _notebook() -> Any:
    """The module in which the cells of a notebook run."""
    return sys.modules["__main__"]


def _sheet() -> Sheet:
    """What the notebook holds, for the class that it names."""
    cohort, checks = (getattr(_notebook(), name, None) for name in ("COHORT", "CHECKS"))
    if not isinstance(cohort, str):
        raise NameError(
            f"the notebook's COHORT is {cohort!r}; expected the name of your class. Run its first "
            "cell."
        )
    if not isinstance(checks, str):
        raise NameError(
            f"the notebook's CHECKS is {checks!r:.40}; expected the text of the folded cell below "
            "its first one. Run that cell."
        )
    sheet = _unpacked(checks)
    if sheet.cohort != cohort:
        raise ValueError(
            f"got CHECKS of set {sheet.number} for the class {sheet.cohort!r} in a notebook of "
            f"{cohort!r}; expected both from one notebook. Copy both cells from the one that you "
            "were given."
        )
    return sheet


@lru_cache(maxsize=4)
def _unpacked(checks: str) -> Sheet:
    """The sheet that a text holds, unpacked once."""
    return unpack(checks)
