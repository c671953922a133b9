"""The office around the grader: marks by hand, rosters, platforms, grading again, interrupts."""

import csv
import html
import json
import os
import re
import signal
import threading
import zipfile

import classroom
import hostile
import pytest
from classroom import grade, prepare, rows, table
from resode_grader import _batch
from resode_grader._marks import MarksError, read_marks
from resode_grader._roster import TableError, read_roster
from resode_grader._text import cell

RIGHT, WRONG = ["'right'"], ["'no'"]


@pytest.fixture(autouse=True)
def in_no_time(quick):
    pass


@pytest.fixture(autouse=True)
def interrupts_are_heard():
    """A shell lets what it runs in the background ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def folder(tmp_path):
    prepare(tmp_path, ann=RIGHT, bob=WRONG)
    return tmp_path


def fill(path, marks):
    """Type points and comments into a table of marks, as a spreadsheet would save it."""
    found = rows(path)
    for row in found:
        row["points"], row["comment"] = marks.get(row["student"], ("", ""))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, found[0], delimiter=";")
        writer.writeheader()
        writer.writerows(found)


# Marks by hand


def test_marks_that_a_person_typed_stay_and_count(folder, capsys):
    assert grade(folder) == 0
    marks = folder / "out/grades-marks.csv"
    assert [(row["student"], row["problem"]) for row in rows(marks)] == [
        ("ann", "0.3"),
        ("bob", "0.3"),
    ]
    assert table(folder)["ann"]["to mark"] == "0.3"
    fill(marks, {"ann": ("2,5", "Why < $x$?")})
    typed = marks.read_bytes()
    classroom.write(folder / "hand-in/cy.ipynb", RIGHT)
    assert grade(folder) == 0
    assert marks.read_bytes() == typed
    ann = table(folder)["ann"]
    assert (ann["0.3"], ann["total so far"], ann["out of"], ann["to mark"]) == (
        "2.5",
        "10.5",
        "12",
        "",
    )
    assert table(folder)["cy"]["to mark"] == "0.3"
    told = (folder / "out/grades-feedback/ann.html").read_text()
    assert "Why &lt; $x$?" in told
    assert "10.5 of 12 points" in told


def test_a_mark_by_hand_replaces_that_of_a_program_and_says_so(folder):
    grade(folder)
    (folder / "out/grades-marks.csv").write_text(
        "student,problem,points,comment\nbob,0.1,5,renamed\n"
    )
    assert grade(folder) == 0
    assert table(folder)["bob"]["0.1"] == "5"
    assert "0.1 by hand: 5 in place of 0." in table(folder)["bob"]["remark"]


MISTAKES = {
    "eve,0.3,1,": "line 2: got the student 'eve', expected one of the table",
    "ann,9.9,1,": "line 2: got the problem '9.9', expected one of 0.1, 0.2, 0.3.",
    "ann,0.3,5,": "line 2: got '5' points, expected a number from 0 to 4.",
    "ann,0.3,-1,": "got '-1' points",
    "ann,0.3,nan,": "got 'nan' points",
    "ann,0.3,x,": "got 'x' points",
    "ann,0.3,,good": "got a comment for 'ann', problem 0.3, without points",
    "ann,0.3,1,\nann,0.3,1,": "line 3: got 'ann', problem 0.3 again, as in line 2",
}


@pytest.mark.parametrize("text", MISTAKES, ids=range(len(MISTAKES)))
def test_a_wrong_line_of_marks_is_named_before_anything_starts(folder, text, capsys):
    grade(folder)
    before = (folder / "out/grades.csv").read_bytes()
    classroom.write(folder / "hand-in/cy.ipynb", RIGHT)
    marks = folder / "out/grades-marks.csv"
    marks.write_text(f"student,problem,points,comment\n{text}\n")
    assert grade(folder) == 2
    assert MISTAKES[text] in capsys.readouterr().err
    assert (folder / "out/grades.csv").read_bytes() == before
    assert text in marks.read_text()


def test_lines_of_a_rubric_add_up_to_full_marks_at_most(tmp_path):
    path = tmp_path / "marks.csv"
    head = "student\tproblem\tline\tpoints\tcomment\n"
    path.write_text(f"{head}ann\t0.3\t1\t1.5\ta\nann\t0.3\t2\t2\tb\n", encoding="utf-16")
    found = read_marks(path, {"ann": "ann"}, {"0.3": 4.0})
    assert found["ann", "0.3"].points == 3.5
    assert found["ann", "0.3"].comments == ("a", "b")
    path.write_text(f"{head}ann\t0.3\t1\t2\ta\nann\t0.3\t2\t3\tb\n")
    with pytest.raises(MarksError, match="line 3: got 5 points in all, expected at most 4"):
        read_marks(path, {"ann": "ann"}, {"0.3": 4.0})


# The class


ROSTER = "id,name,email\n17,Ann Alba,ann@x.org\n18,Bob,b@x.org\n19,Dora,dora@x.org\n"


def test_everybody_on_the_roster_has_a_row_and_others_are_named(tmp_path, capsys):
    prepare(tmp_path)
    for name in ("ann-alba-set1", "18_set1", "stranger"):
        classroom.write(tmp_path / f"hand-in/{name}.ipynb", RIGHT)
    (tmp_path / "roster.csv").write_text(ROSTER)
    assert grade(tmp_path, "--roster", tmp_path / "roster.csv") == 1
    found = table(tmp_path)
    assert list(found) == ["Ann Alba", "Bob", "Dora", "stranger"]
    assert found["Bob"]["total so far"] == found["Ann Alba"]["total so far"] == "8"
    assert found["Dora"]["remark"] == "Nothing handed in. Not marked: grade by hand."
    out = capsys.readouterr().out
    assert "Nobody on the roster: stranger." in out
    assert "Without a mark, 1:\n  Dora: Nothing handed in." in out


def test_a_file_that_fits_two_students_is_given_to_nobody(tmp_path):
    prepare(tmp_path, **{"ann-set1": RIGHT})
    (tmp_path / "roster.csv").write_text("id,name\n1,Ann\n2,Ann\n")
    assert grade(tmp_path, "--roster", tmp_path / "roster.csv") == 1
    found = table(tmp_path)
    assert found["Ann"]["total so far"] == found["Ann (2)"]["total so far"] == ""
    assert "It could be of Ann or Ann (2)" in found["ann-set1"]["remark"]


def test_the_newest_of_several_notebooks_counts(tmp_path):
    prepare(tmp_path)
    names = ("doejane_12_5_set1.ipynb", "doejane_LATE_12_6_set1-2.ipynb", "doejane_12_6_proof.pdf")
    for time, (name, cells) in enumerate(zip(names, (WRONG, RIGHT, WRONG), strict=True), 10**9):
        classroom.write(tmp_path / "hand-in" / name, cells)
        os.utime(tmp_path / "hand-in" / name, (time, time))
    assert grade(tmp_path, "--deadline", "2027-03-01T23:59") == 0
    (row,) = table(tmp_path).values()
    assert row["student"] == "doejane_12"
    assert row["total so far"] == "8"
    assert f"2 notebooks: the newest counts, {names[1]}, not {names[0]}." in row["remark"]
    assert row["late"] == "late (the platform's file name)"


def test_how_late_a_file_is_and_who_says_so(tmp_path):
    prepare(tmp_path, ann=RIGHT, bob=RIGHT)
    due = 1_800_000_000
    os.utime(tmp_path / "hand-in/ann.ipynb", (due + 7500, due + 7500))
    os.utime(tmp_path / "hand-in/bob.ipynb", (due - 1, due - 1))
    grade(tmp_path, "--deadline", "2027-01-15T08:00+00:00")
    assert table(tmp_path)["ann"]["late"] == "2 h 5 min (the file's time)"
    assert table(tmp_path)["bob"]["late"] == ""


WRONG_ROSTERS = {
    "a,b\n1,2\n": "expected name or student or",
    "id,name\n": "got nobody",
    "name\nAnn\nAnn\n": "3: got 'Ann' twice",
    "id,name\n,\n3,\xe9\n": "2?: got letters that are not UTF-8",
}


@pytest.mark.parametrize("text", WRONG_ROSTERS, ids=range(len(WRONG_ROSTERS)))
def test_a_wrong_roster_is_refused(tmp_path, text):
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(TableError, match=WRONG_ROSTERS[text]):
        read_roster(path)


def test_marking_without_names(tmp_path):
    prepare(tmp_path, ann=RIGHT, bob=[("markdown", "Since.")])
    (tmp_path / "hand-in/bob.pdf").write_bytes(b"%PDF-1.7 ...")
    assert grade(tmp_path, "--anonymous") == 0
    who = {row["student"]: row["code"] for row in rows(tmp_path / "out/grades-names.csv")}
    pages = {path.stem: path for path in (tmp_path / "out/grades-marking").glob("*.html")}
    assert set(pages) == {*who.values(), "index"}
    for page in pages.values():
        assert "bob" not in page.read_text()
    assert (tmp_path / "out/grades-marking" / who["bob"] / "1.pdf").read_bytes() == b"%PDF-1.7 ..."
    marks = tmp_path / "out/grades-marks.csv"
    assert [row["student"] for row in rows(marks)] == list(who.values())
    fill(marks, {who["bob"]: ("3", "")})
    grade(tmp_path, "--anonymous")
    assert table(tmp_path)["bob"]["0.3"] == "3"


# Platforms


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Set 1 (77)\n"
    ",,,,,Manual Posting\n    Points Possible,,,,,10\n"
    '"Doe, Jane",12,s12,jdoe,A,\n"=Evil, Eve",13,s13,eve,A,\n"Student, Test",99,,,A,\n'
)


def test_a_table_for_canvas(tmp_path):
    prepare(tmp_path, doejane_12_5_set1=RIGHT, evileve_13_6_set1=WRONG)
    (tmp_path / "canvas.csv").write_text(CANVAS)
    assert grade(tmp_path, "--roster", tmp_path / "canvas.csv") == 0
    with (tmp_path / "out/grades-canvas.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert found == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Set 0 programs"],
        ["Points Possible", "", "", "", "", "8"],
        ["Doe, Jane", "12", "s12", "jdoe", "A", "8"],
        ["'=Evil, Eve", "13", "s13", "eve", "A", "0"],
    ]
    marks = tmp_path / "out/grades-marks.csv"
    fill(marks, {"Doe, Jane": ("4", "")})
    grade(tmp_path, "--roster", tmp_path / "canvas.csv")
    found = rows(tmp_path / "out/grades-canvas.csv")
    assert [row["Set 0 proofs"] for row in found] == ["4", "4", ""]


WORKSHEET = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade)\n"
    "Participant 12,Jane Doe,jane@x.org,Submitted,,8.00,-\n"
    "Participant 13,Bob,b@x.org,No submission,,8.00,-\n"
)


def test_the_worksheet_and_the_feedback_for_moodle(tmp_path):
    prepare(tmp_path)
    inside = "Jane Doe_12_assignsubmission_file_"
    classroom.write(tmp_path / f"hand-in/{inside}/set1.ipynb", RIGHT)
    (tmp_path / "worksheet.csv").write_text(WORKSHEET)
    assert grade(tmp_path, "--roster", tmp_path / "worksheet.csv") == 1
    with (tmp_path / "out/grades-moodle.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == WORKSHEET.split("\n")[0].split(",")
    assert found[1] == ["Participant 12", "Jane Doe", "jane@x.org", "Submitted", "8", "8.00", "-"]
    assert found[2][4] == ""
    with zipfile.ZipFile(tmp_path / "out/grades-feedback.zip") as archive:
        assert archive.namelist() == [f"{inside}/feedback-set0.html", "Bob.html"]


def test_a_roster_of_ones_own_goes_to_both_platforms(tmp_path):
    prepare(tmp_path, ann=RIGHT)
    (tmp_path / "roster.csv").write_text("id,name,email\n17,Ann,ann@x.org\n18,Bob,b@x.org\n")
    grade(tmp_path, "--roster", tmp_path / "roster.csv")
    (full, ann) = rows(tmp_path / "out/grades-canvas.csv")
    assert full == {"Student": "Points Possible", "ID": "", "Section": "", "Set 0 programs": "8"}
    assert ann == {"Student": "Ann", "ID": "17", "Section": "", "Set 0 programs": "8"}
    (ann,) = rows(tmp_path / "out/grades-moodle.csv")
    assert ann == {
        "Full name": "Ann", "ID number": "17", "Email address": "ann@x.org", "Set 0 programs": "8"
    }  # fmt: skip


# Grading again


def test_a_longer_limit_and_mended_checks_grade_again(folder, monkeypatch):
    grade(folder)
    monkeypatch.setattr(classroom.Quick, "grade", lambda self, path: classroom.result(True))
    grade(folder)
    assert table(folder)["bob"]["total so far"] == "0"  # nothing has changed
    grade(folder, "--seconds", "600")
    assert table(folder)["bob"]["total so far"] == "8"
    monkeypatch.setattr(classroom.Quick, "grade", lambda self, path: classroom.result(False))
    monkeypatch.setattr(_batch, "_code", lambda: "mended")
    grade(folder, "--seconds", "600")
    assert table(folder)["bob"]["total so far"] == "0"


def test_one_student_is_graded_again_and_the_difference_is_shown(folder, monkeypatch, capsys):
    grade(folder)
    monkeypatch.setattr(classroom.Quick, "grade", lambda self, path: classroom.result(True))
    assert grade(folder, "--only", "bob") == 0
    assert "Changed: bob: 0.1 0 -> 6, 0.2 0 -> 2" in capsys.readouterr().out
    assert table(folder)["bob"]["total so far"] == "8"
    monkeypatch.setattr(classroom.Quick, "grade", lambda self, path: classroom.result(False))
    grade(folder, "--only", "bob")
    assert table(folder)["ann"]["total so far"] == "8"
    assert grade(folder, "--only", "bbo") == 2
    assert "got --only 'bbo', expected a name of the table (bob" in capsys.readouterr().err


def test_only_one_leaves_others_as_they_were_and_says_so(folder, capsys):
    grade(folder, "--only", "bob")
    assert "Not graded yet: run the command without --only." in table(folder)["ann"]["remark"]
    grade(folder)
    grade(folder, "--only", "bob", "--seconds", "600")
    assert "run without --only" in table(folder)["ann"]["remark"]
    assert table(folder)["ann"]["total so far"] == "8"


def interrupting():
    """Workers at whose first submission somebody presses Ctrl-C."""
    pressed, killed = threading.Event(), threading.Event()

    class Interrupting(classroom.Quick):
        def grade(self, path):
            """Press it once, then wait for the end."""
            if not pressed.is_set():
                pressed.set()
                os.kill(os.getpid(), signal.SIGINT)
            killed.wait(20)
            raise OSError("it was killed")

        def kill(self):
            """Let the waiting end."""
            killed.set()

    return Interrupting


def test_interrupts_leave_nobody_to_the_marker(folder, monkeypatch):
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(_batch, "_Worker", interrupting())
            assert grade(folder) == 130
        assert "Not graded yet" in table(folder)["ann"]["remark"]
    assert grade(folder) == 0
    assert table(folder)["ann"]["total so far"] == "8"
    assert not list((folder / "out/grades-details").glob("*.started"))


def test_who_was_at_work_at_an_interrupt_comes_last(folder):
    (entry,) = [e for e in entries_of(folder) if e.student == "ann"]
    batch = batch_of(folder)
    batch._note(entry, 1, 0)
    batch._forgive(entry)
    assert batch._started(entry) == (0, 1)
    order = []
    batch.run(entries_of(folder), 1, lambda _, entry, __: order.append(entry.student))
    assert order == ["bob", "ann"]


def test_whoever_ends_the_command_twice_is_left_to_the_marker(folder):
    class EndError(BaseException):
        """As if the whole command had gone."""

    class Ending(classroom.Quick):
        def grade(self, path):
            """End everything."""
            raise EndError

    entry, batch = entries_of(folder)[0], batch_of(folder)
    for times in (1, 2):
        with pytest.raises(EndError):
            batch.grade(Ending(batch), entry)
        assert batch._started(entry) == (times, 0)
    _, result = batch.grade(Ending(batch), entry)
    assert result["remarks"] == [
        "The grader ended 2 times while it graded this. Not marked: grade by hand."
    ]


def entries_of(folder):
    from resode_grader._entries import entries
    from resode_grader._folder import read_folder

    return entries(read_folder(folder / "hand-in"))


def batch_of(folder):
    return _batch.Batch("0", "spring", classroom.KEY, folder / "details", problems="mini")


# What cannot work


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--workers", "0"), "got --workers 0, expected at least 1"),
        (("--seconds", "nan"), "got --seconds nan"),
        (("--memory", "-1"), "got --memory -1"),
        (("--deadline", "tomorrow"), "got the deadline 'tomorrow'"),
        (("--roster", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("--editions", "nowhere"), "got no folder nowhere"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(folder, options, words, capsys):
    assert grade(folder, *options) == 2
    assert words in capsys.readouterr().err
    assert not (folder / "out/grades.csv").exists()


def test_a_table_that_cannot_be_written_is_refused_at_once(folder, capsys):
    (folder / "out/grades.csv").mkdir(parents=True)
    assert grade(folder) == 2
    assert "it is a folder" in capsys.readouterr().err
    assert grade(folder, "--out", folder / "hand-in/grades.csv") == 2
    assert "inside the submissions" in capsys.readouterr().err
    (folder / "file").write_text("")
    assert grade(folder, "--out", folder / "file/grades.csv") == 2


def test_a_result_that_cannot_be_stored_is_a_mark_all_the_same(folder, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_batch, "write", full)
    assert grade(folder) == 0
    assert table(folder)["ann"]["total so far"] == "8"
    assert "could not be stored (No space left on device)" in table(folder)["ann"]["remark"]


def test_damaged_results_are_made_again(folder):
    grade(folder)
    details = folder / "out/grades-details"
    for text in ("[]", "{", "[" * 99999, '{"graded": true, "student": "ann"}', "\xff"):
        (details / "ann.json").write_text(text, encoding="latin-1")
        assert grade(folder) == 0
        assert json.loads((details / "ann.json").read_text())["problems"][0]["earned"] == 6


def test_who_handed_in_something_else_has_a_row(tmp_path):
    prepare(tmp_path, ann=RIGHT)
    (tmp_path / "hand-in/ann-proofs.pdf").write_bytes(b"%PDF-")
    (tmp_path / "hand-in/bob").mkdir()
    (tmp_path / "hand-in/bob/scan.pdf").write_bytes(b"%PDF-")
    (tmp_path / "hand-in/cy").mkdir()
    (tmp_path / "hand-in/dora.ipynb.txt").write_text("{}")
    assert grade(tmp_path) == 1
    found = table(tmp_path)
    assert set(found) == {"ann", "bob", "cy", "dora.ipynb.txt"}
    assert "handed in: bob/scan.pdf." in found["bob"]["remark"]
    assert "cy is an empty folder" in found["cy"]["remark"]


# The class as a whole


ANSWER = (
    "def helper(u, v):\n    total = 0\n    for k in range(len(u)):\n"
    "        total = total + u[k] * v[k] - np.tanh(u[k]) * v[k]\n    return total\n\n"
    "def scaled(x):\n    first, second = np.cumsum(x), np.cumprod(x)\n"
    "    return {a} * helper(first, second) + np.exp(-first) * second"
)


def test_answers_that_are_alike_up_to_names_are_listed(tmp_path):
    renamed = ANSWER.replace("helper", "h").replace("total", "s").replace("first", "q")
    other = ANSWER.replace("np.tanh(u[k]) * v[k]", "1").replace("np.cumsum(x)", "x / 2 + 1")
    prepare(
        tmp_path,
        ann=[ANSWER.replace("{a}", "p['a']")],
        bob=["# mine\n" + renamed.replace("{a}", "0.7")],
        cy=[other],
        fay=[ANSWER.replace("{a} *", "{a} * 2 +").replace("{a}", "0.7")],
        dan=["def scaled(x):\n    return x"],
        eve=["def scaled(x):\n    return x"],
    )
    (tmp_path / "editions/solution").mkdir()
    solution = hostile.notebook([ANSWER.replace("{a}", "0.7")])
    (tmp_path / "editions/solution/set0.ipynb").write_text(solution)
    grade(tmp_path)
    found = rows(tmp_path / "out/grades-similar.csv")
    equal, near = found
    assert (equal["students"], equal["like"]) == ("ann; bob; the published solution", "each other")
    assert (near["students"], near["like"]) == ("ann; bob; the published solution", "fay")
    assert 0.8 <= float(near["share"]) < float(equal["share"]) == 1


def test_what_the_class_got_wrong(tmp_path):
    prepare(tmp_path, ann=RIGHT, bob=WRONG, cy=WRONG)
    grade(tmp_path)
    text = html.unescape((tmp_path / "out/grades-class.html").read_text())
    assert "3 students, 3 with marks; the middle one has 0 points." in text
    assert "0.1 values: 1 right, 2 wrong, 0 not attempted" in text
    assert "<li>2 x It must be linear.</li>" in text


# Text


ACTING = ["=1", "+1", "-1", "@x", " =1", "a;=1", "a,\t=1", "a| +x", '"=1', "\uff1d1", "a;\r\n=1"]


@pytest.mark.parametrize("text", ACTING)
def test_no_spreadsheet_runs_what_students_wrote(text):
    shown = cell(text)
    for separator in ",;\t|":
        pieces = next(csv.reader([shown], delimiter=separator))
        assert not [piece for piece in pieces if re.match(r'[\s"]*[=+\-@\uff1d]', piece)]
    assert cell(shown) == shown
    assert cell("-") == "-"
