"""What was measured for a figure of a paper, in words."""

from resode_course import records
from resode_course.claims._claim import Check

__all__ = ["reproduction"]


def reproduction(name: str) -> str:
    """Return what the record says of a figure of a paper: words, verdict and checks, in lines."""
    row = records.load("reproductions")[name]["row"]
    lines = [f"{row['item']}: {row['verdict']}"]
    lines += [f"  {word + ':':9s}{row[word]}" for word in ("reports", "theirs", "ours", "differs")]
    return "\n".join([*lines, *(f"  {Check(**check)}" for check in row["checks"])])
