"""Attacks on other processes: where no layer stands in the way, and where one does."""

import ctypes
import ctypes.util
import json
import os
import platform
import subprocess
import sys

import pytest
from resode_grader import _jail, _syscalls
from resode_grader._submission import Limits, Submission

linux = pytest.mark.skipif(not _syscalls.known(), reason="no filter of system calls here")
strangers = pytest.mark.skipif(not _jail.stranger(), reason="only root may change users")

# What a submission tries on the process whose number it is given; nothing here does it harm.
ATTACKS = """
import ctypes, json, os, resource, signal, struct, sys
victim, layers = int(sys.argv[1]), json.loads(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    number = NUMBERS[name]["aarch64" == os.uname().machine]
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

kept = ctypes.create_string_buffer(8)
piece = struct.pack("PN", ctypes.addressof(kept), 8)
core = resource.getrlimit(resource.RLIMIT_CORE)
everywhere = os.sched_getaffinity(0)
ATTACKS = {
    "kill": lambda: os.kill(victim, 0),
    "kill a group": lambda: os.killpg(victim, 0),
    "tkill": lambda: call("tkill", victim, 0),
    "signal by descriptor": lambda: signal.pidfd_send_signal(os.pidfd_open(victim), 0),
    "limits": lambda: resource.prlimit(victim, resource.RLIMIT_CORE, core),
    "processors": lambda: os.sched_setaffinity(victim, everywhere),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, victim, 0),
    "priority of a user": lambda: os.setpriority(os.PRIO_USER, 0, 0),
    "scheduler": lambda: os.sched_setscheduler(victim, os.SCHED_OTHER, os.sched_param(0)),
    "input and output": lambda: call("ioprio_set", 1, victim, 2 << 13 | 4),
    "trace": lambda: call("ptrace", 0x4206, victim, 0, 0),
    "its memory": lambda: call("process_vm_readv", victim, piece, 1, piece, 1, 0),
    "memory that stays": lambda: call("shmget", 1234567, 4096, 0o1600),
}
NUMBERS = json.loads(sys.argv[3])
if "filter" in layers:
    from resode_grader import _syscalls
    assert _syscalls.close(signals=True)
found = {}
for name, attack in ATTACKS.items():
    try:
        attack()
        found[name] = "done"
    except OSError as error:
        found[name] = type(error).__name__
print(json.dumps(found))
"""
EVERYBODY = {**_syscalls.NEVER, **_syscalls.SIGNALS, "tkill": _syscalls.TKILL}
EVERYBODY |= {name: numbers for name, (numbers, _) in _syscalls.ON_ITSELF.items()}


