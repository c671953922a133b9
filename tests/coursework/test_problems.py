"""Every problem accepts its right answers, each of another kind, and catches typical mistakes.

The answers stand in ``answers/setN.py``. The rates at which mistakes are caught are printed at the
end of the run.
"""

import importlib.util
import time
from functools import cache
from pathlib import Path

import mini
import numpy as np
import pytest
from mini import COHORTS
from resode_grader.sets import (
    PROBLEMS,
    PUBLIC,
    mark,
    mark_part,
    parameters_of,
    problems_of,
    rng,
    sheet_of,
)

from resode_course.coursework.sheets import pack, unpack

KEYS = (PUBLIC, "a key of the tests")
SLOWEST = 4.0  # seconds of the processor for all parts of a right answer, compiling included
ALL = {**{problem.label: problem for problem in mini.PROBLEMS}, **PROBLEMS}


def read_answers(number):
    """The module of answers of a set; the small set brings its own."""
    if number == "0":
        return mini
    path = Path(__file__).with_name("answers") / f"set{number}.py"
    spec = importlib.util.spec_from_file_location(f"answers_set{number}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ANSWERS = {number: read_answers(number) for number in {label.split(".")[0] for label in ALL}}


def right(label):
    return ANSWERS[label.split(".")[0]].RIGHT.get(label, [])


def wrong(label):
    return ANSWERS[label.split(".")[0]].WRONG.get(label, {})


@cache
def handed_out(number, cohort):
    """What the notebooks of a class hold."""
    problems = mini.PROBLEMS if number == "0" else problems_of(number)
    return unpack(pack(sheet_of(number, problems, cohort)))


@cache
def lost(label, factory, cohort, key):
    """The parts that an answer loses, and why: by a notebook's own check, or by a grader's."""
    answer = factory(parameters_of(ALL[label], cohort))
    if key == PUBLIC:
        marks = handed_out(label.split(".")[0], cohort).problem(label).marks(answer)
    else:
        marks = mark(ALL[label], answer, cohort, key)
    return {item.title: item.feedback for item in marks if item.feedback is not None}


@pytest.mark.parametrize("cohort", COHORTS)
@pytest.mark.parametrize("label", ALL)
def test_right_answers_earn_every_part(label, cohort):
    for number, factory in enumerate(right(label), 1):
        for key in KEYS:
            handed_out(label.split(".")[0], cohort)  # written before, so not timed
            started = time.process_time()
            assert not lost(label, factory, cohort, key), f"right answer {number}, {key}"
            assert time.process_time() - started < SLOWEST


@pytest.mark.parametrize("cohort", COHORTS)
@pytest.mark.parametrize("label", ALL)
def test_typical_mistakes_are_caught(label, cohort, record_property):
    mistakes = [(title, key) for title in wrong(label) for key in KEYS]
    missed = [
        (title, key) for title, key in mistakes if not lost(label, wrong(label)[title], cohort, key)
    ]
    record_property("caught", [label, cohort, len(mistakes) - len(missed), len(mistakes)])
    assert not missed


@pytest.mark.parametrize("label", ALL)
def test_two_right_answers_and_five_mistakes(label):
    assert len(right(label)) >= 2
    assert len(wrong(label)) >= 5


@pytest.mark.parametrize("label", ALL)
def test_every_part_is_lost_by_a_mistake(label):
    titles = {part.title for part in ALL[label].parts}
    for factory in wrong(label).values():
        titles -= set(lost(label, factory, "book", PUBLIC))
    assert not titles, "parts that no mistake loses"


@pytest.mark.parametrize("label", ALL)
def test_the_solution_of_one_class_is_wrong_in_another(label):
    problem = ALL[label]
    numbers = [parameters_of(problem, cohort) for cohort in COHORTS]
    assert str(numbers[0]) != str(numbers[1]) or str(numbers[0]) != str(numbers[2])
    for cohort, own in zip(COHORTS[1:], numbers[1:], strict=True):
        if str(own) != str(numbers[0]):
            answer = right(label)[0](numbers[0])
            marks = mark(problem, answer, cohort, "a key of the tests")
            assert any(item.feedback is not None for item in marks), cohort


@pytest.mark.parametrize("label", ALL)
def test_an_answer_that_is_missing_is_not_attempted(label):
    for stub in (..., lambda *a, **k: None, lambda *a, **k: ...):
        marks = mark(ALL[label], stub, "book")
        assert not any(item.earned for item in marks)
    assert not any(item.attempted for item in mark(ALL[label], ..., "book"))


@pytest.mark.parametrize("label", ALL)
def test_garbage_is_feedback_and_earns_nothing(label):
    garbage = (np.full(3, np.nan), "text", {}, [], -1, np.zeros((0, 7)), [[1], [2, 3]], {"a": ...})
    for value in garbage:
        for answer in (value, lambda *a, value=value, **k: value):
            marks = mark(ALL[label], answer, "book")
            assert sum(item.earned for item in marks) < ALL[label].points


def without_numbers(value, instead, kinds):
    """The same answer with every floating number replaced; ``kinds`` notes what it consists of."""
    if isinstance(value, (list, tuple)):
        return type(value)(without_numbers(item, instead, kinds) for item in value)
    if isinstance(value, dict):
        return {name: without_numbers(item, instead, kinds) for name, item in value.items()}
    array = np.asarray(value)
    kinds.add(array.dtype.kind)
    return np.full(array.shape, instead)[()] if array.dtype.kind in "fc" else value


@pytest.mark.parametrize("label", ALL)
def test_numbers_that_are_none_lose(label):
    """A comparison with not-a-number is false, so a check that asks for a large error is fooled."""
    answer = right(label)[0](parameters_of(ALL[label], "book"))
    for part in ALL[label].parts:
        for instead in (np.nan, np.inf):
            kinds = set()

            def broken(*arguments, instead=instead, kinds=kinds, **named):
                value = answer(*arguments, **named) if callable(answer) else answer
                return without_numbers(value, instead, kinds)

            given = broken if callable(answer) else broken()
            with np.errstate(all="ignore"):
                item = mark_part(ALL[label], part, given, "book", PUBLIC)
            # Where whole numbers or truth values come with it, the part may look at these only.
            assert item.feedback is not None or not kinds <= {"f", "c"}, (part.title, instead)


def test_numbers_are_the_same_on_every_machine():
    assert rng("book", "0.1").integers(10**6) == 14031
    assert rng("book", "0.1").integers(10**6) != rng("spring", "0.1").integers(10**6)
