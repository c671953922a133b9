"""A class of hostile submissions: the batch ends, each gets an explained mark, no one another's."""

import contextlib
import csv
import html
import json
import socket
import threading
from pathlib import Path

import hostile
import mini
import pytest
from resode_grader import _jail
from resode_grader._command import main
from resode_grader.sets import parameters_of, rng

KEY = "a secret key of the tests"
MINI = mini.__file__.removesuffix("mini.py")
A = parameters_of(mini.PROBLEMS[0], "spring")["a"]
FULL = {"0.1": "6", "0.2": "2"}
SECONDS = "10"
PROC = Path("/proc/self/task").exists()


def values(folder):
    """What the sources of the submissions refer to."""
    return {
        "a": A,
        "other_a": parameters_of(mini.PROBLEMS[0], "book")["a"],
        "exponent": parameters_of(mini.PROBLEMS[1], "spring")["exponent"],
        "other": str(folder / "hand-in/good.ipynb"),
        "key": str(folder / "spring.key"),
        "port": "{port}",
    }


def filled(source, known):
    """A source with its values; braces of the language stay."""
    for name, value in known.items():
        source = source.replace("{" + name + "}", str(value))
        source = source.replace("{" + name + "!r}", repr(value))
    return source


def write_submissions(folder, port):
    known = {**values(folder), "port": port}
    right = [hostile.GOOD_SCALED, hostile.GOOD_POWER]
    rows = {name: [*cells, *right] for name, cells in hostile.CELLS.items()}
    if not PROC:
        rows = {name: cells for name, cells in rows.items() if name not in hostile.COUNTED}
    rows |= hostile.OWN_ANSWERS | {"good": right, "in a folder/good": right}
    for name, cells in rows.items():
        path = folder / f"hand-in/{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(hostile.notebook([filled(cell, known) for cell in (hostile.START, *cells)]))
    cells = [filled(cell, known) for cell in (hostile.START, *right)]
    words = [("markdown", "## Problem 0.3: why (4 points, written)"), ("markdown", "Since $x$.")]
    (folder / "hand-in/writes.ipynb").write_text(hostile.notebook([*cells, *words]))
    kernel = {"kernelspec": {"name": "ir", "language": "R"}, "language_info": {"name": "R"}}
    (folder / "hand-in/wrong kernel.ipynb").write_text(hostile.notebook(cells, kernel))
    (folder / "hand-in/not json.ipynb").write_bytes(b"\xff\xfe PK not a notebook")
    (folder / "hand-in/list.ipynb").write_text("[1, 2]")
    (folder / "hand-in/link.ipynb").symlink_to(folder / "hand-in/good.ipynb")
    (folder / "hand-in/essay.pdf").write_text("not a notebook")


