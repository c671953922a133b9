"""A notebook's checks survive the text that holds them, and a mixture of two classes is noticed."""

import sys
import types

import mini
import numpy as np
import pytest
from resode_grader.sets import parameters_of, sheet_of

from resode_course.coursework import check, parameters
from resode_course.coursework.cases import Case
from resode_course.coursework.marks import DrawnPart, DrawnProblem
from resode_course.coursework.sheets import Sheet, pack, unpack


@pytest.fixture
def notebook(monkeypatch):
    """The names of a notebook of the class spring."""
    module = types.ModuleType("__main__")
    module.COHORT, module.CHECKS = "spring", pack(sheet_of("0", mini.PROBLEMS, "spring"))
    monkeypatch.setitem(sys.modules, "__main__", module)
    return module


def sheet_with(case):
    part = DrawnPart("part", 2, (case,))
    return Sheet("0", "spring", (DrawnProblem("0.1", "f", {"a": 0.1, "list": [1, 2]}, (part,)),))


def only_case(sheet):
    return unpack(pack(sheet)).problem("0.1").parts[0].cases[0]


def test_what_a_case_holds_survives():
    inner = Case((1,), 2.0, {}, "inner")
    arguments = (np.arange(6).reshape(2, 3), np.array([1.0, np.pi]), 3, 0.1, "tanh", [1.5])
    case = Case(arguments, np.eye(2), {"half": np.eye(2) / 2}, "no", whole=1, first=inner)
    got = only_case(sheet_with(case))
    assert got.arguments[0].dtype.kind == "i"
    assert got.arguments[1] == pytest.approx(arguments[1], rel=1e-12)
    assert got.arguments[2:] == [3, 0.1, "tanh", [1.5]]
    assert type(got.arguments[2]) is int
    np.testing.assert_array_equal(got.expected, np.eye(2))
    np.testing.assert_array_equal(got.mistakes["half"], np.eye(2) / 2)
    assert (got.otherwise, got.whole, got.tolerance) == ("no", 1, 1e-6)
    assert got.first.otherwise == "inner"


def test_mistakes_that_were_not_computed_yet_are():
    assert only_case(sheet_with(Case((), 1.0, lambda: {"two": 2.0}, "no"))).mistakes == {"two": 2.0}


def test_numbers_and_checks_come_from_the_notebook(notebook, capsys):
    numbers = parameters("0.1")
    assert numbers == parameters_of(mini.PROBLEMS[0], "spring")
    numbers["a"] = 7  # a copy
    assert parameters("0.1")["a"] != 7
    notebook.scaled = lambda x: x
    check("0.1")
    said = capsys.readouterr().out
    assert "0.1 scaled: 2 of 6 points." in said
    assert "values (0/4): not yet. The factor is missing." in said
    check("0.2")
    assert "0.2 power: not attempted." in capsys.readouterr().out


WRONG = {
    "no class": ({"COHORT": ...}, NameError, "COHORT is Ellipsis; expected the name"),
    "no checks": (
        {"CHECKS": ...},
        NameError,
        "CHECKS is Ellipsis; expected the text of the folded",
    ),
    "another class": (
        {"COHORT": "autumn"},
        ValueError,
        "got CHECKS of set 0 for the class 'spring' in a notebook of 'autumn'; expected both",
    ),
    "cut": ({"CHECKS": lambda text: text[:-40]}, ValueError, "CHECKS that cannot be read"),
    "changed": (
        {"CHECKS": lambda text: text[:200] + "A" + text[201:]},
        ValueError,
        "cannot be read",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_notebook_that_is_mixed_or_damaged_says_so(notebook, what):
    changes, error, message = WRONG[what]
    for name, value in changes.items():
        setattr(notebook, name, value(getattr(notebook, name)) if callable(value) else value)
    with pytest.raises(error, match=message):
        check("0.1")
    with pytest.raises(error, match=message):
        parameters("0.1")


def test_a_problem_of_another_set_is_named(notebook):
    with pytest.raises(KeyError, match=r"has the number '2.1'; it has \['0.1', '0.2'\]"):
        check("2.1")
