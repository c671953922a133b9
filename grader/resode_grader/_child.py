"""The process of one submission: run its cells, then answer calls with data.

Whatever happens here, the grader reads plain data only, and knows nothing that this process was
told to expect: it was told nothing. Started as ``python -m resode_grader._child SETTINGS``.
"""

import contextlib
import copy
import functools
import io
import json
import os
import signal
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import resode_grader
from resode_course import coursework
from resode_course._plain import NotPlainError, plain
from resode_grader import _jail, _shell, _syscalls
from resode_grader._wire import LENGTHS, WireError, decode, encode, lengths

LONGEST = 500  # characters of an error message


class OutOfTimeError(Exception):
    """The grader rang: one cell or one call takes too long."""


@contextlib.contextmanager
def interruptible(seconds: float) -> Iterator[None]:
    """Raise `OutOfTimeError` when the grader rings, unless compiled code holds on.

    The grader holds the watch: only outside can one tell work from waiting for a processor.
    """

    def ring(*_: object) -> None:
        raise OutOfTimeError(f"took longer than {seconds:g} s")

    signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)


def run_cells(
    cells: list[str], shell: _shell.Shell, seconds: float, begin: Callable[[], None]
) -> list[str]:
    """Run cells in order; return numbers and errors of those that failed.

    Args:
        cells: their text.
        shell: runs them.
        seconds: what one may take.
        begin: called before each.
    """
    failed = []
    for number, source in enumerate(cells, 1):
        begin()
        try:
            with interruptible(seconds):
                error = shell.run(source)
        except BaseException as raised:  # a cell cannot end the others
            error = raised
        if error is not None:
            failed.append(f"cell {number}: {describe(error)}")
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
    return failed


def describe(error: BaseException) -> str:
    """An error in one line."""
    with contextlib.suppress(BaseException):  # its text is the student's code as well
        return f"{type(error).__name__}: {error}"[:LONGEST].replace("\n", " ")
    return "an error without a message"


class Moments:
    """What the names of a notebook meant at the last check of each problem, and at its end.

    All cells have run when an answer is called. By then a later problem may have used a name
    again, a helper or ``p``, and an answer that its check called right would fail.

    Args:
        namespace: the names of the notebook, which its functions look up.
        labels: the label of the problem that an answer of this name belongs to.
    """

    def __init__(self, namespace: dict[str, Any], labels: dict[str, str]):
        self.namespace = namespace
        self.labels = labels
        self.checked: dict[str, dict[str, Any]] = {}
        self.end: dict[str, Any] = {}

    def remember(self, label: Any) -> None:
        """Keep what every name means at this check."""
        self.checked[str(label)] = dict(self.namespace)

    def finish(self) -> None:
        """Keep what every name means at the end."""
        self.end = dict(self.namespace)

    def recall(self, name: str) -> None:
        """Give all names their meaning at the answer's last check, unless it changed since."""
        then = self.checked.get(self.labels.get(name, ""), {})
        self.namespace.update(self.end)
        if name in then and then[name] is self.end.get(name):
            self.namespace.update(then)


def respond(request: dict[str, Any], moments: Moments) -> list[Any]:
    """Answer one request: what a name stands for, or what a call of it gives."""
    name, namespace = request["name"], moments.namespace
    try:
        moments.recall(name)
        if name not in namespace:
            return ["absent"]
        with interruptible(request["seconds"]):
            return evaluate(request, namespace[name])
    except NotImplementedError:
        return ["missing"]
    except OutOfTimeError as error:
        return ["error", f"Your answer {error}."]
    except NotPlainError as error:
        return ["error", f"Your answer {error}"]
    except BaseException as error:  # whatever it raises is feedback
        return ["error", f"Your answer raised {describe(error)}"]


def evaluate(request: dict[str, Any], answer: Any) -> list[Any]:
    """What a name stands for: nothing yet, a function (or what it returns), or data."""
    if callable(answer):
        if request["do"] == "look":
            return ["function"]
        answer = answer(*request["arguments"], **request["named"])
        if answer is None:  # what is handed out returns ...
            return ["nothing"]
    return ["missing"] if answer is None or answer is ... else ["data", plain(answer)]


def send(pipe: BinaryIO, value: Any) -> None:
    """Write one frame; an answer that is too large becomes an error."""
    try:
        frame = encode(value)
    except WireError as error:
        frame = encode(["error", f"Your answer returned {error}."])
    pipe.write(frame)
    pipe.flush()


def receive(pipe: BinaryIO) -> Any:
    """Read one frame; end when the grader has gone."""
    head = pipe.read(LENGTHS.size)
    if len(head) < LENGTHS.size:
        sys.exit(0)
    text, arrays = lengths(head)
    return decode(pipe.read(text), pipe.read(arrays))


def notebook_module() -> types.ModuleType:
    """The module in which the cells run, under the name that a kernel gives it."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    return module


def watch_checks(parameters: dict[str, Any], moments: Moments) -> None:
    """Let a check remember the moment, since marks are decided elsewhere; and give the numbers.

    A call of a check says that an answer is meant as it stands then. The numbers are those of the
    class that is graded, whatever the notebook holds. No further module of the grader is found.
    """
    resode_grader.__path__ = []  # closed to it anyway where there is Landlock
    coursework.check = moments.remember
    coursework.parameters = lambda label: copy.deepcopy(parameters[label])


def main() -> None:
    """Confine this process, run the cells, then serve until the grader closes the pipe."""
    settings = json.loads(sys.argv[1])
    del sys.argv[1:]
    requests, answers = (
        os.fdopen(n, mode) for n, mode in zip(settings["pipes"], ("rb", "wb"), strict=True)
    )
    sys.stdin = io.StringIO()
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    first = receive(requests)
    module = notebook_module()
    moments = Moments(module.__dict__, first["labels"])
    watch_checks(first["parameters"], moments)
    _jail.limit(settings["memory"], settings["file_size"], settings["processor"])
    _jail.confine(settings["readable"], settings["writable"], settings["hidden"])
    _syscalls.close(signals=settings["close_signals"])
    shell = _shell.start(module)
    seconds, begin = settings["cell_seconds"], functools.partial(send, answers, ["cell"])
    failed = run_cells(first["cells"], shell, seconds, begin)
    moments.finish()
    cohort = moments.namespace.get("COHORT")
    cohort = cohort if type(cohort) is str else None
    send(answers, ["ran", failed, shell.missing, shell.imported(), cohort])
    while True:
        request = receive(requests)
        send(answers, respond(request, moments))


if __name__ == "__main__":
    main()
