"""What we say about speed and memory, measured side by side with others; see README.md."""

import os
from importlib import import_module
from typing import Any

__all__ = ["GROUPS", "measured"]

GROUPS = (
    "memory",
    "step_time",
    "trajectories",
    "experiment",
    "compile_time",
    "start",
    "roofline",
    "kernel",
    "devices",
)
"""Modules with ``SETTINGS``, names, and ``measure(setting, rounds)``, rows; by importance."""


def measured(group: str, setting: str, rounds: int) -> dict[str, Any]:
    """Return the rows of one setting, and how they were measured."""
    before = os.getloadavg()[0]
    rows = import_module(f"benchmarks.{group}").measure(setting, rounds)
    load = [round(load, 1) for load in (before, os.getloadavg()[0])]
    return {"rounds": rounds, "load": load, "rows": rows}
