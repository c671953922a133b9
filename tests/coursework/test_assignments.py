"""Editions of the problem sets: nothing leaks, stubs agree with solutions, solutions are right."""

import contextlib
import io
import re
import sys
import types
from pathlib import Path

import assignments
import cohort
import mini
import numpy as np
import pytest
from address import PLACEHOLDER, Repository
from assignments import EDITIONS, SourceError, edition, leaks, problems_of, read_source, write_set
from IPython.core.inputtransformer2 import TransformerManager
from labels import read_book
from resode_grader.sets import PROBLEMS, parameters_of
from tiny_book import TinyBook

ROOT = Path(__file__).parents[2]
SETS = sorted((ROOT / "coursework").glob("set*.md"))
SMALL = Path(__file__).with_name("set0.md")
MINI = {problem.label: problem for problem in mini.PROBLEMS}
OTHERS = (("solution", "book"), ("student", "spring"))


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    return read_book(TinyBook(tmp_path_factory.mktemp("book")).root)


@pytest.fixture(scope="module")
def book():
    return read_book(ROOT)


@pytest.fixture(params=[SMALL, *SETS], ids=lambda path: path.stem)
def source(request, book, small_book):
    if request.param == SMALL:
        return read_source(SMALL, MINI, small_book)
    return read_source(request.param, problems_of(request.param), book)


