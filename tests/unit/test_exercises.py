import pytest

from resode_course.exercises import CHECKS, check


def test_an_answer_is_right_or_told_why(capsys):
    check("ex-euler-leading", lambda a: 2.718281828459045**a * a**2 / 2)
    check("ex-euler-leading", lambda a: a**2 / 2)
    right, wrong = capsys.readouterr().out.splitlines()
    assert right == "ex-euler-leading: right."
    assert wrong.startswith("ex-euler-leading: not yet. That is the local error")


def test_a_stub_is_not_attempted(capsys):
    check("ex-euler-leading", ...)
    assert capsys.readouterr().out == "ex-euler-leading: not attempted.\n"


def test_an_error_in_the_answer_is_feedback(capsys):
    check("ex-euler-leading", lambda a: a / 0)
    assert "not yet. Your answer raised ZeroDivisionError" in capsys.readouterr().out


def test_an_unknown_label_lists_the_known_ones():
    with pytest.raises(KeyError, match="no exercise has the label 'ex-nothing'.*ex-euler-bug"):
        check("ex-nothing", 1)


@pytest.mark.parametrize("label", CHECKS)
def test_a_missing_return_statement_is_named(label, capsys):
    check(label, lambda *inputs: None)
    assert "is its return statement missing?" in capsys.readouterr().out