@pytest.fixture
def victim():
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def attacked(victim, layers, **settings):
    """What each attack gave."""
    arguments = [str(victim.pid), json.dumps(layers), json.dumps(EVERYBODY)]
    done = subprocess.run(
        [sys.executable, "-P", "-c", ATTACKS, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        cwd="/",
        **settings,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@linux
def test_without_a_layer_each_attack_reaches_its_victim(victim):
    found = attacked(victim, [])
    remove_shared_memory()
    assert {name for name, end in found.items() if end != "done"} <= {"trace", "its memory"}


def remove_shared_memory():
    """Take away what the attack has left."""
    libc = ctypes.CDLL(None)
    libc.shmctl(libc.shmget(1234567, 4096, 0o600), 0, None)


@linux
def test_the_filter_alone_stops_each_attack(victim):
    found = attacked(victim, ["filter"])
    assert {name for name, end in found.items() if end != "PermissionError"} == set()


@strangers
def test_another_user_alone_stops_each_attack(victim):
    found = attacked(victim, [], **_jail.stranger())
    own = {"priority of a user", "memory that stays"}  # its own: nobody else is that user
    remove_shared_memory()
    assert {name for name, end in found.items() if end != "PermissionError"} <= own


@strangers
def test_another_user_writes_no_results_and_reads_no_key(tmp_path):
    results, key = tmp_path / "results.json", tmp_path / "key"
    results.write_text("{}")
    key.write_text("secret")
    key.chmod(0o600)
    program = f"""
for path, mode in (({str(results)!r}, "w"), ({str(key)!r}, "r"), ({str(tmp_path / "new")!r}, "w")):
    try:
        open(path, mode).close()
        print("done")
    except PermissionError:
        print("refused")
"""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, **_jail.stranger())
    assert done.stdout.split() == ["refused"] * 3
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["done"] * 3


@linux
@pytest.mark.skipif(not ctypes.util.find_library("seccomp"), reason="nobody to compare with")
@pytest.mark.parametrize("machine", _syscalls.ARCHITECTURES)
def test_the_numbers_are_those_of_the_system(machine):
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    column = list(_syscalls.ARCHITECTURES).index(machine)
    architecture = _syscalls.ARCHITECTURES[machine]
    resolve = library.seccomp_syscall_resolve_name_arch
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    for name, numbers in {**EVERYBODY, "seccomp": tuple(_syscalls.SECCOMP.values())}.items():
        known = resolve(architecture, name.encode())
        # A number below 0: the library is older than the call.
        assert known in (numbers[column], -1), (name, numbers[column], known)


ORDINARY = """
import os, resource, signal, subprocess, threading
from resode_grader import _syscalls
assert _syscalls.close(signals=%s)
import jax, jax.numpy as jnp
value = float(jax.jit(lambda x: jnp.linalg.det(x @ x.T))(jnp.eye(300)))
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    total = sum(pool.map(lambda n: float(jnp.sum(jnp.arange(n))), range(1, 9)))
os.kill(os.getpid(), 0)
signal.raise_signal(signal.SIGCONT)
os.nice(1)
os.sched_setaffinity(0, os.sched_getaffinity(0))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
child = subprocess.Popen(["sleep", "60"])
try:
    child.kill()
    ended = child.wait()
except PermissionError:
    ended = "refused"
print(value, total, threading.active_count() >= 1, ended)
"""


@linux
@pytest.mark.parametrize(("signals", "ended"), [(False, "-9"), (True, "refused")])
def test_ordinary_programs_and_jax_run_under_the_filter(signals, ended):
    command = [sys.executable, "-P", "-c", ORDINARY % signals]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    line = process.stdout.readline()
    os.killpg(process.pid, 9)
    process.communicate()
    assert line.split() == ["1.0", "84.0", "True", ended]


def test_a_program_for_another_machine_is_a_filter_too():
    for machine in _syscalls.ARCHITECTURES:
        steps = _syscalls.program(machine, 17)
        ends = [n for n, (do, *_) in enumerate(steps) if do == _syscalls.RETURN]
        assert ends[-1] == len(steps) - 1
        jumps = {n + 1 + far for n, (_, *both, _) in enumerate(steps[:-1]) for far in both}
        assert max(jumps) < len(steps)
    assert platform.machine() in _syscalls.ARCHITECTURES or not _syscalls.known()


# The whole of a submission, with Landlock alone: no namespaces, no user of its own.
NEIGHBOUR = """
import json, os, resource, signal
outcomes = {}
def attempt(name, attack):
    try:
        attack()
        outcomes[name] = "done"
    except OSError as error:
        outcomes[name] = type(error).__name__
victim = VICTIM
attempt("limits", lambda: resource.prlimit(victim, resource.RLIMIT_CORE, (0, 0)))
attempt("processors", lambda: os.sched_setaffinity(victim, {0}))
attempt("priority", lambda: os.setpriority(os.PRIO_PROCESS, victim, 7))
attempt("end", lambda: os.kill(victim, signal.SIGKILL))
attempt("results", lambda: open("RESULTS", "w").close())
attempt("results read", lambda: open("RESULTS").close())
"""


@linux
@pytest.mark.parametrize("layer", ["landlock", pytest.param("another user", marks=strangers)])
def test_a_submission_reaches_neither_neighbour_nor_results(tmp_path, victim, monkeypatch, layer):
    results = tmp_path / "results.json"
    results.write_text("{}")
    if layer == "landlock":
        monkeypatch.setattr(_jail, "stranger", dict)
        if not _jail.landlock():
            pytest.skip("no Landlock here")
    cells = [NEIGHBOUR.replace("VICTIM", str(victim.pid)).replace("RESULTS", str(results))]
    with Submission(cells, {}, {}, Limits.within(60, 10**9), []) as submission:
        outcomes = submission.answer("outcomes")
    assert set(outcomes.values()) == {"PermissionError"}, outcomes
    assert victim.poll() is None
    assert os.getpriority(os.PRIO_PROCESS, victim.pid) == os.getpriority(os.PRIO_PROCESS, 0)
    assert results.read_text() == "{}"


@linux
def test_who_may_not_signal_says_so(monkeypatch):
    """Where neither Landlock 6 nor namespaces nor another user stands between, the filter does."""
    monkeypatch.setattr(_jail, "stranger", dict)
    monkeypatch.setattr(_jail, "landlock", lambda: 5)
    with Submission([], {}, {}, Limits(), []) as submission:
        submission._user = {}
        assert submission._settings((0, 0))["close_signals"]
    with Submission([], {}, {}, Limits(), ["unshare"]) as submission:
        assert not submission._settings((0, 0))["close_signals"]


def test_the_protection_says_what_is_missing():
    bare = _jail.protection([], 0, filtered=False, strangers=False)
    assert bare.count("NOT PROTECTED") == 2
    assert "NOT CLOSED" in bare
    full = _jail.protection(["unshare", *_jail.NAMESPACES[0]], 6, filtered=True, strangers=False)
    assert "NOT" not in full
    assert "PARTLY" not in full
    assert "but slow it down" in _jail.protection([], 6, filtered=False, strangers=False)
    assert "neither signal nor change" in _jail.protection([], 4, filtered=True, strangers=False)
    container = _jail.protection([], 0, filtered=True, strangers=True)
    assert "It reads what everybody may read" in container
