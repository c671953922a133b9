"""Figures of the papers, run again: what they report, our setting, and whether the numbers agree.

A reproduction is too slow for every build. ``make records`` runs it, and the page shows the record.
"""

from evidence.reproductions import horizons, images, linear, memory, synthetic
from evidence.reproductions._reproduction import DATA, Reproduction
from resode_course import records

__all__ = ["REPRODUCTIONS", "Reproduction", "get", "recorded"]

REPRODUCTIONS = {
    entry.name: entry
    for module in (synthetic, linear, images, memory, horizons)
    for entry in module.REPRODUCTIONS
}


def get(name: str) -> Reproduction:
    """Return the reproduction called ``name``.

    Raises:
        KeyError: if there is none; the message lists them.
    """
    if name not in REPRODUCTIONS:
        raise KeyError(f"no reproduction {name!r}; there are {list(REPRODUCTIONS)}.")
    return REPRODUCTIONS[name]


def recorded(name: str) -> DATA:
    """Return the data of the record; ``make records`` makes it."""
    return records.load("reproductions")[get(name).name]["data"]
