"""One way to tell whether what was made still holds: a fingerprint of what it was made from.

A green run of the tests, the outputs of the pages and a clean build of the book are each kept
beside theirs, and count as long as it is the same. It is made of contents, not of dates, which
change with every checkout.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path

__all__ = ["fingerprint", "source_files"]

# What a run writes by itself; hidden folders other than these two are caches and environments.
GENERATED = {"_build", "build", "dist", "__pycache__", "node_modules"}
HIDDEN_SOURCES = {".ci", ".github", ".gitignore"}


def fingerprint(root: Path, names: Iterable[str] = (".",)) -> str:
    """Return one hash of the sources below ``names``, of Python and of every installed version.

    Args:
        root: the folder that paths are relative to.
        names: files and folders in it; one that is missing counts as empty.
    """
    digest = hashlib.sha256(sys.version.encode())
    versions = sorted({f"{d.name} {d.version}" for d in distributions()})
    digest.update("\n".join(versions).encode())
    for name in names:
        for path in source_files(root, root / name):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def source_files(root: Path, path: Path) -> Iterator[Path]:
    """Yield the source files at or below a path, without entering environments and caches."""
    if path.is_file():
        yield path
    elif path.is_dir():
        for entry in sorted(path.iterdir()):
            if _is_source(entry.relative_to(root)):
                yield from source_files(root, entry)


def _is_source(path: Path) -> bool:
    """Whether something made can depend on a path, relative to the root."""
    hidden = path.parts[0].startswith(".") and path.parts[0] not in HIDDEN_SOURCES
    nested_hidden = any(part.startswith(".") for part in path.parts[1:])
    return not (hidden or nested_hidden or GENERATED & set(path.parts) or ".egg-info" in str(path))
