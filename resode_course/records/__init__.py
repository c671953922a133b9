"""Numbers that are too slow to compute at every build, with where they came from.

A record is a small JSON file beside this one. ``make records`` refreshes what is stale; the tests
fail while an entry was made by other code than today's.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "load", "made"]

FOLDER = Path(__file__).parent


@cache
def load(name: str) -> dict[str, Any]:
    """Return the entries of a record by name.

    Every entry has ``data``, and how it was made: ``code`` (a hash of the code that ran), ``date``,
    ``machine`` and ``versions``.

    Raises:
        FileNotFoundError: if there is no such record; the message lists those there are.
    """
    path = FOLDER / f"{name}.json"
    if not path.exists():
        there = sorted(file.stem for file in FOLDER.glob("*.json"))
        raise FileNotFoundError(
            f"no record is called {name!r}; there are {there}. Make it with: make records"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def made(entry: dict[str, Any]) -> str:
    """Return one line that says when, where and with which versions an entry was made."""
    versions = ", ".join(f"{name} {version}" for name, version in entry["versions"].items())
    return f"{entry['date']}, {entry['machine']}, {versions}"
