"""Text that students wrote, made harmless for where it goes: a terminal, a spreadsheet, a page.

No text is trusted: names of files, error messages, printed output, answers. What would act in its
place is written out, such as the code of the character that begins a terminal's command.
"""

import html
import re
import sys
from contextlib import suppress

__all__ = ["cell", "line", "lines", "markup", "say"]

# Control characters, those that turn the direction of writing, halves of pairs, no characters.
ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
# A spreadsheet takes for a formula what begins a cell, and a cell begins at whatever separator its
# country uses; full-width signs count too. A dash alone says that there is nothing.
FORMULA = re.compile(r"""(^|[,;|\t])([\s"]*)(?=[=+@\uff1d\uff0b\uff20]|[-\uff0d](?!$))""")


def lines(text: str) -> str:
    """Return text with its line ends and tabs, everything else that acts written out."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return ACTING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def line(text: str) -> str:
    """Return text as one line."""
    return lines(" ".join(text.split()))


def cell(text: str) -> str:
    """Return text as one line that no spreadsheet runs, whatever separates its cells.

    Done twice, it is the same: a name may be taken from one table to another.
    """
    return FORMULA.sub(r"\1\2'", line(text))


def markup(text: str) -> str:
    """Return text as HTML that shows it."""
    return html.escape(lines(text))


def say(text: str, error: bool = False) -> None:
    """Print; a terminal that has gone or cannot show a character stops nothing."""
    stream = sys.stderr if error else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    shown = lines(text).encode(encoding, "backslashreplace").decode(encoding)
    with suppress(OSError, ValueError):  # closed, or a pipe that nobody reads
        print(shown, file=stream, flush=True)
