"""The grader agrees with the course: of every set the solution earns full marks, a stub nothing."""

import csv
from pathlib import Path

import assignments
import pytest
from labels import read_book
from resode_grader._command import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "coursework").glob("set*.md")), ids=lambda p: p.stem
)
def test_the_solution_earns_full_marks_in_a_process_of_its_own(path, tmp_path):
    source = assignments.read_source(path, assignments.problems_of(path), read_book(ROOT))
    assignments.write_set(source, tmp_path / "editions", "spring")
    (tmp_path / "hand-in").mkdir()
    for kind in ("student", "solution"):
        text = (tmp_path / "editions" / kind / f"{path.stem}.ipynb").read_bytes()
        (tmp_path / f"hand-in/{kind}.ipynb").write_bytes(text)
    (tmp_path / "key").write_text("a secret key of the tests")
    number = path.stem.removeprefix("set")
    command = [str(tmp_path / "hand-in"), "--set", number, "--cohort", "spring"]
    command += ["--key", str(tmp_path / "key"), "--out", str(tmp_path / "grades.csv")]
    assert main([*command, "--editions", str(tmp_path / "editions")]) == 0
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    full = str(sum(problem.points for problem in source.problems.values()))
    assert rows["solution"]["total so far"] == rows["solution"]["out of"] == full
    assert rows["solution"]["remark"] == ""
    assert rows["student"]["total so far"] == "0"
    written = [label for label, task in source.tasks.items() if task.written]
    assert [rows["student"][label] for label in written] == [""] * len(written)
    marker = (tmp_path / "grades-marking/student.html").read_text()
    assert marker.count("Nothing written.") == len(written)
    assert marker.count("<h3>Rubric</h3>") == len(written)
    assert "Cell " not in marker  # nothing differs from what was handed out
