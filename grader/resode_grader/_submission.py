"""The trusted side of one submission: start its process, ask it, and stop it at its limits."""

import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from resode_course.coursework.cases import AnswerError, NotAttemptedError
from resode_grader import _jail, _processes
from resode_grader._packages import COURSE, GRADER, LIBRARY, ROOTS
from resode_grader._wire import LENGTHS, WireError, decode, encode, lengths

__all__ = ["Limits", "StoppedError", "Submission"]

TICK = 0.1  # seconds between two looks at what a process takes
LONGEST = 500  # characters that are taken over from a submission's process, of one message
PATIENCE = 10  # how much longer than its time a submission may wait for a busy machine
MODULE = re.compile(r"[\w.]{1,99}", re.ASCII)  # the name of one, as an import writes it
STARTS = 3  # a process that dies in a call is started again, so that other answers still count


@dataclass(frozen=True)
class Limits:
    """What one submission may take.

    Seconds are those of a quiet machine, see `resode_grader._processes.quiet_seconds`.

    Attributes:
        seconds: for all of it.
        cell_seconds: for one cell.
        call_seconds: for one call of an answer.
        memory: bytes of private memory, of one process and of all of them together.
        processes: how many at once, threads not counted.
        folder: bytes of files.
        output: bytes of printed text that are kept.
    """

    seconds: float = 300.0
    cell_seconds: float = 120.0
    call_seconds: float = 20.0
    memory: int = 4_000_000_000
    processes: int = 32
    folder: int = 200_000_000
    output: int = 100_000

    @classmethod
    def within(cls, seconds: float, memory: int) -> "Limits":
        """Return limits for a given time and memory: no cell takes more than half of the time."""
        usual = cls()
        cell, call = min(usual.cell_seconds, seconds / 2), min(usual.call_seconds, seconds / 4)
        return cls(seconds=seconds, cell_seconds=cell, call_seconds=call, memory=memory)


class StoppedError(AnswerError):
    """The process of the submission is gone; the message says why."""


