"""What was measured for a claim, to be stored and shown again."""

from dataclasses import asdict
from typing import Any

from resode_course import records
from resode_course.claims._claim import Check, Claim, Verdict

__all__ = ["recorded", "to_store"]


def to_store(claim: Claim) -> list[dict[str, Any]]:
    """Measure a claim and all its controls; return the verdicts as plain data, the claim first."""
    verdicts = [claim.verdict(), *(claim.drop(hypothesis) for hypothesis in claim.dropped)]
    return [asdict(verdict) for verdict in verdicts]


def recorded(label: str) -> list[Verdict]:
    """Return the verdicts of the record, the claim first and then its controls."""
    return [
        Verdict(
            entry["label"], entry["dropped"], tuple(Check(**check) for check in entry["checks"])
        )
        for entry in records.load("claims")[label]["data"]
    ]
