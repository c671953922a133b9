"""What a submission's process cannot do, and what it can where the machine offers less.

Four layers that need no more rights than a user has:

- limits (POSIX): memory, file size, core files;
- Landlock (Linux 5.13 and later): files outside the list are closed to it, and so is the memory of
  other processes; from Linux 6.12 on, it cannot signal them either;
- a filter of system calls, see `resode_grader._syscalls`;
- namespaces (``unshare``): it sees no process but its own, has no network, and dies as a whole.

And one for root, who may have no other, as in a container: each submission is another user's.
What is missing is named in `protection`.
"""

import ctypes
import functools
import os
import secrets
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = [
    "NAMESPACES",
    "adopt",
    "around",
    "confine",
    "hide",
    "landlock",
    "limit",
    "namespaces",
    "protection",
    "stranger",
]

# System calls have the same numbers on all machines since Linux 5.
CREATE, ADD_RULE, RESTRICT = 444, 445, 446
ASK_VERSION = 1
NO_NEW_PRIVILEGES = 38
CHILD_SUBREAPER = 36
DUMPABLE = 4
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
READ = EXECUTE | READ_FILE | READ_DIR
# Which rights each version knows: asking for more is refused.
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
ONLY_FILES = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15  # of a file that is no folder
TCP = 3  # bind and connect, from version 4 on
SCOPES = 3  # abstract sockets and signals, from version 6 on

NAMESPACES = (
    ("--user", "--map-current-user", "--pid", "--net", "--ipc", "--mount-proc"),
    ("--user", "--map-current-user", "--pid", "--net", "--ipc"),
    ("--user", "--map-current-user", "--pid"),
)
USERS = range(61184, 65520)  # systemd keeps them for services that come and go: nobody has them
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom")
MACHINE = ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system", "/dev/zero")


def limit(memory: int, file_size: int, seconds: int) -> None:
    """Limit this process: private memory (what an array takes), files that it writes, time.

    The address space is not limited: XLA and BLAS reserve more of it than they use.

    Args:
        memory: bytes.
        file_size: bytes.
        seconds: of the processor, on all cores together; what nobody waits for ends too.
    """
    import resource

    for name, value in (
        ("DATA", memory),
        ("FSIZE", file_size),
        ("CPU", seconds),
        ("CORE", 0),
    ):
        with suppress(AttributeError, ValueError, OSError):  # macOS refuses some of them
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def adopt() -> None:
    """Become the parent of every descendant whose own parent ends, so that none gets lost."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1)


def hide() -> None:
    """Close the memory of this process, which holds a key, to others of the same user."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(DUMPABLE, 0)


def landlock() -> int:
    """Return the version of Landlock that this machine offers, 0 for none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, ctypes.CDLL(None).syscall(CREATE, None, 0, ASK_VERSION))


def around(folders: Sequence[str], hidden: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the paths that together are these folders without what is hidden.

    Args:
        folders: what may be read.
        hidden: folders, of which some may lie inside.

    Returns:
        What may be read with all below it, and the folders on the way, whose names may be listed.
    """
    secret = [Path(path).resolve() for path in hidden]
    whole, listed = [], []
    waiting = [Path(path).resolve() for path in folders]
    while waiting:
        path = waiting.pop()
        if path in secret:
            continue
        if not any(other.is_relative_to(path) for other in secret):
            whole.append(str(path))
            continue
        listed.append(str(path))
        with suppress(OSError):
            waiting += path.iterdir()
    return whole, listed


