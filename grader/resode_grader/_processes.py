"""What a process and its descendants take, and how to end them all."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["Stopwatch", "Tree", "end_children", "folder_size", "quiet_seconds"]


class Tree:
    """A process with all its descendants, as /proc tells; elsewhere only its process group."""

    def __init__(self, root: int) -> None:
        """Watch from here on.

        Args:
            root: the process, which leads a group of its own.
        """
        self.root = root
        self._seen: set[int] = set()
        self._threads: dict[str, tuple[int, int]] = {}

    def usage(self) -> tuple[int, int]:
        """Return how many processes there are, and the bytes of memory that they take."""
        living = _descendants(self.root)
        self._seen = set(living)
        return len(living), sum(map(_memory, living))

    def times(self) -> tuple[float, float]:
        """Return the seconds that threads have run, and those that they waited for a processor.

        Both are 0 where nobody says. Threads that have ended count, if they were seen.
        """
        for pid in _descendants(self.root):
            with suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    ran, waited, *_ = (task / "schedstat").read_text().split()
                    self._threads[task.name] = int(ran), int(waited)
        ran, waited = zip((0, 0), *self._threads.values(), strict=True)
        return sum(ran) / 1e9, sum(waited) / 1e9

    def ring(self, generation: int) -> None:
        """Send SIGALRM to the first process of a generation, the root's being 0."""
        with suppress(IndexError, OSError):
            os.kill(_descendants(self.root)[generation], signal.SIGALRM)

    def kill(self) -> None:
        """End them all; those that appear meanwhile too."""
        for _ in range(50):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.root, signal.SIGKILL)
            # Who has left the group, and whose parent has ended, was seen before.
            living = [pid for pid in {*self._seen, *_descendants(self.root)} if _is_alive(pid)]
            for pid in living:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._seen = set(living) - {self.root}
            if not self._seen:
                return


class Stopwatch:
    """The time that processes take, from now on, as a quiet machine would measure it.

    Marks hang on it, so it must not run faster when other processes keep the machine busy.
    """

    def __init__(self, tree: Tree) -> None:
        """Start.

        Args:
            tree: the processes.
        """
        self._tree = tree
        self._start = (time.monotonic(), *tree.times())

    def seconds(self) -> float:
        """Return the seconds so far."""
        now = (time.monotonic(), *self._tree.times())
        passed, ran, waited = (max(0.0, b - a) for a, b in zip(self._start, now, strict=True))
        return quiet_seconds(passed, ran, waited)


def quiet_seconds(passed: float, ran: float, waited: float) -> float:
    """Return how long a stretch of time would have been without neighbours.

    Where threads could go on but had to wait, only the share counts that they got. Where none
    could go on, such as in a sleep, time passes in full. Threads of one program that wait for one
    another on P processors gain nothing: at least ``ran / P`` has passed.

    Args:
        passed: seconds of the clock.
        ran: seconds that all threads together ran.
        waited: seconds that all threads together waited for a processor.
    """
    wanted = ran + waited
    busy = min(wanted, passed)
    share = ran / wanted if wanted else 1.0
    return max(passed - busy * (1 - share), ran / _processors())


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def end_children() -> None:
    """End what this process has adopted, see `resode_grader._jail.adopt`."""
    for _ in range(50):
        left = [pid for pid in _descendants(os.getpid())[1:] if _is_alive(pid)]
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not left:
            return


def _descendants(root: int) -> list[int]:
    """The process and all below it."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        with suppress(OSError, ValueError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                children = (task / "children").read_text()
                waiting += map(int, children.split())
    return found


def _is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def _memory(pid: int) -> int:
    """Bytes in memory, those that n processes share counted as one n-th; 0 where nobody says.

    What is merely resident would not do: a hundred idle children that share their parent's memory
    seem to take it a hundred times.
    """
    with suppress(OSError, ValueError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    # A process may hide this, and old kernels do not know it: then what is resident counts.
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def folder_size(folder: str) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(path, name).lstat().st_size
    return total
