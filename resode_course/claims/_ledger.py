"""What was measured, in tables: the claims of the course, and the figures of the papers."""

from resode_course import records
from resode_course.claims._claim import Check, Claim, recorded_verdicts
from resode_course.tables import Cell, Table

__all__ = ["ledger_row", "papers"]

LEDGER = (
    "statement",
    "what it says",
    "chapter",
    "kind",
    "measured",
    "controls",
    "settings",
    "nearest",
)

MARKS = {"NOT REPRODUCED": False, "NOT COMPARED": None}
"""How verdicts on figures are marked; all others are good."""


def ledger_row(place: int, page: str, claim: Claim) -> list[Cell]:
    """Return a claim's row of the ledger, from the records.

    Args:
        place: of the claim in the book, by which statements are sorted.
        page: that states it.
        claim: the claim.
    """
    verdict, *controls = recorded_verdicts(claim.label)
    failed = sum(control.as_stated for control in controls)
    nearest, settings = "", Cell("not swept", order=-1)
    if entry := records.load("sweeps").get(claim.label):
        swept = entry["data"]
        settings = Cell(
            f"{swept['held']} of {swept['tried']}",
            order=swept["tried"],
            good=swept["held"] == swept["tried"],
        )
        nearest = "{}: {} ({})".format(*swept["nearest"])
    return [
        Cell(claim.label, order=place, link=f"../{page}.html#{claim.label}", label=claim.label),
        Cell(claim.statement),
        Cell(claim.chapter, order=place),
        Cell(claim.kind),
        Cell("holds" if verdict.as_stated else "fails", good=verdict.as_stated),
        Cell(f"{failed} of {len(controls)} fail", good=failed == len(controls)),
        settings,
        Cell(nearest),
    ]


def papers(*names: str) -> Table:
    """Return what the record says of figures of papers: reports, settings, checks and verdict.

    Args:
        *names: of figures; all unless given.
    """
    rows = []
    for name, entry in records.load("reproductions").items():
        if names and name not in names:
            continue
        row = entry["row"]
        checks = "; ".join(str(Check(**check)) for check in row["checks"])
        rows.append(
            [
                Cell(row["item"]),
                Cell(row["verdict"].lower(), good=MARKS.get(row["verdict"], True)),
                Cell(f"{row['reports']}. Read in {row['read']}. Setting: {row['theirs']}."),
                Cell(f"{checks}. Setting: {row['ours']}."),
                Cell(row["differs"]),
            ]
        )
    return Table(("figure", "verdict", "the paper", "here", "what differs"), rows, name="figures")