def confine(readable: Sequence[str], writable: Sequence[str], hidden: Sequence[str] = ()) -> bool:
    """Close every file to this process but these, for good; return whether that was possible.

    Args:
        readable: folders and files to read and execute; those that do not exist are skipped.
        writable: folders and files to read and write.
        hidden: folders inside the readable ones that stay closed.
    """
    version = landlock()
    if not version:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    rights = RIGHTS[min(version, max(RIGHTS))]
    fields = [rights, TCP if version >= 4 else 0, SCOPES if version >= 6 else 0]
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("QQQ", *fields)[:size]
    rules = libc.syscall(CREATE, attributes, size, 0)
    if rules < 0:
        return False
    whole, listed = around((*SYSTEM, *MACHINE, *readable), hidden)
    for paths, allowed in (
        (whole, READ & rights),
        (listed, READ_DIR),
        ((*writable, "/dev/null"), rights),
    ):
        for path in paths:
            _allow(libc, rules, path, allowed)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    done = libc.syscall(RESTRICT, rules, 0) == 0
    os.close(rules)
    return done


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    """Add one rule; a path that is not there needs none."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not Path(path).is_dir():
        rights &= ONLY_FILES
    libc.syscall(ADD_RULE, rules, 1, struct.pack("=Qi", rights, opened), 0)
    os.close(opened)


def stranger() -> dict[str, Any]:
    """Return what makes a process of `subprocess` another user's, {} where that cannot be.

    Each time it is a user who owns nothing: neither the command nor another submission is in reach.
    """
    if not _strangers_can_run():
        return {}
    user = secrets.choice(USERS)
    return {"user": user, "group": user, "extra_groups": ()}


@functools.cache
def _strangers_can_run() -> bool:
    """Whether we may change users, and the others find Python and what submissions import."""
    if os.name != "posix" or os.geteuid() != 0:
        return False
    names = ("IPython", "numpy", "resode_lib", "resode_course", "resode_grader")
    look = f"from importlib.util import find_spec; exit(None in map(find_spec, {names}))"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    user = USERS[0]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", look],
            user=user,
            group=user,
            extra_groups=(),
            cwd="/",
            env=environment,
            capture_output=True,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def namespaces() -> list[str]:
    """Return the command that starts a program in namespaces of its own, [] where none works."""
    program = shutil.which("unshare")
    if not program or not sys.platform.startswith("linux"):
        return []
    for options in NAMESPACES:
        command = [program, *options, "--fork", "--kill-child=SIGKILL", "--"]
        done = subprocess.run([*command, "true"], capture_output=True, check=False, **stranger())
        if done.returncode == 0:
            return command
    return []


def protection(command: Sequence[str], version: int, filtered: bool, strangers: bool) -> str:
    """Return what a submission can and cannot do on this machine, a line each.

    Args:
        command: what `namespaces` returned.
        version: what `landlock` returned.
        filtered: whether there is a filter of system calls.
        strangers: whether each submission is another user's.
    """
    lines = [
        "Each submission runs in a fresh process; expected values stay in another one.",
        "Files" + _files(version, strangers),
        "Processes" + _processes(command, version, filtered, strangers),
        "Network: none."
        if "--net" in command
        else "Network: no TCP."
        if version >= 4
        else "Network: NOT CLOSED.",
    ]
    return "\n".join(lines)


def _files(version: int, strangers: bool) -> str:
    """What it reads and writes."""
    if version:
        return (
            f" (Landlock {version}): it reads no other submission, no key; it writes to its own "
            "folder only."
        )
    if strangers:
        return (
            " (a user of its own): PARTLY PROTECTED. It reads what everybody may read on this "
            "machine. Keep key and submissions in a folder that only you may open (chmod 700)."
        )
    return (
        ": NOT PROTECTED. A submission can read what you can read, other submissions and the key "
        "included. Grade on Linux 5.13 or later, or in a container without the key."
    )


def _processes(command: Sequence[str], version: int, filtered: bool, strangers: bool) -> str:
    """Which processes it reaches."""
    if command:
        return " (namespaces): it sees and signals no process of yours."
    if strangers:
        return " (a user of its own): it can neither signal nor change a process of yours."
    if filtered:
        return " (seccomp): it can neither signal nor change a process of yours."
    if version >= 6:
        return " (Landlock): it can signal no process of yours, but slow it down: PARTLY PROTECTED."
    return (
        ": NOT PROTECTED. A submission can stop this command; run it again and it goes on where "
        "it stopped, and names who stopped it twice."
    )