class Submission:
    """A context manager: the process of one notebook, started when it is first asked."""

    def __init__(
        self,
        cells: Sequence[str],
        parameters: dict[str, Any],
        labels: dict[str, str],
        limits: Limits,
        command: Sequence[str],
    ) -> None:
        """Keep what is needed to start.

        Args:
            cells: the code cells.
            parameters: the class's numbers, by the label of their problem.
            labels: the label of the problem, by the name of its answer.
            limits: what it may take.
            command: what starts a program in namespaces, see `resode_grader._jail`.
        """
        self._first = {"cells": list(cells), "parameters": parameters, "labels": labels}
        self.limits, self.command = limits, list(command)
        self.failed: list[str] = []  # cells with an error
        self.missing: list[str] = []  # modules that were not found
        self.imported: list[str] = []  # packages that cells imported
        self.cohort: str | None = None  # what the notebook says
        self.output = b""
        self.stops = 0  # how often a limit or an end of its own stopped the process
        self.limits_met: list[str] = []  # what took too long, and how long
        self.starved = False  # whether it had no chance to use its time
        self.reason: str | None = None  # why it was stopped for good
        self.sentences: set[str] = set()  # those that are ours: nothing of the process is in them
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._spent = 0.0
        self._patience = 0.0

    def __enter__(self) -> "Submission":
        """Make a folder for it, and somebody whom it belongs to."""
        self._patience = time.monotonic() + PATIENCE * self.limits.seconds
        # A process of another owner may have closed its folder: what cannot be removed stays.
        self._folder = tempfile.TemporaryDirectory(prefix="resode-", ignore_cleanup_errors=True)
        self._user = _jail.stranger()
        if self._user:
            os.chown(self._folder.name, self._user["user"], self._user["group"])
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything that the submission started, and remove its folder."""
        self.stop()
        self._folder.cleanup()

    def answer(self, name: str) -> Any:
        """Return the student's answer of this name: data, or a proxy that takes and returns data.

        Raises:
            NotAttemptedError: if there is none.
            AnswerError: if it is no data, or the process cannot say.
        """
        kind = self._ask({"do": "look", "name": name})
        if kind != ["function"]:
            return kind[1]

        def call(*arguments: Any, **named: Any) -> Any:
            reply = self._ask({"do": "call", "name": name, "arguments": arguments, "named": named})
            if len(reply) != 2:
                raise AnswerError("Your answer gave a function where data was expected.")
            return reply[1]

        return call

    def _ask(self, request: dict[str, Any]) -> list[Any]:
        """Send one request and return ["function"] or ["data", value]."""
        self._start()
        seconds = self.limits.call_seconds
        try:
            # Compiled code does not hear the bell in the process: then it is stopped.
            with self._within(seconds, f"`{request['name']}`", 1.5 * seconds + 1):
                self._write({**request, "seconds": seconds})
                reply = self._read()
        except WireError as error:
            self.stop()
            raise StoppedError(self._say(f"Your answer sent {error}.")) from error
        match _parts(reply):
            case "missing", []:
                raise NotAttemptedError("not attempted")
            case "absent", []:
                sentence = f"There is no `{request['name']}` in the notebook; did you rename it?"
                raise AnswerError(self._say(sentence))
            case "nothing", []:
                raise AnswerError(self._say("Your answer returned nothing: is there a `return`?"))
            case "error", [str(message)]:
                raise AnswerError(self._too_slow() if self._rung else _line(message))
            case ("function", []) | ("data", [_]):
                return reply
        self.stop()
        raise StoppedError(self._say("Your notebook answered in a form of its own."))

    def _say(self, sentence: str) -> str:
        """A sentence of ours, and a note that it is: a student may read it in any case."""
        self.sentences.add(sentence)
        return sentence

    def _too_slow(self) -> str:
        """What is said of a call that took too long."""
        return self._say(f"Your answer took longer than {self.limits.call_seconds:g} s.")

    def _give_up(self, reason: str) -> StoppedError:
        """Stop the process for good."""
        self.stop()
        self.reason = self._say(reason)
        return StoppedError(reason)

    def _start(self) -> None:
        """Start the process and run the cells, unless it is there or has been stopped for good."""
        if self.reason:
            raise StoppedError(self.reason)
        if self._process:
            return
        if self._starts == STARTS:
            raise self._give_up("The process of your notebook ended too often.")
        self._starts += 1
        self._launch()
        try:
            reply = self._run_cells()
        except (WireError, StoppedError) as error:
            raise self._give_up(f"While the cells ran: {error}") from error
        self._note(reply)

    def _run_cells(self) -> Any:
        """Send the cells; return what follows the last one."""
        # A cell in compiled code may take what is left: other answers need the same process.
        with self._within(self.limits.cell_seconds, "the start", self.limits.seconds):
            self._write(self._first)
            reply = self._read()
        number = 0
        while _parts(reply) == ("cell", []):
            number += 1
            # Started again, it may choose where to sleep: the number could be a message.
            what = f"cell {number}" if self._starts == 1 else "a cell"
            with self._within(self.limits.cell_seconds, what, self.limits.seconds):
                reply = self._read()
        return reply

    def _note(self, reply: Any) -> None:
        """Keep what the process says about its cells; it may say anything.

        Once only: started again, it may have kept what an answer was asked, and tell it here.
        """
        match _parts(reply):
            case "ran", [[*failed], [*missing], [*imported], str() | None as cohort]:
                if self._starts > 1:
                    return
                self.failed = [_line(item) for item in failed[:LONGEST]]
                self.missing, self.imported = _modules(missing), _modules(imported)
                self.cohort = cohort and _line(cohort)
            case _:
                raise self._give_up("Your notebook answered in a form of its own.")

    def _launch(self) -> None:
        """Start a Python that shares nothing with this one but three pipes."""
        requests, answers, output = os.pipe(), os.pipe(), os.pipe()
        theirs = (requests[0], answers[1], output[1])
        python = [sys.executable, "-P", "-m", "resode_grader._child"]
        self._process = subprocess.Popen(
            [*self.command, *python, json.dumps(self._settings(theirs[:2]))],
            stdin=subprocess.DEVNULL,
            stdout=theirs[2],
            stderr=theirs[2],
            pass_fds=theirs[:2],
            cwd=self._folder.name,
            env=self._environment(),
            start_new_session=True,
            **self._user,
        )
        for end in theirs:
            os.close(end)
        self._requests, self._answers, self._printed = requests[1], answers[0], output[0]
        for end in (self._requests, self._answers, self._printed):
            os.set_blocking(end, False)
        self._tree = _processes.Tree(self._process.pid)
        self._looked = 0.0

    def _settings(self, pipes: tuple[int, int]) -> dict[str, Any]:
        """What the process is told: limits and the files that it may open."""
        paths = [str(LIBRARY), str(COURSE), sys.prefix, sys.base_prefix, sys.exec_prefix]
        paths += [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        return {
            "pipes": pipes,
            "memory": self.limits.memory,
            "file_size": self.limits.folder,
            "processor": int(self.limits.seconds * (os.cpu_count() or 1)) + 1,
            "cell_seconds": self.limits.cell_seconds,
            "close_signals": not (self.command or self._user or _jail.landlock() >= 6),
            "readable": [*paths, "/proc"] if "--mount-proc" in self.command else paths,
            "writable": [self._folder.name],
            # Where it is installed beside the course: it knows how to compute what it expects.
            "hidden": [str(GRADER)],
        }

    def _environment(self) -> dict[str, str]:
        """A small environment: nothing of the grader's own, so no secret that stands there."""
        kept = {k: os.environ[k] for k in ("LANG", "LC_ALL", "LD_LIBRARY_PATH") if k in os.environ}
        return {
            **kept,
            "PATH": "/usr/bin:/bin",
            "HOME": self._folder.name,
            "USER": "student",  # a user of its own has no name that could be looked up
            "TMPDIR": self._folder.name,
            "PYTHONPATH": os.pathsep.join(ROOTS),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "utf-8:replace",
            "MPLBACKEND": "agg",
            "JAX_PLATFORMS": "cpu",
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        }

    def _write(self, value: Any) -> None:
        """Send one frame; a process that does not read is stopped at its deadline."""
        frame = memoryview(encode(value))
        while frame:
            self._look()
            try:
                frame = frame[os.write(self._requests, frame) :]
            except BlockingIOError:
                time.sleep(TICK / 10)
            except BrokenPipeError:
                raise StoppedError(self._ended()) from None

    @contextmanager
    def _within(self, seconds: float, what: str, final: float) -> Iterator[None]:
        """Time what the process does meanwhile; what it does unasked costs it nothing.

        Args:
            seconds: when to ring.
            what: takes that long, for the remark.
            final: when to stop the process.
        """
        self._watch, self._rung = _processes.Stopwatch(self._tree), False
        self._allowed, self._what, self._final = seconds, what, final
        try:
            yield
        finally:
            self._spent += self._watch.seconds()

    def _read(self) -> Any:
        """Return the next frame; keep what is printed meanwhile."""
        needed, data = LENGTHS.size, bytearray()
        sizes = None
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            selector.register(self._printed, selectors.EVENT_READ)
            while len(data) < needed or sizes is None:
                self._look()
                for key, _ in selector.select(TICK):
                    if key.fd == self._printed:
                        self._keep_output(selector)
                    else:
                        data += self._piece(needed - len(data))
                if sizes is None and len(data) == LENGTHS.size:
                    sizes = lengths(bytes(data))
                    needed += sum(sizes)
        split = LENGTHS.size + sizes[0]
        return decode(bytes(data[LENGTHS.size : split]), bytes(data[split:]))

    def _piece(self, size: int) -> bytes:
        """The next bytes of a frame; none left means that the process has ended."""
        if piece := os.read(self._answers, min(size, 1 << 20)):
            return piece
        raise StoppedError(self._ended())

    def _keep_output(self, selector: selectors.BaseSelector) -> None:
        """Keep the first printed bytes and drop the others."""
        piece = os.read(self._printed, 1 << 16)
        if not piece:
            selector.unregister(self._printed)
        self.output += piece[: self.limits.output - len(self.output)]

    def _ended(self) -> str:
        """Say that the process is not there any more; how it ended could be a message."""
        self.stop()
        return self._say("The process of your notebook ended by itself.")

    def _look(self) -> None:
        """Ring or stop the process at the first limit that it passes."""
        now = time.monotonic()
        if now - self._looked < TICK or not self._process:
            return
        self._looked = now
        self._look_at_time(self._watch.seconds(), now)
        if reason := self._too_much():
            raise self._give_up(reason)

    def _look_at_time(self, taken: float, now: float) -> None:
        """Ring when something takes too long; stop what does not hear."""
        if self._spent + taken > self.limits.seconds:
            self.limits_met.append(f"the notebook took longer than {self.limits.seconds:g} s")
            raise self._give_up(f"Your notebook took longer than {self.limits.seconds:g} s.")
        if now > self._patience:
            self.starved = True
            self.limits_met.append("the machine was too busy to run the notebook")
            raise self._give_up("The machine was too busy to run your notebook.")
        if taken > self._allowed and not self._rung:
            self._rung = True
            self.limits_met.append(f"{self._what} took longer than {self._allowed:g} s")
            self._tree.ring(1 if self.command else 0)  # the first one makes the namespaces
        if taken > self._final:
            self.stop()
            raise StoppedError(self._too_slow())

    def _too_much(self) -> str | None:
        """What the processes take beyond the limits, in a sentence."""
        processes, memory = self._tree.usage()
        if processes > self.limits.processes:
            return f"Your notebook started more than {self.limits.processes} processes."
        if memory > self.limits.memory:
            return f"Your notebook took more than {self.limits.memory / 1e9:g} GB of memory."
        if _processes.folder_size(self._folder.name) > self.limits.folder:
            return f"Your notebook wrote more than {self.limits.folder / 1e6:g} MB of files."
        return None

    def stop(self) -> None:
        """End the process and all that it started."""
        if not self._process:
            return
        self.stops += 1
        self._tree.kill()
        self._process.wait()
        self._process = None
        for end in (self._requests, self._answers, self._printed):
            os.close(end)


def _line(text: Any) -> str:
    """Text of the process as one short line that can be printed and stored anywhere."""
    shown = "".join(c if c.isprintable() else " " for c in str(text)[:LONGEST])
    return " ".join(shown.split())


def _modules(names: list[Any]) -> list[str]:
    """Those that could be names of modules, each once."""
    kept = [name for name in names[:LONGEST] if type(name) is str and MODULE.fullmatch(name)]
    return list(dict.fromkeys(kept))


def _parts(reply: Any) -> tuple[str, list[Any]]:
    """The kind of a reply and the rest; a kind that is no text has none."""
    if type(reply) is list and reply and type(reply[0]) is str:
        return reply[0], reply[1:]
    return "", []
