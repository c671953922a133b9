"""One mistake in problem set 6 costs the points of one part."""

import importlib.util
from pathlib import Path

import pytest

from resode_lib.coursework import mark, parameters_of, problems_of

PROBLEM = next(problem for problem in problems_of("6") if problem.label == "6.1")
path = Path(__file__).parent / "answers" / "set6.py"
spec = importlib.util.spec_from_file_location("answers_of_set6", path)
answers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(answers)


@pytest.mark.parametrize("title", ["freedom", "one-sided", "normal", "no quantile", "whole width"])
def test_a_wrong_quantile_does_not_lose_where_rounding_begins(title):
    answer = answers.RATE_WRONG[title](parameters_of(PROBLEM, "book"))
    lost = [item.title for item in mark(PROBLEM, answer, "book") if item.feedback is not None]
    assert lost == ["its uncertainty"]


def test_rounding_in_the_half_width_alone_is_seen():
    p = parameters_of(PROBLEM, "book")
    right, all_depths = answers.rate(p), answers.RATE_WRONG["rounding kept"](p)

    def mixed(depths, errors):
        return right(depths, errors)[0], all_depths(depths, errors)[1]

    lost = {item.title: item.feedback for item in mark(PROBLEM, mixed, "book") if item.feedback}
    assert lost == {"where rounding begins": "The half width is that of the depths kept."}


def test_the_width_of_more_doublings_than_needed_is_right():
    problem = next(problem for problem in problems_of("6") if problem.label == "6.2")
    p = parameters_of(problem, "book")
    right = answers.design(p)

    def careful(sigma, gap):
        J, w, *plan = right(sigma, gap)
        more = J + 2
        return more, w * (J * (J + 1) * (J + 2) / (more * (more + 1) * (more + 2))) ** 0.5, *plan

    lost = [item.title for item in mark(problem, careful, "book") if item.feedback is not None]
    assert lost == ["how many doublings"]
