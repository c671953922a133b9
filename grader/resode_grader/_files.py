"""Files that are written whole or not at all, and names that every disk can hold."""

import csv
import hashlib
import io
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["file_names", "obstacle", "table", "write"]

LONGEST = 100  # bytes of a name; disks hold 255, with endings and other marks
UNUSUAL = re.compile(r"[^\w .,@+=()-]")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows


def write(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all; the folder is made.

    Raises:
        OSError: if the disk refuses; what was there before stays.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{os.getpid()}-{_digest(path.name)}")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def table(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV with commas."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def obstacle(path: Path) -> str | None:
    """Return why a file could not be written here, None if it could; nothing is changed."""
    if path.is_dir():
        return "it is a folder"
    probe = path.with_name(f".part-{os.getpid()}-probe")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            with path.open("r+b"):
                pass
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return a name of a file for each name, no two alike on any disk.

    A plain name stays. One with unusual characters, too long, or equal to another but for capitals
    or for how its accents are stored, gets a mark of its own.
    """
    plain = {name: _plain(name) for name in names}
    count = Counter(_folded(text) for text in plain.values())
    return {
        name: text if text == name and count[_folded(text)] == 1 else f"{text}~{_digest(name)}"
        for name, text in plain.items()
    }


def _plain(name: str) -> str:
    """A name with usual characters only, none too many."""
    text = UNUSUAL.sub("_", name)
    text = text.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore")
    text = text.lstrip(". ").rstrip(". ") or "_"
    return f"_{text}" if RESERVED.fullmatch(text) else text


def _folded(text: str) -> str:
    """What a disk that ignores capitals, and how accents are stored, makes of a name."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _digest(text: str) -> str:
    """A short mark of a text."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
