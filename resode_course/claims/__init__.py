"""The claims of the course: a module for each chapter, called like its page.

Chapters show a claim's card under the theorem, the tests assert it and its controls, the ledger
page lists it.
"""

from importlib import import_module

from resode_course.claims._claim import (
    Check,
    Claim,
    Control,
    Measured,
    Picture,
    Verdict,
    from_store,
    recorded_verdicts,
    to_store,
)
from resode_course.claims._ledger import LEDGER, ledger_row, papers
from resode_course.tables import Table

__all__ = [
    "CHAPTERS",
    "CLAIMS",
    "Check",
    "Claim",
    "Control",
    "Measured",
    "Picture",
    "Verdict",
    "from_store",
    "get",
    "ledger",
    "papers",
    "recorded_verdicts",
    "to_store",
]

CHAPTERS = (
    "start/jax-and-flax",
    "discretize/euler",
    "discretize/integrators",
    "discretize/closeness",
    "train/depth-factor",
    "train/gradient-flow",
    "train/linear-networks",
    "train/implicit-regularization",
    "converge/polyak-lojasiewicz",
    "converge/overparameterization",
    "converge/double-limit",
    "remember/adjoints",
    "remember/training-without-memory",
    "control/limits",
    "control/turnpike",
    "control/variable-width",
    "practice/images",
)
"""The pages that state something, as in the table of contents."""


def _of_chapter(page: str) -> list[type[Claim]]:
    """Return the claims that a chapter's module defines, in its order."""
    name = page.rsplit("/", 1)[-1].replace("-", "_")
    module = import_module(f"{__name__}.{name}")
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Claim)
        and value.__module__ == module.__name__
    ]


CLAIMS: dict[str, Claim] = {kind.label: kind() for page in CHAPTERS for kind in _of_chapter(page)}
"""All claims by label, in the order of the book, in the settings that its pages show."""


def get(label: str) -> Claim:
    """Return the claim with this label, in the setting that its page shows.

    Raises:
        KeyError: if there is none; the message lists those there are.
    """
    if label not in CLAIMS:
        raise KeyError(f"no claim has the label {label!r}; there are {list(CLAIMS)}.")
    return CLAIMS[label]


def ledger() -> Table:
    """Return every claim with its verdict, controls and sweep, from the records."""
    pages = {page.rsplit("/", 1)[-1]: page for page in CHAPTERS}
    rows = [
        ledger_row(place, pages[claim.chapter], claim)
        for place, claim in enumerate(CLAIMS.values())
    ]
    return Table(LEDGER, rows, name="statements")
