"""What the search finds: words however they are spelled, and all that has a name or a number.

Sphinx's index knows words and headings. Here "Polyak-Lojasiewicz" finds Polyak-Łojasiewicz,
"lambda_min" finds λ_min, "normalization" finds normalisation; and theorems, definitions, exercises,
figures, equations and words of the glossary are results of their own, their numbers first. The
same words are made of what is searched here and of a query in ``book/_static/finding.js``.
"""

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

from labels import read_book
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho"
GREEK += " sigma sigma tau upsilon phi chi psi omega"  # a final sigma has a code of its own
LETTERS = dict(zip(map(chr, range(ord("α"), ord("ω") + 1)), GREEK.split(), strict=True))
LETTERS |= {"ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe"}
WORD = re.compile(r"1/l\b|\d+(?:\.\d+)+|[^\W_]+")
SPELLING = re.compile(r"(?<=...)is(?=(?:e|ed|es|er|ers|ing|ation|ations)$)")
MARKUP = re.compile(r"\{[\w:-]+\}`([^`<]*)[^`]*`|[`$*\\{}]")


def words(text: str) -> list[str]:
    """Return the words of a text as they are compared.

    Small letters without marks, Greek letters by name, -ize for -ise; numbers such as 3.1 and the
    factor 1/L are words.
    """
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(LETTERS.get(letter, letter) for letter in plain if not _is_mark(letter))
    return [SPELLING.sub("iz", word) for word in WORD.findall(plain)]


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")


class Words(SearchEnglish):
    """English, split and spelled by `words`; a single letter is no word to look for."""

    js_splitter_code = (
        "var splitQuery = (query) => wordsOf(query).filter((word) => word.length > 1);"
    )

    def split(self, input: str) -> list[str]:
        """Return the words of a text."""
        return [word for word in words(input) if len(word) > 1]


def named(app: Sphinx) -> list[dict[str, Any]]:
    """Return everything with a name: its page, its anchor, what to show and words to find it by."""
    book = read_book(Path(app.srcdir))
    found = [
        {
            "page": label.page,
            "anchor": label.anchor,
            "shown": ": ".join(filter(None, (label.name, _short(label.title)))),
            "number": words(label.name),
            "words": words(_short(label.title)),
        }
        for label in book.labels.values()
        if label.number
    ]
    terms = app.env.get_domain("std").get_objects()
    found += [
        {"page": page, "anchor": anchor, "shown": f"{name}, in the glossary", "words": words(name)}
        for name, _, kind, page, anchor, _ in terms
        if kind == "term"
    ]
    return found


def _short(title: str) -> str:
    """Return the first sentence of a title or caption, without its markup and hints in brackets."""
    plain = MARKUP.sub(lambda found: found[1] or "", title)
    return re.sub(r"\s*\((?:easy|medium|hard)\b.*", "", plain.split(". ")[0]).rstrip(".")


def add_names(app: Sphinx, exception: Exception | None) -> None:
    """Add what has a name to the index of words, which Sphinx has just written."""
    path = Path(app.outdir) / "searchindex.js"
    if exception or app.builder.format != "html" or not path.exists():
        return
    head, tail = "Search.setIndex(", ")"
    index = json.loads(path.read_text(encoding="utf-8").removeprefix(head).removesuffix(tail))
    pages = {page: number for number, page in enumerate(index["docnames"])}
    index["named"] = [
        {**entry, "page": pages[entry["page"]]} for entry in named(app) if entry["page"] in pages
    ]
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    path.write_text(f"{head}{text}{tail}", encoding="utf-8")


def add_script(app: Sphinx, page: str, *_: object) -> None:
    """Let the page of the search, and no other, read queries as we do."""
    if page == "search":
        app.add_js_file("finding.js")


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace the language of the index, and complete it at the end of the build."""
    app.add_search_language(Words)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", add_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
