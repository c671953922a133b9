"""Write a chapter's blocks as plain Markdown, which Colab and GitHub can show.

Theorems and notes become quotations under a bold heading, labels become numbers and links, and a
role or directive without a rule here is an error: nothing may stay raw in a notebook.
"""

import re
from dataclasses import dataclass
from posixpath import basename, dirname, join, normpath, relpath

from labels import THEOREMS, Book, Label, Page
from myst import Block, Code, Directive, Math, MystError, Target, Text

# A note's heading is its own name, or its argument where it has no name of its own.
NAMED_NOTES = {
    **{name: name.capitalize() for name in ("note", "tip", "warning", "important", "caution")},
    **{name: name.capitalize() for name in ("danger", "hint", "attention", "error", "proof")},
    "seealso": "See also",
}
TITLED_NOTES = {"margin", "sidebar", "epigraph", "tab-item", "dropdown", "admonition"}
TRANSPARENT = {"tab-set", "div", "container"}  # only the content matters

# In this order: what stands in code or in a formula is not a role.
INLINE = re.compile(
    r"\{(?P<role>[A-Za-z][\w:.+-]*)\}(?P<ticks>`+)(?P<body>(?:(?!\n\s*\n).)+?)(?<!`)(?P=ticks)(?!`)"
    r"|(?P<code>(?P<codeticks>`+)(?:(?!\n\s*\n).)+?(?<!`)(?P=codeticks)(?!`))"
    r"|(?P<math>(?<!\\)\$\$?(?:(?!\n\s*\n)[^$])+\$\$?)"
    r"|(?P<bang>!?)\[(?P<text>[^\[\]]*)\]\((?P<address>[^()\s]*)\)",
    re.DOTALL,
)
TITLED_TARGET = re.compile(r"^(?P<title>.*?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
REFERENCES = {"ref", "numref", "eq", "prf:ref"}
CITATIONS = {"cite", "cite:p", "cite:t"}
# What stands before and after the text of the other roles.
LITERAL = ("code", "file", "command", "envvar", "program", "func", "class", "mod", "meth", "data")
WRAPPED = {
    **dict.fromkeys(LITERAL, ("`", "`")),
    **dict.fromkeys((f"py:{role}" for role in LITERAL), ("`", "`")),
    "term": ("*", "*"),
    "math": ("$", "$"),
    **{role: (f"<{role}>", f"</{role}>") for role in ("sub", "sup", "kbd")},
}
ADDRESS = re.compile(r"^(https?:|mailto:|data:)")


@dataclass
class Writer:
    """Writes the blocks of one page."""

    book: Book
    page: Page
    site: str  # the address of the published book, with a slash at its end; empty without one
    citations: dict[str, tuple[str, str, str]]  # key -> authors, year, address

    def blocks(self, blocks: list[Block], quoted: bool = False) -> list[str]:
        """All blocks as lines of plain Markdown."""
        lines: list[str] = []
        for block in blocks:
            try:
                lines += self._block(block, quoted)
            except MystError:
                raise
            except (KeyError, ValueError) as error:
                raise MystError(block.line, str(error), "see CONTRIBUTING.md") from error
        return lines

    def _block(self, block: Block, quoted: bool) -> list[str]:
        """One block as lines of plain Markdown."""
        match block:
            case Text(lines, line):
                return self.inline("\n".join(lines), line).split("\n")
            case Code(lines):
                return lines
            case Target(label):
                return [f'<a name="{label}"></a>', ""]
            case Math():
                return self._math(block, quoted)
            case Directive():
                lines = self._directive(block, quoted)
                return [block.indent + line if line else line for line in lines]
        raise TypeError(f"got a block of type {type(block)}, expected one of myst.Block")

    def _math(self, block: Math, quoted: bool) -> list[str]:
        """A formula with its number; on one line inside a quotation, where > would show in it."""
        body = [re.sub(r"(?<!\\)%.*", "", line).strip() for line in block.lines]
        body = [line for line in body if line]
        text = "\n".join(body)
        if "\\\\" in text and "\\begin{" not in text:  # as Sphinx does
            body = ["\\begin{aligned}", *body, "\\end{aligned}"]
        number = self.book.numbers.get((self.page.name, block.line)) if block.label else ""
        anchor = [f'<a name="{block.label}"></a>', ""] if block.label else []
        tag = [f"\\tag{{{number}}}"] if number else []
        if quoted:
            one_line = " ".join([*body, *tag])
            return [*anchor, block.indent + f"$$ {one_line} $$"]
        return [*anchor, *(block.indent + line for line in ["$$", *body, *tag, "$$"])]

    def _directive(self, block: Directive, quoted: bool) -> list[str]:
        """A directive by its kind."""
        writers = {
            **dict.fromkeys(NAMED_NOTES, self._note),
            **dict.fromkeys(TITLED_NOTES, self._note),
            **dict.fromkeys((f"prf:{kind}" for kind in THEOREMS), self._theorem),
            **dict.fromkeys(("exercise", "exercise-start"), self._exercise),
            **dict.fromkeys(("solution", "solution-start"), self._solution),
            **dict.fromkeys(TRANSPARENT, lambda block: self.blocks(block.content, quoted)),
            **dict.fromkeys(("code", "code-block"), self._code),
            **dict.fromkeys(("figure", "image"), self._figure),
            "prf:proof": self._note,
            "table": self._table,
            "bibliography": self._bibliography,
            "nb-exec-table": self._run_times,
            "exercise-end": lambda _: [],
            "solution-end": lambda _: ["", "***"],
        }
        if block.name not in writers:
            raise MystError(
                block.line,
                f"the directive {{{block.name}}}",
                "use one that tools/plain.py can write, or teach it this one",
            )
        return writers[block.name](block)

    def _code(self, block: Directive) -> list[str]:
        """A code block that is shown, not run."""
        return [f"```{block.argument}", *block.body, "```"]

    def _table(self, block: Directive) -> list[str]:
        """A table under its title."""
        return [f"**{self._heading(block)}**", "", *self.blocks(block.content)]

    def _bibliography(self, _: Directive) -> list[str]:
        """The list of sources stays on its page."""
        return [f"See {self._to_page('the bibliography', 'book/back/bibliography')}."]

    def _run_times(self, _: Directive) -> list[str]:
        """The table of run times is made while the pages are built."""
        return [f"See {self._to_page('the published page', 'book/back/status')}."]

    def _heading(self, block: Directive) -> str:
        """The heading of a numbered block: "Theorem 2.1 (title)"."""
        number = self.book.numbers.get((self.page.name, block.line), "")
        kind = block.name.removeprefix("prf:").removesuffix("-start")
        name = Label(self.page.name, kind, "", number).name
        title = self.inline(block.argument, block.line)
        return f"{name} ({title})" if title else name

    def _theorem(self, block: Directive) -> list[str]:
        """A theorem, definition, remark ... with its number and title."""
        return self._quotation(block, self._heading(block), block.content)

    def _note(self, block: Directive) -> list[str]:
        """A note; where it has a name of its own, text beside the name belongs to its content."""
        name = NAMED_NOTES.get(block.name.removeprefix("prf:"))
        if not name:
            return self._quotation(block, self.inline(block.argument, block.line), block.content)
        first = [Text([block.argument, ""], block.line)] if block.argument else []
        return self._quotation(block, name, [*first, *block.content])

    def _quotation(self, block: Directive, heading: str, content: list[Block]) -> list[str]:
        """A bold heading and quoted text."""
        end = "" if heading.endswith((".", "?", "!")) else "."
        lines = [f"**{heading}{end}**", ""] if heading else []
        lines += self.blocks(content, quoted=True)
        while lines and not lines[-1]:
            lines.pop()
        return [*self._anchor(block), *(f"> {line}".rstrip() for line in lines)]

    def _exercise(self, block: Directive) -> list[str]:
        """An exercise under a heading, its text not quoted: code cells may follow."""
        lines = [f"#### {self._heading(block)}", "", *self.blocks(block.content)]
        return [*self._anchor(block), *lines]

    def _solution(self, block: Directive) -> list[str]:
        """A solution under a heading that names its exercise."""
        exercise = self._label(block.argument, block.line)
        lines = [f"#### Solution of {exercise.name}", "", *self.blocks(block.content)]
        return [*self._anchor(block), *lines]

    def _figure(self, block: Directive) -> list[str]:
        """A picture at its published address, with its caption under it."""
        picture = f"![{block.options.get('alt', '')}]({self._picture(block.argument)})"
        lines = [*self._anchor(block), picture]
        if block.content:
            number = self.book.numbers.get((self.page.name, block.line), "")
            caption = "\n".join(self.blocks(block.content)).strip()
            lines += ["", f"**Fig. {number}** {caption}" if number else caption]
        return lines

    def _anchor(self, block: Directive) -> list[str]:
        """The anchor that references in this notebook point at."""
        label = block.options.get("label") or block.options.get("name")
        return [f'<a name="{label}"></a>', ""] if label else []

    def inline(self, text: str, line: int) -> str:
        """Roles, links and pictures inside text; code and formulas stay as they are."""

        def replace(found: re.Match) -> str:
            here = line + text.count("\n", 0, found.start())
            if found["role"]:
                return self._role(found["role"], found["body"].strip(), here)
            if found["address"] is not None:
                return self._link(found, here)
            return found[0]

        return INLINE.sub(replace, text)

    def _role(self, role: str, body: str, line: int) -> str:
        """A role as text or as a link."""
        titled = TITLED_TARGET.match(body)
        words = titled["title"] if titled else body
        if role in REFERENCES:
            return self._reference(role, body, line)
        if role in CITATIONS:
            return self._cite(role, body, line)
        if role == "doc":
            return self._page_link(titled["target"] if titled else body, titled and words)
        if role in WRAPPED:
            before, after = WRAPPED[role]
            return f"{before}{words.removeprefix('~')}{after}"
        raise MystError(
            line, f"the role {{{role}}}", "use one that tools/plain.py can write, or teach it this"
        )

    def _label(self, name: str, line: int) -> Label:
        """The label of this name."""
        if name not in self.book.labels:
            raise MystError(line, f"the unknown label {name!r}", "define it or mend the name")
        return self.book.labels[name]

    def _reference(self, role: str, body: str, line: int) -> str:
        """A link to a label, called by its number, its title or the author's own words."""
        titled = TITLED_TARGET.match(body)
        name = titled["target"] if titled else body
        label = self._label(name, line)
        words = titled["title"] if titled else label.name
        if role == "eq":
            words = f"({label.number})"
        for pattern, value in (
            ("%s", label.number),
            ("{number}", label.number),
            ("{name}", label.title),
        ):
            words = words.replace(pattern, value)
        return self._to_label(words, name, label)

    def _to_label(self, words: str, name: str, label: Label) -> str:
        """A link to an anchor in this notebook or on another page."""
        if label.page == self.page.name:
            return f"[{words}](#{name})"
        return self._to_page(words, label.page, label.anchor if self.site else name)

    def _to_page(self, words: str, name: str, anchor: str = "") -> str:
        """A link to a page as published; to its notebook, or none, while there is no address."""
        if self.site:
            address = f"{self.site}{name}.html"
        elif self.page.name in self.book.pages and self.book.pages[name].is_notebook:
            address = relpath(f"{name}.ipynb", dirname(self.page.name))
        else:
            return words
        return f"[{words}]({address}{'#' + anchor if anchor else ''})"

    def _page_link(self, target: str, words: str | None) -> str:
        """A link to another page of the book."""
        page, _, anchor = target.partition("#")
        page = re.sub(r"\.(md|ipynb)$", "", page)
        absolute = page[1:] if page.startswith("/") else join(dirname(self.page.name), page)
        name = normpath(absolute)
        if name not in self.book.pages:
            raise ValueError(f"a link to {target!r}, which is no page of _toc.yml")
        title = words or self.book.pages[name].title
        return self._to_page(title, name, anchor)

    def _link(self, found: re.Match, line: int) -> str:
        """A Markdown link or picture; those to other files get their published address."""
        address, words = found["address"], found["text"]
        if ADDRESS.match(address):
            return found[0]
        if found["bang"]:
            return f"![{words}]({self._picture(address)})"
        if re.search(r"\.(md|ipynb)(#|$)", address):
            return self._page_link(address, words and self.inline(words, line))
        name = address.removeprefix("#")
        label = self._label(name, line)
        return self._to_label(words or label.name, name, label)

    def _picture(self, address: str) -> str:
        """Where Sphinx publishes a picture; a relative path would be lost on Colab."""
        return address if ADDRESS.match(address) else f"{self.site}_images/{basename(address)}"

    def _cite(self, role: str, body: str, line: int) -> str:
        """Authors and year, linked to the paper."""
        links = []
        for key in re.split(r"\s*,\s*", body):
            if key not in self.citations:
                raise MystError(line, f"the unknown source {key!r}", "add it to references.bib")
            authors, year, address = self.citations[key]
            words = f"{authors} ({year})" if role == "cite:t" else f"{authors}, {year}"
            links.append(f"[{words}]({address})")
        return ", ".join(links) if role == "cite:t" else f"({'; '.join(links)})"
