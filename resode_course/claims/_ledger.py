"""What was measured for a claim, to be stored and shown again."""

from dataclasses import asdict
from typing import Any

from resode_course import records
from resode_course.claims._claim import Check, Claim, Verdict

__all__ = ["from_store", "recorded", "reproduction", "to_store"]


def to_store(claim: Claim) -> list[dict[str, Any]]:
    """Measure a claim and all its controls; return the verdicts as plain data, the claim first."""
    verdicts = [claim.verdict(), *(claim.drop(hypothesis) for hypothesis in claim.dropped)]
    return [asdict(verdict) for verdict in verdicts]


def recorded(label: str) -> list[Verdict]:
    """Return the verdicts of the record, the claim first and then its controls."""
    return [from_store(entry) for entry in records.load("claims")[label]["data"]]


def from_store(entry: dict[str, Any]) -> Verdict:
    """Return a verdict that was stored as plain data."""
    checks = tuple(Check(**check) for check in entry["checks"])
    return Verdict(entry["label"], entry["dropped"], checks)


def reproduction(name: str) -> str:
    """Return what the record says of a figure of a paper: words, verdict and checks, in lines."""
    row = records.load("reproductions")[name]["row"]
    lines = [f"{row['item']}: {row['verdict']}"]
    lines += [f"  {word + ':':9s}{row[word]}" for word in ("reports", "theirs", "ours", "differs")]
    return "\n".join([*lines, *(f"  {Check(**check)}" for check in row["checks"])])
