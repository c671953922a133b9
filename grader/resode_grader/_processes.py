"""What a process and its descendants take, and how to end them all."""

import os
import signal
from contextlib import suppress
from pathlib import Path

__all__ = ["Tree", "end_children", "folder_size"]


class Tree:
    """A process with all its descendants, as /proc tells; elsewhere only its process group."""

    def __init__(self, root: int) -> None:
        """Watch from here on.

        Args:
            root: the process, which leads a group of its own.
        """
        self.root = root
        self._seen: set[int] = set()

    def usage(self) -> tuple[int, int]:
        """Return how many processes there are, and the bytes of memory that they take."""
        living = _descendants(self.root)
        self._seen = set(living)
        return len(living), sum(map(_memory, living))

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
