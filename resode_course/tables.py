"""A table that one can sort and filter, in a page of the book, in Jupyter and in Colab.

Without scripts it is a plain table, in a terminal it is lines of text.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

__all__ = ["Cell", "Table"]


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table.

    Args:
        text: what one reads.
        order: what it is sorted by, if not the text.
        link: where it leads.
        label: of the statement that it names; the book puts its number here.
        good: True and False are marked, None is not.
    """

    text: str
    order: int | float | str | None = None
    link: str = ""
    label: str = ""
    good: bool | None = None

    def element(self) -> str:
        """Return the cell of an HTML table."""
        text = html.escape(self.text)
        if self.good is not None:
            mark, kind = ("✓", "ok") if self.good else ("✗", "no")
            text = f'<span class="{kind}">{mark} {text}</span>'
        if self.link:
            kind = ' class="statement"' if self.label else ""
            text = f'<a{kind} href="{html.escape(self.link, quote=True)}">{text}</a>'
        order = "" if self.order is None else f' data-order="{html.escape(str(self.order))}"'
        return f"<td{order}>{text}</td>"


@dataclass(frozen=True)
class Table:
    """Rows under headings.

    Args:
        columns: the headings.
        rows: a cell, or its text, for each heading.
        name: what the rows are, in one word of plural.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    name: str = "rows"

    def __post_init__(self) -> None:
        """Refuse a row that is longer or shorter than the headings."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"got a row of {len(row)} cells under {len(self.columns)} headings: {row}"
                )

    def _cells(self) -> list[list[Cell]]:
        return [
            [cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows
        ]

    def __repr__(self) -> str:
        """Return the rows as lines of text."""
        return "\n".join(" | ".join(cell.text for cell in row) for row in self._cells())

    def _repr_html_(self) -> str:
        """Return the table, and what sorts and filters it where scripts run."""
        here = files("resode_course")
        head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in self.columns)
        body = "".join(
            f"<tr>{''.join(cell.element() for cell in row)}</tr>" for row in self._cells()
        )
        name = html.escape(self.name)
        return (
            f'<div class="sortable"><style>{(here / "tables.css").read_text("utf8")}</style>'
            f'<p class="sortable-filter" hidden><label>Show {name} with '
            f'<input type="search"></label> <output aria-live="polite"></output></p>'
            f'<div class="sortable-frame" role="region" tabindex="0" aria-label="{name}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
            f"<script>{(here / 'tables.js').read_text('utf8')}</script></div>"
        )
