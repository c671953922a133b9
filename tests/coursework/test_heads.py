"""What the head of a set and the schedule say of it: points, signs behind titles, the core."""

import re
from pathlib import Path

import pytest
from assignments import problems_of, read_source
from labels import read_book

ROOT = Path(__file__).parents[2]
SETS = sorted((ROOT / "coursework").glob("set*.md"))
SCHEDULE = (ROOT / "book/instructors/schedule.md").read_text(encoding="utf-8")
SIGNS = re.compile(r" (?P<hard>[○◐●])(?P<matters>[◆◇])$")


@pytest.fixture(scope="module")
def book():
    return read_book(ROOT)


@pytest.fixture(params=SETS, ids=lambda path: path.stem)
def source(request, book):
    return read_source(request.param, problems_of(request.param), book)


def head_of(source):
    return source.page.source.read_text(encoding="utf-8").partition("\n## Problem")[0]


def number_of(source):
    return source.page.source.stem.removeprefix("set")


def points(source, kind):
    """The points of programs, of proofs, or of the last program's picture."""
    trained = f"{number_of(source)}.9"
    kinds = {
        label: "programs" if not task.written else "picture" if label == trained else "written"
        for label, task in source.tasks.items()
    }
    return sum(task.points for label, task in source.tasks.items() if kinds[label] == kind)


def test_the_head_and_the_schedule_have_the_points_of_the_problems(source):
    row = re.search(rf"^\| {number_of(source)} \|(.+)\|$", SCHEDULE, re.M)[1]
    for kind in ("programs", "written", "picture"):
        if total := points(source, kind):
            assert f"{total} points" in head_of(source), kind
            assert f"{total} points" in row, kind
    assert sum(map(int, re.findall(r"(\d+) points", row))) == sum(
        task.points for task in source.tasks.values()
    )


def test_every_problem_says_how_hard_it_is_and_how_much_it_matters(source):
    marks = [SIGNS.search(task.title) for task in source.tasks.values()]
    assert all(marks)
    for sign in {found[kind] for found in marks for kind in ("hard", "matters")}:
        assert f"{sign} " in head_of(source)


def test_half_of_a_set_is_of_its_core(source):
    half = re.search(rf"^\| half of set {number_of(source)} \|(.+)$", SCHEDULE, re.M)
    core = [label for label, task in source.tasks.items() if "◆" in task.title]
    assert core
    if half:
        assert set(re.findall(r"\d\.\d", half[1])) <= set(core)
