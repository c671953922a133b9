"""Hand a class of submissions to workers; keep each result at once, so that nothing is done twice.

A result is one JSON file. It stays valid as long as notebook, class, key, set, limits, code and
packages are the same.
"""

import contextlib
import hashlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from resode_grader import _jail, _processes
from resode_grader._entries import Entry
from resode_grader._files import write
from resode_grader._notebook import LARGEST
from resode_grader._packages import COURSE, DECLARED, GRADER, LIBRARY, ROOTS, version
from resode_grader._submission import Limits

__all__ = ["Batch", "is_result", "unmarked"]

GRACE = 120.0  # seconds beyond a submission's own limit, for its checks
OFTEN = 2  # who made the command end so often is left to the marker
TOLD = 0.2  # seconds between two looks whether somebody wants to stop
PATIENCE = 5.0  # seconds for a worker to end
NOT_IN_STAMP = ("details", "command")  # they say where and how, not what


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
    command: list[str] = field(default_factory=lambda: _jail.namespaces())
    also: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Take the problems of the set unless others are named."""
        self.problems = self.problems or f"resode_grader.sets.set{self.number}"

    @cached_property
    def conditions(self) -> str:
        """All that a result depends on beside the notebook, in one word."""
        said = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in NOT_IN_STAMP}
        said |= {"limits": asdict(self.limits), "python": sys.version, "code": _code()}
        said |= {"packages": [version(name) for name in (*DECLARED, *self.also)]}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def stamp(self, path: Path) -> str:
        """What a result depends on, in one word."""
        digest = hashlib.sha256(self.conditions.encode())
        with contextlib.suppress(OSError):  # what cannot be read has no content that could change
            size = path.stat().st_size
            digest.update(str(size).encode())
            if path.is_file() and size <= LARGEST:  # a larger one is not read for its mark either
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def file(self, entry: Entry) -> Path:
        """Where the result of a submission is kept."""
        return self.details / f"{entry.file}.json"

    def earlier(self, entry: Entry) -> dict[str, Any] | None:
        """The result of an earlier run, whatever has changed since."""
        result = _read(self.file(entry))
        return result if result.get("student") == entry.student and is_result(result) else None

    def kept(self, entry: Entry) -> dict[str, Any] | None:
        """The result of an earlier run, unless something has changed."""
        result = self.earlier(entry)
        return result if result and result.get("stamp") == self.stamp(entry.path) else None

    def run(
        self,
        entries: Sequence[Entry],
        workers: int,
        report: Callable[[int, Entry, Any], None],
        again: bool = False,
    ) -> None:
        """Grade what has no result yet; every entry is reported once, whatever happens.

        Who loses points by a limit of time is graded again when nothing else runs: neighbours
        should cost nobody a point.

        Args:
            entries: the submissions.
            workers: how many processes mark at once.
            report: called with how many are done, the submission and its result, one at a time.
            again: whether to grade what has a result, too.
        """
        todo, done = [], 0
        for entry in entries:
            result = unmarked(entry.fault) if entry.fault else None
            result = result or (None if again else self.kept(entry))
            if result:
                done += 1
                report(done, entry, result)
            else:
                todo.append(entry)
        # Whoever was at work when the command ended or was stopped comes last and holds up nobody.
        todo.sort(key=lambda entry: sum(self._started(entry)))
        alone: list[Entry] = []
        for group, size in ((todo, workers), (alone, 1)):
            crew = _Crew(self, group, size)
            try:
                crew.start()
                for entry, result in crew.results():
                    if result is None:
                        alone.append(entry)
                        continue
                    done += 1
                    report(done, entry, result)
            except BaseException:
                with _undisturbed():
                    for entry in crew.stop():
                        self._forgive(entry)
                raise

    def grade(self, worker: "_Worker", entry: Entry) -> tuple["_Worker | None", dict[str, Any]]:
        """Return a worker that can go on, if there is one, and one result.

        Whatever goes wrong becomes an explained row without marks.
        """
        crashes, interrupts = self._started(entry)
        if crashes >= OFTEN:
            return worker, unmarked(f"The grader ended {crashes} times while it graded this.")
        with contextlib.suppress(OSError):  # in case we do not come back
            self._note(entry, crashes + 1, interrupts)
        try:
            result = worker.grade(entry.path)
            if not is_result({**result, "graded": True}):
                raise ValueError("its answer has another form")
            return worker, result
        except (OSError, ValueError, TypeError, TimeoutError, RecursionError) as error:
            worker.stop()
            return None, unmarked(f"The grader failed ({error}).")

    def _mark(self, entry: Entry) -> Path:
        """The file that says that a submission is being graded."""
        return self.details / f"{entry.file}.started"

    def _note(self, entry: Entry, crashes: int, interrupts: int) -> None:
        """Write how often the command ended, and was stopped, while it graded this."""
        said = {"stamp": self.stamp(entry.path), "crashes": crashes, "interrupts": interrupts}
        write(self._mark(entry), json.dumps(said))

    def _started(self, entry: Entry) -> tuple[int, int]:
        """How often the command ended, and was stopped, while it graded this."""
        said = _read(self._mark(entry))
        counts = said.get("crashes"), said.get("interrupts")
        fits = said.get("stamp") == self.stamp(entry.path) and all(type(n) is int for n in counts)
        return counts if fits else (0, 0)

    def _forgive(self, entry: Entry) -> None:
        """Note that it was somebody else who stopped the command."""
        crashes, interrupts = self._started(entry)
        with contextlib.suppress(OSError):
            self._note(entry, max(crashes - 1, 0), interrupts + 1)

    def forget(self, entry: Entry) -> None:
        """Note that the command has come back, and has no result yet."""
        with contextlib.suppress(OSError):
            self._mark(entry).unlink(missing_ok=True)

    def keep(self, entry: Entry, result: dict[str, Any], stamp: str) -> dict[str, Any]:
        """Store a result with what it depends on; where the disk refuses, the row says so."""
        result = {**result, "graded": True, "student": entry.student, "stamp": stamp}
        try:
            write(self.file(entry), json.dumps(result, indent=1))
            self._mark(entry).unlink(missing_ok=True)
        except OSError as error:
            why = error.strerror or type(error).__name__
            remark = f"The result could not be stored ({why}), so the next run grades it again."
            result["remarks"] = [*result["remarks"], remark]
        return result


class _Crew:
    """Threads that each keep a worker busy, and replace it when it fails."""

    def __init__(self, batch: Batch, todo: Sequence[Entry], workers: int) -> None:
        """Prepare them."""
        self._batch = batch
        self._expected = len(todo)
        self._waiting: queue.Queue[Entry] = queue.Queue()
        self._finished: queue.Queue[tuple[Entry, dict[str, Any] | None]] = queue.Queue()
        self._stopped = threading.Event()
        self._workers: dict[int, _Worker] = {}
        self._at_work: dict[int, Entry] = {}
        for entry in todo:
            self._waiting.put(entry)
        numbers = range(min(max(workers, 1), len(todo)))
        self._alone = len(numbers) == 1
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True) for number in numbers
        ]

    def start(self) -> None:
        """Let them work."""
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[tuple[Entry, dict[str, Any] | None]]:
        """Yield every entry with its result as they come; None for who should run alone."""
        while self._expected:
            with contextlib.suppress(queue.Empty):
                # With a time, so that an interrupt is heard.
                result = self._finished.get(timeout=TOLD)
                self._expected -= 1
                yield result
        for thread in self._threads:
            thread.join()

    def stop(self) -> list[Entry]:
        """End what is at work and return it; no result is stored from now on."""
        self._stopped.set()
        at_work = list(self._at_work.values())
        for worker in list(self._workers.values()):
            worker.kill()
        for thread in self._threads:
            if thread.ident:  # an interrupt may come before all have begun
                thread.join(timeout=PATIENCE)
        return at_work

    def _work(self, number: int) -> None:
        """What one thread does."""
        worker = None
        while not self._stopped.is_set():
            try:
                entry = self._waiting.get_nowait()
            except queue.Empty:
                break
            self._at_work[number] = entry
            try:
                stamp = self._batch.stamp(entry.path)
                worker, result = self._batch.grade(self._known(number, worker), entry)
                if self._stopped.is_set():
                    return
                if _lost_by_time(result) and not self._alone:
                    self._batch.forget(entry)
                    result = None
                else:
                    result = self._batch.keep(entry, result, stamp)
            except Exception as error:  # a row is owed to everybody
                result = unmarked(f"The grader failed ({type(error).__name__}: {error}).")
            del self._at_work[number]
            self._finished.put((entry, result))
        if worker:
            worker.stop()

    def _known(self, number: int, worker: "_Worker | None") -> "_Worker":
        """A worker that `stop` knows of."""
        self._workers[number] = worker or _Worker(self._batch)
        return self._workers[number]


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second interrupt end what the first one began."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _lost_by_time(result: dict[str, Any]) -> bool:
    """Whether points are lost, and a limit of time was met that may be why."""
    lost = any(problem["earned"] < problem["points"] for problem in result["problems"])
    return bool(result.get("limits_met") and (lost or result.get("unmarked")))


def unmarked(reason: str) -> dict[str, Any]:
    """A row without marks: nobody knows yet what it is worth."""
    text = f"{reason} Not marked: grade by hand."
    return {"graded": True, "unmarked": True, "remarks": [text], "problems": []}


def is_result(result: dict[str, Any]) -> bool:
    """Whether this has the form of a result, which all that is written from it relies on."""
    try:
        parts = [part for problem in result["problems"] for part in problem["parts"]]
        problems = [(p["label"], p["name"], int(p["points"])) for p in result["problems"]]
        sums = [
            sum(part["earned"] for part in p["parts"]) == p["earned"] for p in result["problems"]
        ]
        texts = [t for part in parts for t in (part["feedback"], part["hidden"]) if t is not None]
        texts += [*result["remarks"], *(part["title"] for part in parts)]
        fits = all(0 <= part["earned"] <= part["points"] for part in parts)
    except (LookupError, TypeError, ValueError, AttributeError):
        return False
    named = all(isinstance(text, str) for label, name, _ in problems for text in (label, name))
    strings = named and all(isinstance(text, str) for text in texts)
    return result.get("graded") is True and fits and strings and all(sums)


def _read(path: Path) -> dict[str, Any]:
    """What a file of ours says, nothing if it is not there or damaged."""
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


@cache
def _code() -> str:
    """The course's own code in one word: checks may have been mended since."""
    digest = hashlib.sha256()
    for folder in (LIBRARY, COURSE, GRADER):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


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

    def kill(self) -> None:
        """End it, and whatever it has started; any thread may."""
        self._tree.usage()
        self._tree.kill()

    def stop(self) -> None:
        """End it for good."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what it has not read is lost with it
                pipe.close()
        self._folder.cleanup()
