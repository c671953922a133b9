"""System calls that a submission cannot make: those that reach into processes of the same user.

Landlock closes files. It does not close ``prlimit``, ``sched_setaffinity`` or ``setpriority``, by
which a process may starve any other one of its user, nor memory that outlives it (System V, keys),
by which it could tell a later one what it saw. A seccomp filter does, without more rights than a
user has. Each of these calls then fails with "not permitted".

Sources: seccomp(2) and linux/seccomp.h; the numbers are those of asm/unistd.h.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable, Sequence
from itertools import chain

__all__ = ["close", "known"]

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # as linux/audit.h names them
SECCOMP = {"x86_64": 317, "aarch64": 277}
FOREIGN = 0x40000000  # on x86_64, from here on numbers of another kind: one more way to all of them

# Number on x86_64, number on aarch64.
NEVER = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),  # makes calls that a filter does not see
}
# Allowed where each of these arguments is one of these values; 0 is the process that calls.
ITSELF = ((0, (0,)),)
ON_ITSELF = {
    "prlimit64": ((302, 261), ITSELF),
    "sched_setparam": ((142, 118), ITSELF),
    "sched_setscheduler": ((144, 119), ITSELF),
    "sched_setaffinity": ((203, 122), ITSELF),
    "sched_setattr": ((314, 274), ITSELF),
    "setpriority": ((141, 140), ((0, (0,)), (1, (0,)))),  # of a process, no group, no user
    "ioprio_set": ((251, 30), ((0, (1,)), (1, (0,)))),
}
SIGNALS = {  # the first argument is a process
    "kill": (62, 129),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}
TKILL = (200, 130)  # names a thread of anybody

LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # where a call's data holds them
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
NO_NEW_PRIVILEGES = 38
SET_FILTER, ASK_ACTION, ALL_THREADS = 1, 2, 1

Step = tuple[int, int, int, int]  # what to do, where to go on if so, if not, with what


def known() -> bool:
    """Return whether this machine takes the filter."""
    if not (sys.platform.startswith("linux") and platform.machine() in ARCHITECTURES):
        return False
    action = struct.pack("=I", REFUSE & 0xFFFF0000)
    return ctypes.CDLL(None).syscall(SECCOMP[platform.machine()], ASK_ACTION, 0, action) == 0


def close(signals: bool) -> bool:
    """Refuse these calls to this process and all that it starts, for good; return whether it did.

    Args:
        signals: whether to refuse signals to others too, where nothing else does. Then it cannot
            end processes of its own either.
    """
    if not known():
        return False
    steps = program(platform.machine(), os.getpid() if signals else None)
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    kept = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HP", len(steps), ctypes.addressof(kept))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return libc.syscall(SECCOMP[platform.machine()], SET_FILTER, ALL_THREADS, head) == 0


def program(machine: str, own: int | None) -> Sequence[Step]:
    """Return the filter: a look at the call's number, then at its arguments.

    Args:
        machine: the architecture.
        own: the process that alone may get signals; None if any may.
    """
    column = list(ARCHITECTURES).index(machine)
    never = [numbers[column] for numbers in NEVER.values()]
    limited = {numbers[column]: conditions for numbers, conditions in ON_ITSELF.values()}
    if own is not None:
        never.append(TKILL[column])
        limited |= {numbers[column]: ((0, (0, own)),) for numbers in SIGNALS.values()}
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, REFUSE),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, FOREIGN),
        (RETURN, 0, 0, REFUSE),
        *chain.from_iterable(_never(number) for number in never),
        *chain.from_iterable(_only_if(number, *rule) for number, rule in limited.items()),
        (RETURN, 0, 0, ALLOW),
    ]


def _never(number: int) -> Iterable[Step]:
    """Refuse a call."""
    return (EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)


def _only_if(number: int, *conditions: tuple[int, Sequence[int]]) -> Iterable[Step]:
    """Refuse a call unless each of these arguments has one of its values."""
    steps: list[Step] = []
    for argument, values in conditions:
        steps.append((LOAD, 0, 0, ARGUMENTS + 8 * argument))
        steps += [(EQUAL, len(values) - n, 0, value) for n, value in enumerate(values)]
        steps.append((RETURN, 0, 0, REFUSE))
    steps.append((RETURN, 0, 0, ALLOW))
    return (EQUAL, 0, len(steps), number), *steps
