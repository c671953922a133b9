"""Read the MyST Markdown of a chapter as blocks: text, code, formulas, directives, targets.

A reader of the few constructs the book uses, not of all of Markdown: whatever it does not name
stays untouched text. ``labels.py`` numbers these blocks and ``plain.py`` writes them out again.
"""

import re
from dataclasses import dataclass, field

OPEN = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>.*)$")
DIRECTIVE = re.compile(r"^\s*\{(?P<name>[\w:.+-]+)\}\s*(?P<argument>.*?)\s*$")
TARGET = re.compile(r"^\((?P<label>[^()\s]+)\)=\s*$")
OPTION = re.compile(r"^:(?P<key>[\w-]+):\s*(?P<value>.*?)\s*$")
DOLLARS = re.compile(r"^\s*\$\$(?P<rest>.*)$")
DOLLARS_END = re.compile(r"^(?P<body>.*)\$\$\s*(?:\((?P<label>[^()\s]+)\))?\s*$")


class MystError(Exception):
    """A construct that cannot be turned into plain Markdown; says which line and what to do."""

    def __init__(self, line: int, got: str, mend: str) -> None:
        """Keep the line apart, so that the caller can put the file's name before it."""
        super().__init__(f"got {got}; {mend}")
        self.line = line


@dataclass
class Text:
    """Lines of ordinary Markdown."""

    lines: list[str]
    line: int


@dataclass
class Code:
    """A fenced code block, kept as it is."""

    lines: list[str]
    line: int


@dataclass
class Target:
    """A label for what follows: ``(label)=``."""

    label: str
    line: int


@dataclass
class Math:
    """A displayed formula, from dollars or from the ``math`` directive."""

    lines: list[str]
    label: str | None
    line: int
    indent: str = ""


@dataclass
class Directive:
    """A directive with its parsed content."""

    name: str
    argument: str
    options: dict[str, str]
    content: list["Block"]
    line: int
    indent: str = ""
    body: list[str] = field(default_factory=list)


Block = Text | Code | Target | Math | Directive

# Directives whose content is code or data, never Markdown.
VERBATIM = {"code", "code-block", "math", "bibliography"}


def parse(lines: list[str], first_line: int = 1) -> list[Block]:
    """Split Markdown lines into blocks, directives parsed recursively.

    Args:
        lines: The lines, without line ends.
        first_line: The number in the source file of the first of them, for error messages.

    Returns:
        The blocks in order; neighbouring lines of ordinary text form one block.

    Raises:
        MystError: If a fence or a formula is never closed.
    """
    blocks: list[Block] = []
    position = 0
    while position < len(lines):
        block, used = _next_block(lines, position, first_line + position)
        position += used
        if isinstance(block, Text) and blocks and isinstance(blocks[-1], Text):
            blocks[-1].lines += block.lines
        elif block is not None:
            blocks.append(block)
    return blocks


def walk(blocks: list[Block]) -> list[Block]:
    """All blocks in document order, those inside directives included."""
    found = []
    for block in blocks:
        found.append(block)
        if isinstance(block, Directive):
            found += walk(block.content)
    return found


def _next_block(lines: list[str], position: int, line: int) -> tuple[Block | None, int]:
    """The block that starts at ``position``, and how many lines it takes."""
    text = lines[position]
    opened = OPEN.match(text)
    if opened and not (opened["fence"][0] == "`" and "`" in opened["info"]):
        return _fenced(lines, position, line, opened)
    if DOLLARS.match(text):
        return _dollar_math(lines, position, line)
    if target := TARGET.match(text):
        return Target(target["label"], line), 1
    if text.startswith("% ") or text == "%":  # a comment: for the authors only
        return None, 1
    if text.lstrip().startswith("\\begin{"):
        raise MystError(line, f"a bare environment {text.strip()!r}", "put it between $$ and $$")
    return Text([text], line), 1


def _fenced(lines: list[str], position: int, line: int, opened: re.Match) -> tuple[Block, int]:
    """A code block or a directive, up to its closing fence."""
    fence, indent = opened["fence"], opened["indent"]
    closing = re.compile(rf"^\s*{re.escape(fence[0])}{{{len(fence)},}}\s*$")
    end = position + 1
    while end < len(lines) and not closing.match(lines[end]):
        end += 1
    if end == len(lines):
        raise MystError(line, f"a {fence} that is never closed", f"close it with {fence}")
    used = end + 1 - position
    named = DIRECTIVE.match(opened["info"])
    if not named:
        return Code(lines[position : end + 1], line), used
    body = [text.removeprefix(indent) for text in lines[position + 1 : end]]
    return _directive(named["name"], named["argument"], body, line, indent), used


def _directive(name: str, argument: str, body: list[str], line: int, indent: str) -> Block:
    """A directive from its body: options first, then content."""
    options: dict[str, str] = {}
    skipped = 0
    if body[:1] == ["---"]:
        raise MystError(line, "options between --- lines", "write them as :key: value lines")
    while skipped < len(body) and (option := OPTION.match(body[skipped])):
        options[option["key"]] = option["value"]
        skipped += 1
    body = body[skipped:]
    if name == "math":
        return Math(body or [argument], options.get("label"), line, indent)
    content = [] if name in VERBATIM else parse(body, line + 1 + skipped)
    return Directive(name, argument, options, content, line, indent, body)


def _dollar_math(lines: list[str], position: int, line: int) -> tuple[Block, int]:
    """A formula between double dollars, with MyST's label in parentheses after them."""
    first = DOLLARS.match(lines[position])["rest"]
    indent = lines[position][: len(lines[position]) - len(lines[position].lstrip())]
    body, end = [first], position
    while not (closed := DOLLARS_END.match(body[-1])):
        end += 1
        if end == len(lines) or not lines[end].strip():
            raise MystError(line, "a $$ that is never closed", "close the formula with $$")
        body.append(lines[end].removeprefix(indent))
    body[-1] = closed["body"]
    return Math([text for text in body if text.strip()], closed["label"], line, indent), (
        end + 1 - position
    )
