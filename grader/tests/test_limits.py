"""Time: neighbours cost nobody a point, a limit is told as one, who met it runs again, alone."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import hostile
import mini
import pytest
from resode_grader import _processes, _submission, _worker
from resode_grader._batch import Batch
from resode_grader._entries import entries
from resode_grader._folder import read_folder
from small_class import KEY, POWER, SCALED, A, earned, graded, inputs, told

PROC = Path("/proc/self/schedstat").exists()
counted = pytest.mark.skipif(not PROC, reason="nobody says how long a process waited")


@contextlib.contextmanager
def neighbours(count):
    """Processes that keep the machine busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    ("passed", "ran", "waited", "seconds"),
    [
        (10, 10, 0, 10),  # alone
        (10, 2, 8, 2),  # one fifth of a processor
        (10, 0, 0, 10),  # asleep
        (10, 1, 1, 9),  # asleep for eight seconds, then half of a processor
        (10, 20, 60, 10),  # eight threads of its own on two processors
        (10, 5, 15, 2.5),  # two threads, with neighbours
    ],
)
def test_time_is_that_of_a_quiet_machine(monkeypatch, passed, ran, waited, seconds):
    monkeypatch.setattr(_processes, "_processors", lambda: 2)
    assert _processes.quiet_seconds(passed, ran, waited) == pytest.approx(seconds)


WORK = "import time\nbegan = time.thread_time()\nwhile time.thread_time() - began < {}:\n    pass"


@counted
def test_the_watch_sees_work_and_sleep_but_no_neighbours():
    program = [sys.executable, "-c", WORK.format(2) + "\ntime.sleep(1)\nprint(flush=True)\ninput()"]
    with neighbours(8):
        process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        watch, began = _processes.Stopwatch(_processes.Tree(process.pid)), time.monotonic()
        process.stdout.readline()
        seconds, passed = watch.seconds(), time.monotonic() - began
        process.communicate(b"\n")
    assert passed > 4.5  # else the neighbours were none
    assert 2.9 < seconds < 3.8


SLOW = """
def scaled(x, done=[]):
    if not done:
        done.append(1)
        began = time.thread_time()
        while time.thread_time() - began < 1.7:
            pass
    return FACTOR * x
""".replace("FACTOR", str(A))


@counted
@pytest.mark.slow
def test_busy_neighbours_change_no_mark(tmp_path):
    """The first call takes 1.7 of its 2.5 seconds, and with eight neighbours five times as long."""
    with neighbours(8):
        results = graded(tmp_path, {"slow": [SLOW, POWER], "quick": [SCALED, POWER]})
    for result in results.values():
        assert earned(result) == [6, 2]
        assert result["limits_met"] == []
        assert result["remarks"] == []


HANGS_ON_HIDDEN = f"""
def scaled(x):
    if len(x) == 5 and abs(x[0] - {inputs("public")[0]!r}) > 1e-12:
        time.sleep(60)
    return {A} * x
"""


DEAF = "for n in range(60):\n    try:\n        time.sleep(60)\n    except Exception:\n        pass"


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    """Submissions that meet limits of time."""
    cells = {
        "hangs on hidden inputs": [HANGS_ON_HIDDEN, POWER],
        "sleeps in a cell": ["time.sleep(60)", SCALED, POWER],
        "sleeps": [DEAF, SCALED],
    }
    return graded(tmp_path_factory.mktemp("late"), cells)


def test_a_limit_that_hidden_inputs_meet_is_told_as_one(late):
    result = late["hangs on hidden inputs"]
    assert earned(result) == [2, 2]
    assert result["problems"][0]["parts"][0]["feedback"] == "Your answer took longer than 2.5 s."
    assert "Limits of time: `scaled` took longer than 2.5 s." in result["remarks"]


def test_a_cell_that_takes_too_long_costs_only_itself(late):
    result = late["sleeps in a cell"]
    assert earned(result) == [6, 2]
    assert result["limits_met"] == ["cell 2 took longer than 5 s"]


def test_who_does_not_hear_the_bell_is_stopped_and_told_why(late):
    result = late["sleeps"]
    assert earned(result) == [0, 0]
    assert result["limits_met"][-1] == "the notebook took longer than 10 s"
    assert "Your notebook took longer than 10 s." in told(result)


def test_who_had_no_chance_to_run_is_not_marked(tmp_path, monkeypatch):
    monkeypatch.setattr(_submission, "PATIENCE", 1e-6)
    (tmp_path / "n.ipynb").write_text(hostile.notebook([hostile.START, SCALED, POWER]))
    job = {"cohort": "spring", "key": KEY, "limits": {}, "command": [], "also": []}
    result = _worker.grade(tmp_path / "n.ipynb", mini.PROBLEMS, job)
    assert result["unmarked"]
    assert result["problems"] == []
    assert result["remarks"][-1] == "Not marked: grade by hand."
    assert result["limits_met"] == ["the machine was too busy to run the notebook"]


class Fake:
    """A worker that notes who is graded while who else is."""

    log: list = []
    busy: set = set()
    lock = threading.Lock()

    def __init__(self, batch):
        self.batch = batch

    def grade(self, path):
        """Take 2 points at once from who is called late, and let that be a limit's fault."""
        with Fake.lock:
            Fake.busy.add(path.stem)
            Fake.log.append((path.stem, len(Fake.busy)))
        time.sleep(0.05 if path.stem == "late" else 0.5)
        with Fake.lock:
            Fake.busy.discard(path.stem)
        first = [name for name, _ in Fake.log].count(path.stem) == 1
        late = first and path.stem != "quick"
        points = 0 if late or path.stem == "wrong" else 2
        part = {"title": "values", "points": 2, "earned": points, "feedback": None, "hidden": None}
        problem = {"label": "0.1", "name": "scaled", "points": 2, "earned": points, "parts": [part]}
        return {
            "remarks": [],
            "problems": [problem],
            "limits_met": ["scaled took long"] if late and path.stem == "late" else [],
        }

    def kill(self):
        """Nothing to end."""

    def stop(self):
        """Nothing to end."""


def test_who_loses_points_by_a_limit_is_graded_again_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("resode_grader._batch._Worker", Fake)
    Fake.log.clear()
    (tmp_path / "in").mkdir()
    for name in ("late", "wrong", "quick"):
        (tmp_path / f"in/{name}.ipynb").write_text(name)
    rows = entries(read_folder(tmp_path / "in"))
    batch = Batch("0", "spring", KEY, tmp_path / "details", problems="mini", command=[])
    seen = {}
    batch.run(rows, 3, lambda done, entry, result: seen.setdefault(entry.student, result))
    assert sorted(name for name, _ in Fake.log) == ["late", "late", "quick", "wrong"]
    assert Fake.log[-1] == ("late", 1)
    assert seen["late"]["problems"][0]["earned"] == 2
    assert json.loads((tmp_path / "details/late.json").read_text())["graded"]
    assert not list((tmp_path / "details").glob("*.started"))
    Fake.log.clear()
    batch.run([row for row in rows if row.student == "wrong"], 3, lambda *_: None)
    assert Fake.log == []  # kept


def test_a_worker_that_ends_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)  # ask the environment again, as a worker does
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    cells = {"ends the grader": [SCALED, "power = 'end the grader'"]}
    result = graded(tmp_path, cells)["ends the grader"]
    assert "grade by hand" in result["remarks"][0]
    assert list((tmp_path / "temporary").iterdir()) == []
