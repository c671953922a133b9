"""The records: what is recorded, how an entry is made, and whether today's code agrees with it.

A record informs. It says which code made it, when and where; nothing goes stale because code was
rewritten. When code gives *other numbers* than a record, a test says so: the claims' tests measure
every claim again, and each figure of a paper names one of its numbers that is quick to compute.
Timings cannot be compared; the tests count what can be counted (memory, sizes of programs).
"""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from evidence import benchmarks, reproductions
from resode_course import claims
from resode_course.records import FOLDER

__all__ = ["Entry", "benchmark_entries", "entries", "make", "missing", "orphans", "read", "rejudge"]

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("jax", "jaxlib", "flax", "diffrax", "numpy")
PEERS = ("torch", "torchdiffeq")


class Entry(NamedTuple):
    """One entry of a record.

    Attributes:
        record: the name of the file.
        name: the name in the file.
        make: computes the data, made of what JSON can hold.
    """

    record: str
    name: str
    make: Callable[[], Any]


def measured(claim: claims.Claim) -> list[dict[str, Any]]:
    """Measure a claim and all its controls; return the verdicts as plain data, the claim first."""
    return [claims.to_store(verdict) for verdict in claim.verdicts()]


def claim_entries() -> Iterator[Entry]:
    """One entry per claim: its verdict and those of its controls."""
    for label, claim in claims.CLAIMS.items():
        yield Entry("claims", label, partial(measured, claim))


def reproduction_entries() -> Iterator[Entry]:
    """One entry per figure of a paper that is run again; two figures may share a run."""
    for name, reproduction in reproductions.REPRODUCTIONS.items():
        if not reproduction.same_run_as:
            yield Entry("reproductions", name, reproduction.run)


def benchmark_entries(rounds: int = 7) -> Iterator[Entry]:
    """One entry per setting of each group of benchmarks."""
    for group in benchmarks.GROUPS:
        for setting in import_module(f"evidence.benchmarks.{group}").SETTINGS:
            run = partial(benchmarks.measured, group, setting, rounds)
            yield Entry("benchmarks", f"{group}: {setting}", run)


def entries() -> list[Entry]:
    """Everything that is recorded."""
    return [*claim_entries(), *reproduction_entries(), *benchmark_entries()]


def path_of(record: str) -> Path:
    """Return where a record is kept."""
    return FOLDER / f"{record}.json"


def read(record: str) -> dict[str, Any]:
    """Return the entries of a record on disk."""
    path = path_of(record)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(record: str, content: dict[str, Any]) -> None:
    """Write a record, its entries in the order in which they are declared."""
    names = [known.name for known in entries() if known.record == record] or list(claims.CLAIMS)
    if record == "reproductions":
        names = list(reproductions.REPRODUCTIONS)
    ordered = {name: content[name] for name in names if name in content}
    path_of(record).write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def missing() -> list[Entry]:
    """What is declared and has no entry on disk."""
    return [entry for entry in entries() if entry.name not in read(entry.record)]


def orphans() -> list[str]:
    """Entries on disk that nothing makes any more."""
    known = {(entry.record, entry.name) for entry in entries()}
    known |= {("sweeps", label) for label in claims.CLAIMS}  # made by `evidence.sweeps`
    known |= {("reproductions", name) for name in reproductions.REPRODUCTIONS}  # share a run
    files = sorted(FOLDER.glob("*.json"))
    return [
        f"{file.stem}: {name}"
        for file in files
        for name in read(file.stem)
        if (file.stem, name) not in known
    ]


def code() -> str:
    """Return the commit that runs, marked where files differ from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short=12", "HEAD") or "no commit"
    changed = git("status", "--porcelain", "--", "resode_lib", "resode_course/claims", "evidence")
    return f"{commit} with changes" if changed else commit


def machine() -> str:
    """Return the processor and how many of its cores there are."""
    processor = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    return f"{os.cpu_count()} cores of {processor}"


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of packages; "absent" for those that are not installed."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def make(entry: Entry) -> None:
    """Compute one entry and write its record."""
    start = time.perf_counter()
    data = entry.make()
    content = read(entry.record)
    content[entry.name] = {
        "code": code(),
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": {
            "python": platform.python_version(),
            **versions(VERSIONS + PEERS if entry.record == "benchmarks" else VERSIONS),
        },
        "data": data,
    }
    write(entry.record, content)
    print(f"{entry.record}: {entry.name}  {time.perf_counter() - start:.1f} s", flush=True)


def rejudge() -> None:
    """Write the rows of "Papers and book" from the numbers that are recorded: nothing is run."""
    content = read("reproductions")
    for name, reproduction in reproductions.REPRODUCTIONS.items():
        if reproduction.same_run_as in content:
            content[name] = {**content[reproduction.same_run_as]}
    for name, entry in content.items():
        if name in reproductions.REPRODUCTIONS:
            entry["row"] = reproductions.get(name).row(entry["data"])
    write("reproductions", content)
