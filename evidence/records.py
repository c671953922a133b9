"""Refresh the records: numbers too slow for every build, each with a hash of the code that made it.

``records.py`` makes what is stale, ``records.py NAME ...`` makes these entries anyway,
``records.py --check`` only says what is stale. The hash covers the file that makes an entry and
every file of ours that it imports, without docstrings and comments. Benchmarks are recorded in the
same form, by ``python -m evidence.benchmarks``: they need peers and a quiet machine.
"""

import ast
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("jax", "jaxlib", "flax", "diffrax", "numpy")
PEERS = ("torch", "torchdiffeq")

sys.path.insert(0, str(ROOT))  # evidence/benchmarks/ is not installed


class Entry(NamedTuple):
    """One entry of a record.

    Attributes:
        record: the name of the file.
        name: the name in the file.
        source: the file whose code makes it.
        make: computes the data, made of what JSON can hold.
    """

    record: str
    name: str
    source: Path
    make: Callable[[], Any]


def claim_entries() -> Iterator[Entry]:
    """One entry per claim: its verdict and those of its controls."""
    from resode_course import claims

    folder = ROOT / "resode_lib" / "claims"
    for label, claim in claims.CLAIMS.items():
        source = folder / f"{claim.run.__module__.rsplit('.', 1)[1]}.py"
        yield Entry("claims", label, source, lambda claim=claim: claims.to_store(claim))


def reproduction_entries() -> Iterator[Entry]:
    """One entry per figure of a paper that is run again."""
    from evidence import reproductions

    folder = ROOT / "resode_lib" / "reproductions"
    for name, reproduction in reproductions.REPRODUCTIONS.items():
        source = folder / f"{reproduction.run.__module__.rsplit('.', 1)[1]}.py"
        yield Entry("reproductions", name, source, reproduction.run)


def benchmark_entries(rounds: int = 7) -> Iterator[Entry]:
    """One entry per setting of each group of benchmarks."""
    from evidence import benchmarks

    for group in benchmarks.GROUPS:
        source = ROOT / "benchmarks" / f"{group}.py"
        for setting in import_module(f"benchmarks.{group}").SETTINGS:
            run = partial(benchmarks.measured, group, setting, rounds)
            yield Entry("benchmarks", f"{group}: {setting}", source, run)


def entries() -> list[Entry]:
    """Everything that is recorded."""
    return [*claim_entries(), *reproduction_entries(), *benchmark_entries()]


@cache
def without_words(path: Path) -> str:
    """Return the code of a file as a syntax tree, without comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [item for item in body if not is_text(item)]
    return described(tree)


def described(node: Any) -> str:
    """Return a syntax tree as text, the same for all versions of Python: empty fields are newer."""
    if isinstance(node, list):
        return f"[{', '.join(map(described, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (f"{k}={described(v)}" for k, v in ast.iter_fields(node) if v not in (None, []))
    return f"{type(node).__name__}({', '.join(fields)})"


def is_text(node: ast.AST) -> bool:
    """True for a statement that is a string and nothing else."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def imported(path: Path, root: Path) -> Iterator[Path]:
    """The files below ``root`` that a file imports directly, by absolute names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            file = root / Path(*name.split(".")).with_suffix(".py")
            if file.exists():
                yield file


def code_hash(source: Path, root: Path = ROOT) -> str:
    """Return a hash of a file and of all files below ``root`` that it needs."""
    needed, waiting = set(), [source]
    while waiting:
        path = waiting.pop()
        if path not in needed:
            needed.add(path)
            waiting += imported(path, root)
    digest = hashlib.sha256()
    for path in sorted(needed):
        digest.update(f"{path.relative_to(root)}\0{without_words(path)}\0".encode())
    return digest.hexdigest()[:16]


def read(record: str) -> dict[str, Any]:
    """Return the entries of a record on disk."""
    path = record_path(record)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def record_path(record: str) -> Path:
    """Return where a record is kept."""
    return ROOT / "resode_lib" / "records" / f"{record}.json"


def stale(known: Iterable[Entry]) -> list[Entry]:
    """Those of some entries that are missing or were made by other code."""
    known = list(known)
    today = {source: code_hash(source) for source in {entry.source for entry in known}}
    return [
        entry
        for entry in known
        if read(entry.record).get(entry.name, {}).get("code") != today[entry.source]
    ]


def orphans() -> list[str]:
    """Entries on disk that nothing makes any more."""
    known = {(entry.record, entry.name) for entry in entries()}
    files = sorted((ROOT / "resode_lib" / "records").glob("*.json"))
    return [
        f"{file.stem}: {name}"
        for file in files
        for name in read(file.stem)
        if (file.stem, name) not in known
    ]


def machine() -> str:
    """Return the processor and how many of its cores there are."""
    processor = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    return f"{os.cpu_count()} cores of {processor}"


def versions_of_peers() -> dict[str, str]:
    """Return the versions of the packages that only benchmarks use."""
    found = {}
    for name in PEERS:
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
        "code": code_hash(entry.source),
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in VERSIONS},
            **(versions_of_peers() if entry.record == "benchmarks" else {}),
        },
        "data": data,
    }
    names = [known.name for known in entries() if known.record == entry.record]
    content = {name: content[name] for name in names if name in content}
    record_path(entry.record).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{entry.record}: {entry.name}  {time.perf_counter() - start:.1f} s", flush=True)


def main(arguments: list[str]) -> int:
    """The command line."""
    import jax

    jax.config.update("jax_enable_x64", True)
    if arguments == ["--check"]:
        bad = [f"{entry.record}: {entry.name}" for entry in stale(entries())] + orphans()
        print("\n".join(bad) or "every record is up to date")
        return bool(bad)
    quick = [entry for entry in entries() if entry.record != "benchmarks"]
    chosen = [entry for entry in quick if entry.name in arguments] if arguments else stale(quick)
    if missing := set(arguments) - {entry.name for entry in chosen}:
        print(f"error: no entry is called {sorted(missing)}", file=sys.stderr)
        return 2
    for number, entry in enumerate(chosen, 1):
        print(f"[{number}/{len(chosen)}]", end=" ", flush=True)
        make(entry)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