def run(notebook, monkeypatch):
    """Run the code cells as a kernel would; return what they print."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(TransformerManager().transform_cell(cell.source), module.__dict__)
    return printed.getvalue()


@pytest.mark.parametrize("name", ["book", "spring"])
def test_a_student_edition_shows_nothing_of_solutions(source, name):
    student = edition(source, "student", name)
    assert leaks(source, student) == []
    text = "\n".join(cell.source for cell in student.cells)
    for word in ("BEGIN SOLUTION", "END SOLUTION", "# STUB", "Model answer", "Rubric", ":::"):
        assert word not in text
    assert {cell.metadata.get("resode", {}).get("role") for cell in student.cells} <= {
        None,
        "answer",
    }


def test_a_leak_would_be_seen(source):
    assert leaks(source, edition(source, "solution", "book"))
    assert len(leaks(source, edition(source, "instructor", "book"))) > 1


def test_a_student_edition_runs_as_handed_out(source, monkeypatch):
    printed = run(edition(source, "student", "spring"), monkeypatch)
    for label, problem in source.problems.items():
        assert f"{label} {problem.name}: not attempted." in printed


@pytest.mark.parametrize("name", mini.COHORTS)
def test_the_solution_earns_full_marks(source, name, monkeypatch):
    printed = run(edition(source, "solution", name), monkeypatch)
    for label, problem in source.problems.items():
        points = problem.points
        assert f"{label} {problem.name}: {points} of {points} points." in printed


def test_a_printed_solution_belongs_to_its_class(source, monkeypatch):
    solution, student = (edition(source, kind, name) for kind, name in OTHERS)
    for cell, theirs in zip(solution.cells, student.cells, strict=False):
        if 'COHORT = "' in cell.source or "CHECKS = " in cell.source:
            cell.source = theirs.source  # nothing but these two belongs to spring
    printed = run(solution, monkeypatch)
    kept = sum(
        f"{label} {problem.name}: {problem.points} of" in printed
        for label, problem in source.problems.items()
    )
    assert kept <= len(source.problems) / 2, printed


def test_editions_are_the_same_byte_for_byte(source, tmp_path):
    files = write_set(source, tmp_path / "one", "spring")
    assignments._packed.cache_clear()
    again = write_set(source, tmp_path / "two", "spring")
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]
    assert [path.parent.name for path in files] == list(EDITIONS)
    text = files[0].read_text()
    assert '"name": "python3"' in text
    assert '"cohort": "spring"' in text


def test_an_instructor_edition_has_everything(source):
    instructor = edition(source, "instructor", "book")
    roles = [cell.metadata.get("resode", {}).get("role") for cell in instructor.cells]
    written = sum(task.written for task in source.tasks.values())
    assert roles.count("misconceptions") == len(source.tasks)
    assert roles.count("rubric") == roles.count("model-answer") == written
    assert roles.count("answer") == len(source.problems)


def test_no_page_of_the_site_shows_a_solution():
    """Neither a line of a solution nor of a model answer stands in what the book is built from."""
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "book").rglob("*.md")]
    shown = {line.strip() for page in pages for line in page.split("\n")}
    book = read_book(ROOT)
    for path in SETS:
        source = read_source(path, problems_of(path), book)
        staff = [piece for piece in source.pieces if piece.role in ("model-answer", "rubric")]
        lines = {line.strip() for piece in staff for line in piece.blocks[0].body}
        assert not {line for line in lines & shown if len(line) > 40}
    config = (ROOT / "_config.yml").read_text()
    assert '  - "coursework"\n' in config
    assert "coursework/" not in (ROOT / "_toc.yml").read_text()


def test_every_problem_of_the_library_has_a_source():
    covered = {label for path in SETS for label in problems_of(path)}
    assert covered == set(PROBLEMS)


def test_numbers_stand_in_the_solution_and_not_in_the_stub(small_book):
    small = read_source(SMALL, MINI, small_book)
    a = parameters_of(MINI["0.1"], "spring")["a"]
    solution = "\n".join(cell.source for cell in edition(small, "solution", "spring").cells)
    student = "\n".join(cell.source for cell in edition(small, "student", "spring").cells)
    assert f"factor = {a} ** repeat" in solution
    assert "def scaled(x, *, repeat=1):\n    return ..." in student
    assert 'COHORT = "spring"' in student
    assert "See One." in student  # a link, as soon as the course has an address


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (-0.5, "(-0.5)"),
        (np.float64(0.1), "0.1"),
        ("tanh", "'tanh'"),
        (np.array([1, 2]), "np.array([1, 2])"),
    ],
)
def test_a_number_can_stand_anywhere(value, code):
    assert assignments._literal(value) == code


MISTAKES = [
    (
        "    # END SOLUTION\n",
        "",
        "set0.md:48: got a STUB inside the solution that begins in line 44",
    ),
    ('ponent"]\n# END SOLUTION\n', 'ponent"]\n', "got BEGIN SOLUTION without END"),
    ("    # BEGIN SOLUTION\n", "", "got '# END SOLUTION' out of order"),
    ("    # STUB: return ...", "    # STUB: return (", "no Python"),
    ("# STUB: power = ...", "# STUB: powers = ...", "does not define power"),
    ("    # STUB: return ...\n", "", "no Python"),
    (":::{misconceptions}\nMany", ":::{misconception}\nMany", "0.1 has no misconceptions"),
    ("Multiply by", ":::{strange}\nx\n:::\nMultiply by", "the directive {strange}"),
    ("Problem 0.1: A factor (6", "Problem 0.1: A factor (7", "set0.md:29: got 7 points"),
    ("Problem 0.1: A", "Problem 0.9: A", "got check('0.1') under problem 0.9"),
    ("## Problem 0.2: A power (2 points)", "## Problem 0.2 (2 points)", "set0.md:60: got '## Prob"),
    ('check("0.2")', "", "set0.md:60: problem 0.2 has no check"),
    ("| the inequality to start from is named | 1 |\n", "", "the rubric gives 3 points"),
    (":::{model-answer}\nAdd", ":::{note}\nAdd", "problem 0.3 has no model-answer"),
    ('COHORT = "book"', 'COHORT = "mine"', 'expected the line COHORT = "book" once'),
    ('p2 = parameters("0.2")', 'p1 = parameters("0.2")', "got p1 for the numbers of problem 0.2"),
    ("{eq}`eq-factor`", "{eq}`eq-nothing`", "unknown label 'eq-nothing'"),
    ("{doc}`/book/one`", "{strange}`x`", "the role {strange}"),
    (
        "    # STUB: return ...",
        "    # STUB: return ...\n\ndef scaled(x):\n    return x",
        None,
    ),
    (
        "See {doc}",
        '# Many\nfactor = p1["a"] ** repeat\n\nSee {doc}',
        "the student edition would show",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES)
def test_a_source_that_could_mislead_is_refused(small_book, tmp_path, old, new, message):
    text = SMALL.read_text()
    assert old in text
    path = tmp_path / "set0.md"
    path.write_text(text.replace(old, new, 1))

    def build():
        source = read_source(path, MINI, small_book)
        write_set(source, tmp_path / "out", "book")

    if message is None:  # both editions define it in the same way
        build()
        return
    with pytest.raises(SourceError, match=re.escape(message)) as caught:
        build()
    assert re.match(r"set0\.md:\d+: ", str(caught.value))


def test_a_stub_with_another_signature_is_refused(small_book, tmp_path):
    text = SMALL.read_text()
    old = "def scaled(x, *, repeat=1):\n    # BEGIN SOLUTION\n"
    new = (
        "# STUB: def scaled(x):\n# BEGIN SOLUTION\ndef scaled(x, *, repeat=1):\n"
        "    # A longer solution.\n"
    )
    text = text.replace(old, new).replace(
        "    # END SOLUTION\n    # STUB:", "# END SOLUTION\n# STUB:    "
    )
    path = tmp_path / "set0.md"
    path.write_text(text)
    with pytest.raises(SourceError, match=r"stub of scaled is scaled\(x\), but the solution is"):
        read_source(path, MINI, small_book)


def test_a_strange_cohort_is_refused(capsys):
    assert assignments.main(["--cohort", 'x"; import os'], ROOT) == 1
    assert "expected letters, digits" in capsys.readouterr().err


def test_a_class_gets_editions_and_a_key_once(tmp_path, capsys):
    root = TinyBook(tmp_path).root
    assert cohort.main(["spring-2027"], root) == 0
    key = root / "cohorts/spring-2027.key"
    first = key.read_text()
    assert len(first.strip()) == 64
    assert key.stat().st_mode & 0o077 == 0
    assert cohort.main(["spring-2027"], root) == 0
    assert key.read_text() == first
    out = capsys.readouterr().out
    assert "kept cohorts/spring-2027.key" in out
    assert "resode-grade submissions/ --set 1 --cohort spring-2027" in out
    assert cohort.main(["a b"], root) == 1
    assert "got the name 'a b'" in capsys.readouterr().err


def test_a_class_can_be_pinned_to_a_tag(small_book, monkeypatch):
    ours = Repository("ada", "course")
    monkeypatch.setattr(assignments, "fill", lambda text: text.replace(PLACEHOLDER.url, ours.url))
    small = read_source(SMALL, MINI, small_book)
    cells = edition(small, "student", "spring", "v-spring").cells
    assert any("course@v-spring" in cell.source for cell in cells)
    assert not any("@main" in cell.source for cell in cells)


def test_keys_and_grades_stay_outside_git():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/cohorts/", "/grades*", "/submissions*/", "/rehearsal/", "/roster*.csv"} <= set(
        ignored
    )
