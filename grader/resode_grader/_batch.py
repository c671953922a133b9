"""Hand a folder of submissions to workers; keep each result at once, so that nothing is done twice.

A result is one JSON file. It stays valid as long as notebook, class, key and set are the same.
"""

import hashlib
import json
import os
import queue
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from resode_grader import _jail, _processes
from resode_grader._packages import ROOTS
from resode_grader._submission import Limits

__all__ = ["Batch", "Task", "find", "text_name"]

GRACE = 120.0  # seconds beyond a submission's own limit, for its checks
OFTEN = 2  # who stopped the command so often is left to the marker


@dataclass(frozen=True)
class Task:
    """One submission: its file, and the name that the table gives it."""

    path: Path
    student: str


@dataclass
class Batch:
    """What is the same for all submissions.

    Attributes:
        number: the set, such as "1".
        cohort: the class.
        key: what hidden inputs are drawn from.
        details: the folder of results.
        limits: what one submission may take.
        problems: the module with ``PROBLEMS``.
        command: what starts a program in namespaces, [] for none.
        also: packages that the class may use beside those of the course.
    """

    number: str
    cohort: str
    key: str = field(repr=False)
    details: Path = Path("grades-details")
    limits: Limits = Limits()
    problems: str = ""
    command: list[str] = field(default_factory=_jail.namespaces)
    also: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Take the problems of the set unless others are named."""
        self.problems = self.problems or f"resode_course.coursework.set{self.number}"

    def stamp(self, path: Path) -> str:
        """What a result depends on, in one word."""
        parts = (self.number, self.cohort, self.key, self.problems)
        digest = hashlib.sha256("\n".join(parts).encode())
        with suppress(OSError):  # what cannot be read has no content that could change
            digest.update(b"" if path.is_symlink() else path.read_bytes())
        return digest.hexdigest()[:16]

    def file(self, task: Task) -> Path:
        """Where the result of a submission is kept."""
        return self.details / f"{task.student}.json"

    def kept(self, task: Task) -> dict[str, Any] | None:
        """The result of an earlier run, unless something has changed."""
        try:
            result = json.loads(self.file(task).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return result if result.get("stamp") == self.stamp(task.path) else None

    def run(
        self, tasks: list[Task], workers: int, report: Callable[[int, Task, Any], None]
    ) -> None:
        """Grade what has no result yet.

        Who loses points by a limit of time is graded again when nothing else runs: neighbours
        should cost nobody a point.

        Args:
            tasks: the submissions.
            workers: how many processes mark at once.
            report: called with how many are done, the submission and its result.
        """
        waiting: queue.Queue[Task] = queue.Queue()
        alone: queue.Queue[Task] = queue.Queue()
        done = 0
        lock = threading.Lock()

        def finished(task: Task, result: dict[str, Any]) -> None:
            nonlocal done
            with lock:
                done += 1
                report(done, task, result)

        for task in tasks:
            result = self.kept(task)
            if result and result.get("graded"):
                finished(task, result)
            else:
                waiting.put(task)
        count = min(workers, waiting.qsize())
        again = alone if count > 1 else None  # one at a time is alone already
        threads = [
            threading.Thread(target=self._work, args=(waiting, finished, again), daemon=True)
            for _ in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._work(alone, finished, None)

    def _work(
        self,
        waiting: "queue.Queue[Task]",
        finished: Callable[..., None],
        again: "queue.Queue[Task] | None",
    ) -> None:
        """What one thread does: keep a worker busy, replace it when it fails."""
        worker = None
        try:
            while True:
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                worker, result = self._grade(worker, task)
                if again is not None and _lost_by_time(result):
                    self._keep(task, {"graded": False})
                    again.put(task)
                    continue
                finished(task, self._keep(task, result))
        finally:
            if worker:
                worker.stop()

    def _grade(
        self, worker: "_Worker | None", task: Task
    ) -> tuple["_Worker | None", dict[str, Any]]:
        """One result; whatever goes wrong becomes an explained row without marks."""
        before = (self.kept(task) or {}).get("stopped", 0)
        if before >= OFTEN:
            return worker, _unmarked(f"The grader was stopped {before} times while it graded this.")
        self._keep(task, {"graded": False, "stopped": before + 1})  # in case we do not come back
        worker = worker or _Worker(self)
        try:
            return worker, {**worker.grade(task.path), "graded": True}
        except (OSError, ValueError, TimeoutError) as error:
            worker.stop()
            return None, _unmarked(f"The grader failed ({error}).")

    def _keep(self, task: Task, result: dict[str, Any]) -> dict[str, Any]:
        """Write a result, whole or not at all."""
        result = {**result, "student": task.student, "stamp": self.stamp(task.path)}
        target = self.file(task)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        part.write_text(json.dumps(result, indent=1), encoding="utf-8")
        part.replace(target)
        return result


def _lost_by_time(result: dict[str, Any]) -> bool:
    """Whether points are lost, and a limit of time was met that may be why."""
    lost = any(problem["earned"] < problem["points"] for problem in result["problems"])
    return bool(result.get("limits_met") and (lost or result.get("unmarked")))


def _unmarked(reason: str) -> dict[str, Any]:
    """A row without marks: nobody knows yet what it is worth."""
    text = f"{reason} Not marked: grade by hand."
    return {"graded": True, "unmarked": True, "remarks": [text], "problems": [], "written": {}}


class _Worker:
    """A process that marks, see `resode_grader._worker`."""

    def __init__(self, batch: Batch) -> None:
        """Start it and tell it what is the same for all; the key goes through the pipe only."""
        python = [sys.executable, "-P", "-m", "resode_grader._worker"]
        # What it leaves when it is stopped lies in here; others may pass, not look.
        self._folder = tempfile.TemporaryDirectory(prefix="resode-", ignore_cleanup_errors=True)
        Path(self._folder.name).chmod(0o711)
        self._process = subprocess.Popen(
            python,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(ROOTS),
                "JAX_PLATFORMS": "cpu",
                "TMPDIR": self._folder.name,
            },
            start_new_session=True,
        )
        self._tree = _processes.Tree(self._process.pid)
        self._seconds = 2 * batch.limits.seconds + GRACE  # hidden inputs, then public ones
        job = {
            "cohort": batch.cohort,
            "key": batch.key,
            "limits": asdict(batch.limits),
            "command": batch.command,
            "also": list(batch.also),
            "problems": batch.problems,
            "path": sys.path,
        }
        self._send(json.dumps(job))

    def grade(self, path: Path) -> dict[str, Any]:
        """Return the result of one submission.

        Raises:
            OSError: if the process has ended.
            TimeoutError: if it takes too long.
            ValueError: if it replies nonsense.
        """
        self._send(os.fsencode(path.absolute()).hex())
        line = b""
        watch = _processes.Stopwatch(self._tree)
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], 0.5)
            if ready:
                piece = os.read(self._process.stdout.fileno(), 1 << 20)
                if not piece:
                    raise OSError("its process ended")
                line += piece
            elif watch.seconds() > self._seconds:
                raise TimeoutError(f"it took longer than {self._seconds:g} s")
        return json.loads(line)

    def _send(self, line: str) -> None:
        """Write a line."""
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """End it, and whatever it has started."""
        self._tree.usage()
        self._tree.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()
        self._folder.cleanup()


def find(folder: Path) -> Iterator[Task]:
    """Yield every notebook of a folder, in order; hidden folders are left out."""
    for path in sorted(folder.rglob("*.ipynb")):
        inside = path.relative_to(folder)
        if not any(part.startswith(".") for part in inside.parts):
            yield Task(path, text_name(inside.with_suffix("")))


def text_name(path: Path) -> str:
    """A path as text that every file can hold, also where its name is no text."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