@pytest.fixture(scope="module")
def listener():
    """A port that someone listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: _accept(server), daemon=True)
        thread.start()
        yield server.getsockname()[1]


def _accept(server):
    try:
        while True:
            server.accept()[0].close()
    except OSError:
        return


@pytest.fixture(scope="module")
def batch(tmp_path_factory, listener):
    """The folder in which all of them were graded, once."""
    folder = tmp_path_factory.mktemp("grading")
    (folder / "hand-in").mkdir()
    (folder / "spring.key").write_text(KEY)
    write_submissions(folder, listener)
    edition = {"role": "rubric", "problem": "0.3", "title": "Problem 0.3: why (4 points, written)"}
    cells = [{"cell_type": "markdown", "metadata": {"resode": edition}, "source": "- 4: a reason"}]
    (folder / "editions/instructor").mkdir(parents=True)
    (folder / "editions/instructor/set0.ipynb").write_text(json.dumps({"cells": cells}))
    assert grade(folder) == 1  # some are left to a person
    return folder


def grade(folder, *options):
    """Run the command, as from a terminal."""
    command = [str(folder / "hand-in"), "--set", "0", "--cohort", "spring", "--problems", "mini"]
    command += ["--key", str(folder / "spring.key"), "--out", str(folder / "grades.csv")]
    command += ["--seconds", SECONDS, "--memory", "0.6", "--workers", "2", *options]
    return main([*command, "--editions", str(folder / "editions")])


@pytest.fixture(scope="module")
def rows(batch):
    """The table, by student."""
    with (batch / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def skip_uncounted(student):
    if not PROC and student in hostile.COUNTED:
        pytest.skip("nobody counts processes and memory on this machine")


def marks(row):
    return {label: row[label] for label in FULL}


def file_name(batch, kind, student):
    """The file of a student, whatever mark its name has got."""
    (found,) = [
        path
        for path in (batch / f"grades-{kind}").iterdir()
        if path.stem.partition("~")[0] == student.replace("/", "_") and path.is_file()
    ]
    return found


def told(batch, student):
    return html.unescape(file_name(batch, "feedback", student).read_text())


def shown(batch, student):
    return html.unescape(file_name(batch, "marking", student).read_text())


def test_everyone_has_a_row(batch, rows):
    submissions = [p for p in (batch / "hand-in").rglob("*.ipynb")]
    assert len(rows) == len(submissions) + 1  # and the essay, whose author sent no notebook
    assert all(row["remark"] or marks(row) != {"0.1": "", "0.2": ""} for row in rows.values())


UNHARMED = ["good", "in a folder/good", "writes", "wrong kernel", "magics", "syntax error"]
UNHARMED += ["sys exit", "100 MB output", "infinite loop", "memory bomb"]
UNHARMED += [
    "uses its parameters",
    "one name in two problems",
    "mended and checked again",
    "ñame, with commas; and Ünïcode 名前",
]


@pytest.mark.parametrize("student", UNHARMED)
def test_right_answers_count_whatever_stands_beside_them(rows, student):
    skip_uncounted(student)
    assert marks(rows[student]) == FULL, rows[student]["remark"]


@pytest.mark.parametrize(
    ("student", "remark"),
    [
        ("infinite loop", "took longer than 5 s"),
        ("memory bomb", "MemoryError"),
        ("sys exit", "SystemExit"),
        ("syntax error", "SyntaxError"),
        ("os exit", "ended by itself"),
        ("closes every pipe", "ended by itself"),
        ("fork bomb", "more than 32 processes"),
        ("disk bomb", "MB of files"),
        ("memory bomb in processes", "GB of memory"),
        ("forged answers", "in a form of its own"),
        ("forged kinds", "in a form of its own"),
        ("forged bytes", "While the cells ran"),
        ("not json", "not a notebook"),
        ("list", "not a notebook"),
        ("link", "is a link"),
        ("essay.pdf", "No notebook (.ipynb) that can be read; handed in: essay.pdf."),
        ("from another class", "of the cohort 'book'"),
        ("ends the grader", "grade by hand"),
        ("deleted cells", ""),
    ],
)
def test_the_remark_says_what_happened(rows, student, remark):
    skip_uncounted(student)
    assert remark in rows[student]["remark"]


LOSES = ["monkey-patched check", "fake result printed", "forged answers", "forged bytes", "os exit"]
LOSES += ["forged kinds"]
LOSES += ["deleted cells", "not a number", "wrong shape", "huge array", "an object", "not json"]
LOSES += ["inspects the stack", "squares", "leaks inputs by an error", "fork bomb", "list"]
LOSES += ["asks the checks", "closes every pipe", "disk bomb", "memory bomb in processes"]


@pytest.mark.parametrize("student", LOSES)
def test_no_trick_earns_a_point(rows, student):
    skip_uncounted(student)
    assert marks(rows[student]) == {"0.1": "0", "0.2": "0"}


def test_an_answer_that_hangs_or_exits_costs_its_own_problem_only(rows):
    for student in ("loops in the answer", "exits in the answer"):
        assert marks(rows[student]) == {"0.1": "0", "0.2": "2"}, rows[student]


def test_the_answers_of_another_class_lose_what_depends_on_it(rows):
    assert marks(rows["from another class"]) == {"0.1": "2", "0.2": "0"}


def test_a_grader_that_fails_leaves_the_row_to_the_marker(rows):
    assert marks(rows["ends the grader"]) == {"0.1": "", "0.2": ""}
    assert rows["ends the grader"]["total so far"] == ""


@pytest.mark.skipif(not _jail.landlock(), reason="this machine cannot close files to a process")
def test_another_submission_and_the_key_stay_closed(batch, rows):
    for student in ("reads another submission", "reads the key"):
        assert marks(rows[student]) == {"0.1": "0", "0.2": "0"}
        assert "PermissionError" in rows[student]["remark"]
        assert KEY not in file_name(batch, "details", student).read_text()


@pytest.mark.skipif(not _jail.landlock(), reason="this machine cannot close files to a process")
def test_the_checks_cannot_be_asked(rows):
    assert "ImportError" in rows["asks the checks"]["remark"]
    assert "and 3 more" in rows["asks the checks"]["remark"]


@pytest.mark.skipif(not PROC, reason="nobody lists processes here")
def test_no_process_is_left(batch, rows, listener):
    names = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            names.append(path.read_text().strip())
    assert len(names) > 1
    assert f"left{listener}" not in names
    assert marks(rows["leaves a process behind"]) == FULL


def test_who_kills_the_parent_keeps_or_loses_a_mark_and_nobody_else(rows):
    row = rows["kills the parent"]
    protected = _jail.namespaces() or _jail.landlock() >= 6
    assert marks(row) == FULL if protected else "grade by hand" in row["remark"]


@pytest.mark.skipif("--net" not in _jail.namespaces(), reason="no namespaces on this machine")
def test_the_network_stays_closed(batch, rows):
    assert "Error" in rows["uses the network"]["remark"]
    assert "connected" not in file_name(batch, "details", "uses the network").read_text()


def test_the_stack_of_an_answer_holds_nothing_of_the_check(batch):
    text = file_name(batch, "details", "inspects the stack").read_text()
    assert "'scaled'" in text
    for name in ("check_values", "mark_part", "exponent'", KEY):
        assert name not in text


def hidden_value():
    """The first expected entry on hidden inputs, which the small set's sentence contains."""
    draws = rng("spring", "0.1", KEY, "values")
    return f"{A * draws.normal(size=5)[0]:.12f}"


