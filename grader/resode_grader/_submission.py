"""The trusted side of one submission: start its process, ask it, and stop it at its limits."""

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resode_course.coursework.cases import AnswerError, NotAttemptedError
from resode_grader import _processes
from resode_grader._packages import COURSE, GRADER, LIBRARY, ROOTS
from resode_grader._wire import LENGTHS, WireError, decode, encode, lengths

__all__ = ["Limits", "StoppedError", "Submission"]

TICK = 0.1  # seconds between two looks at what a process takes
LONGEST = 500  # characters that are taken over from a submission's process, of one message
STARTS = 3  # a process that dies in a call is started again, so that other answers still count


@dataclass(frozen=True)
class Limits:
    """What one submission may take.

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
        self.cohort: str | None = None  # what the notebook says
        self.output = b""
        self.stops = 0  # how often a limit or an end of its own stopped the process
        self.reason: str | None = None  # why it was stopped for good
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._deadline = 0.0

    def __enter__(self) -> "Submission":
        """Start the clock."""
        self._deadline = time.monotonic() + self.limits.seconds
        # A process of another owner may have closed its folder: what cannot be removed stays.
        self._folder = tempfile.TemporaryDirectory(prefix="resode-", ignore_cleanup_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything that the submission started, and remove its folder."""
        self._stop()
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
            self._write({**request, "seconds": seconds})
            # Compiled code does not hear the alarm in the process: then this one stops it.
            reply = self._read(min(self._deadline, time.monotonic() + 1.5 * seconds + 1))
        except WireError as error:
            self._stop()
            raise StoppedError(f"Your answer sent {error}.") from error
        match reply:
            case ["missing"]:
                raise NotAttemptedError("not attempted")
            case ["error", str(message)]:
                raise AnswerError(message[:LONGEST])
            case ["function"] | ["data", _]:
                return reply
        self._stop()
        raise StoppedError("Your notebook answered in a form of its own.")

    def _start(self) -> None:
        """Start the process and run the cells, unless it is there or has been stopped for good."""
        if self.reason:
            raise StoppedError(self.reason)
        if self._process:
            return
        if self._starts == STARTS:
            self.reason = "The process of your notebook ended too often."
            raise StoppedError(self.reason)
        self._starts += 1
        self._launch()
        try:
            self._write(self._first)
            reply = self._read(self._deadline)
        except (WireError, StoppedError) as error:
            self._stop()
            self.reason = f"While the cells ran: {error}"
            raise StoppedError(self.reason) from error
        self._note(reply)

    def _note(self, reply: Any) -> None:
        """Keep what the process says about its cells; it may say anything."""
        match reply:
            case ["ran", [*failed], str() | None as cohort]:
                self.failed = [str(item)[:LONGEST] for item in failed[:LONGEST]]
                self.cohort = cohort and cohort[:LONGEST]
            case _:
                self._stop()
                self.reason = "Your notebook answered in a form of its own."
                raise StoppedError(self.reason)

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

    def _read(self, deadline: float) -> Any:
        """Return the next frame; keep what is printed meanwhile."""
        needed, data = LENGTHS.size, bytearray()
        sizes = None
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            selector.register(self._printed, selectors.EVENT_READ)
            while len(data) < needed or sizes is None:
                self._look(deadline)
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
        """Why the process is not there any more."""
        status = self._process.wait(timeout=5) if self._process else None
        self._stop()
        return f"The process of your notebook ended by itself (status {status})."

    def _look(self, deadline: float | None = None) -> None:
        """Stop the process at the first limit that it passes."""
        now = time.monotonic()
        if now > (deadline or self._deadline):
            self._stop()
            if now > self._deadline:
                self.reason = f"Your notebook took longer than {self.limits.seconds:g} s."
                raise StoppedError(self.reason)
            raise StoppedError(f"Your answer took longer than {self.limits.call_seconds:g} s.")
        if now - self._looked > TICK and self._process:
            self._looked = now
            self.reason = self._too_much()
            if self.reason:
                self._stop()
                raise StoppedError(self.reason)

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

    def _stop(self) -> None:
        """End the process and all that it started."""
        if not self._process:
            return
        self.stops += 1
        self._tree.kill()
        self._process.wait()
        self._process = None
        for end in (self._requests, self._answers, self._printed):
            os.close(end)