def test_feedback_never_shows_hidden_values(batch):
    assert hidden_value() in shown(batch, "squares")
    public = rng("spring", "0.1", "public", "values")
    assert f"{A * public.normal(size=5)[0]:.12f}" in told(batch, "squares")
    for path in (batch / "grades-feedback").iterdir():
        assert hidden_value()[:8] not in path.read_text()
        assert KEY not in path.read_text()


def test_inputs_that_an_error_prints_are_public_ones(batch):
    draws = rng("spring", "0.1", KEY, "values").normal(size=5)
    assert str(draws[0])[:8] in shown(batch, "leaks inputs by an error")
    assert str(draws[0])[:8] not in told(batch, "leaks inputs by an error")


def test_written_answers_meet_their_rubric(batch, rows):
    text = shown(batch, "writes")
    assert "Since $x$." in text
    assert "- 4: a reason" in text
    assert rows["writes"]["0.3"] == ""
    assert "- 4: a reason" not in told(batch, "writes")


def test_the_numbers_of_the_class_are_those_that_it_is_graded_by(rows):
    assert rows["uses its parameters"]["remark"] == ""


def test_a_name_that_a_spreadsheet_would_run_is_text(rows):
    assert any(name.startswith("'=1+1") for name in rows)


def test_long_output_is_cut(batch):
    kept = json.loads(file_name(batch, "details", "100 MB output").read_text())["output"]
    assert len(kept) == 100_000


def test_a_second_run_grades_nothing_again(batch, capsys):
    details = sorted((batch / "grades-details").rglob("*.json"))
    before = [path.stat().st_mtime_ns for path in details]
    table = (batch / "grades.csv").read_bytes()
    assert grade(batch) == 1
    assert [path.stat().st_mtime_ns for path in details] == before
    assert (batch / "grades.csv").read_bytes() == table
    assert "  essay.pdf: No notebook" in capsys.readouterr().out


def test_what_ended_the_grader_twice_is_left_to_the_marker(batch, capsys):
    path = batch / "grades-details/good.json"
    started = path.with_suffix(".started")
    stamp = json.loads(path.read_text())["stamp"]
    path.unlink()
    started.write_text(json.dumps({"crashes": 2, "interrupts": 0, "stamp": stamp}))
    grade(batch)
    assert "The grader ended 2 times while it graded this." in capsys.readouterr().out
    path.unlink()
    started.write_text(json.dumps({"crashes": 1, "interrupts": 0, "stamp": stamp}))
    grade(batch)
    assert json.loads(path.read_text())["problems"][0]["earned"] == 6
    assert not started.exists()
