"""Each construct of a chapter becomes Markdown that Colab and GitHub can show."""

import labels
import myst
import notebooks
import pytest
from address import PLACEHOLDER

SITE = "https://ada.github.io/course/"

# A second chapter that the first one refers to.
OTHER = """# The other page

(sec-other)=
## A section

```{prf:theorem} Far
:label: thm-far
Text.
```

$$ a = b $$ (eq-far)
"""

EXERCISE = "```{exercise}\n:label: ex-a\nDo it.\n```\n"
EXERCISE_WRITTEN = '<a name="ex-a"></a>\n\n#### Exercise 1.1\n\nDo it.'

BLOCKS = {
    "theorem": (
        "```{prf:theorem} Name $x$\n:label: thm-a\nIf {eq}`eq-far`.\n```",
        '<a name="thm-a"></a>\n\n> **Theorem 1.1 (Name $x$).**\n>\n'
        f"> If [(2.1)]({SITE}book/two.html#equation-eq-far).",
    ),
    "theorem without title": ("```{prf:lemma}\nText.\n```", "> **Lemma 1.1.**\n>\n> Text."),
    "theorem without number": (
        "```{prf:remark}\n:nonumber:\nText.\n```",
        "> **Remark.**\n>\n> Text.",
    ),
    "proof": ("```{prf:proof}\nClear.\n```", "> **Proof.**\n>\n> Clear."),
    "note": ("```{note}\nText.\n```", "> **Note.**\n>\n> Text."),
    "note on one line": ("```{tip} Text.\n```", "> **Tip.**\n>\n> Text."),
    "admonition": (
        ":::{admonition} Guess!\n:class: tip\nText.\n:::",
        "> **Guess!**\n>\n> Text.",
    ),
    "dropdown": (":::{dropdown} Hint\nText.\n:::", "> **Hint.**\n>\n> Text."),
    "nested": (
        "::::{note}\n:::{warning}\nText.\n:::\n::::",
        "> **Note.**\n>\n> > **Warning.**\n> >\n> > Text.",
    ),
    "container": (":::{div} banner\n**Reading** 5 min\n:::", "**Reading** 5 min"),
    "directive in a list": (
        "- item\n  ```{note}\n  Text.\n  ```",
        "- item\n  > **Note.**\n  >\n  > Text.",
    ),
    "exercise": (
        "```{exercise} Name\n:label: ex-a\nDo it.\n```",
        '<a name="ex-a"></a>\n\n#### Exercise 1.1 (Name)\n\nDo it.',
    ),
    "gated exercise": (
        "```{exercise-start}\n:label: ex-a\n```\nDo it.\n```{exercise-end}\n```",
        '<a name="ex-a"></a>\n\n#### Exercise 1.1\n\nDo it.',
    ),
    "solution": (
        EXERCISE + "\n```{solution} ex-a\n:class: dropdown\nSo.\n```",
        EXERCISE_WRITTEN + "\n\n#### Solution of Exercise 1.1\n\nSo.",
    ),
    "gated solution": (
        EXERCISE + "\n```{solution-start} ex-a\n```\nSo.\n```{solution-end}\n```",
        EXERCISE_WRITTEN + "\n\n#### Solution of Exercise 1.1\n\nSo.\n\n***",
    ),
    "formula": (
        "```{math}\n:label: eq-a\na = b\n```",
        '<a name="eq-a"></a>\n\n$$\na = b\n\\tag{1.1}\n$$',
    ),
    "formula of two lines": (
        "```{math}\na \\\\\nb\n```",
        "$$\n\\begin{aligned}\na \\\\\nb\n\\end{aligned}\n$$",
    ),
    "dollars with a label": (
        "$$\na = b\n$$ (eq-a)",
        '<a name="eq-a"></a>\n\n$$\na = b\n\\tag{1.1}\n$$',
    ),
    "dollars without a label": ("$$ a = b $$", "$$\na = b\n$$"),
    # Between > signs a formula of several lines would show the signs.
    "formula in a note": ("```{note}\n$$\na\n= b\n$$\n```", "> **Note.**\n>\n> $$ a = b $$"),
    "figure": (
        "```{figure} ../pictures/flow.svg\n:name: fig-a\n:alt: arrows\n\nThe flow.\n```",
        f'<a name="fig-a"></a>\n\n![arrows]({SITE}_images/flow.svg)\n\n**Fig. 1.1** The flow.',
    ),
    "image": ("```{image} flow.svg\n:alt: arrows\n```", f"![arrows]({SITE}_images/flow.svg)"),
    "target": (
        "(sec-a)=\n## Here\n\n{ref}`sec-a`",
        '<a name="sec-a"></a>\n\n## Here\n\n[Here](#sec-a)',
    ),
    "comment": ("% for the authors\nText.", "Text."),
    "code block": ("```{code-block} python\nx = 1\n```", "```python\nx = 1\n```"),
    "plain fence": ("```python\n{ref}`nothing`\n```", "```python\n{ref}`nothing`\n```"),
    "bibliography": (
        "```{bibliography}\n:filter: docname in docnames\n```",
        f"See [the bibliography]({SITE}book/back/bibliography.html).",
    ),
}

INLINE = {
    "equation": ("{eq}`eq-far`", f"[(2.1)]({SITE}book/two.html#equation-eq-far)"),
    "theorem": ("{prf:ref}`thm-far`", f"[Theorem 2.1]({SITE}book/two.html#thm-far)"),
    "own words": ("{prf:ref}`that one <thm-far>`", f"[that one]({SITE}book/two.html#thm-far)"),
    "number in own words": (
        "{numref}`result %s <thm-far>`",
        f"[result 2.1]({SITE}book/two.html#thm-far)",
    ),
    "section": ("{ref}`sec-other`", f"[A section]({SITE}book/two.html#sec-other)"),
    "page": ("{doc}`two`", f"[The other page]({SITE}book/two.html)"),
    "page from the root": ("{doc}`next </book/two>`", f"[next]({SITE}book/two.html)"),
    "Markdown link to a page": ("[there](two.md)", f"[there]({SITE}book/two.html)"),
    "Markdown link to a label": ("[](#thm-far)", f"[Theorem 2.1]({SITE}book/two.html#thm-far)"),
    "link elsewhere": ("[x](https://example.org)", "[x](https://example.org)"),
    "picture": ("![alt](a/b.png)", f"![alt]({SITE}_images/b.png)"),
    "citation in the text": (
        "{cite:t}`first2020`",
        "[First et al. (2020)](https://example.org/one)",
    ),
    "citation in brackets": (
        "{cite}`first2020,pair2021`",
        "([First et al., 2020](https://example.org/one); "
        "[First and Second, 2021](https://arxiv.org/abs/2101.1))",
    ),
    "term": ("{term}`stack`", "*stack*"),
    "function": ("{func}`~resode_lib.forward`", "`resode_lib.forward`"),
    "formula": ("{math}`x^2` and $y_{k}$", "$x^2$ and $y_{k}$"),
    "inside code": ("`` {ref}`x` ``", "`` {ref}`x` ``"),
    "over two lines": (
        "{prf:ref}`that\none <thm-far>`",
        f"[that\none]({SITE}book/two.html#thm-far)",
    ),
}

REFUSED = {
    "unknown directive": ("Text.\n\n```{iframe} x\n```", r"book/one\.md:14: .*\{iframe\}"),
    "unknown role": ("Text.\n{glue}`x`", r"book/one\.md:13: .*\{glue\}"),
    "unknown label": ("{ref}`nothing`", r"book/one\.md:12: .*unknown label 'nothing'"),
    "unknown source": ("{cite}`nobody`", r"book/one\.md:12: .*unknown source 'nobody'"),
    "unknown page": ("{doc}`nowhere`", r"book/one\.md:12: .*'nowhere'"),
}


def converted(tiny_book, text):
    """The Markdown that a chapter's text becomes in a book that is published at ``SITE``."""
    settings = (tiny_book.root / "_config.yml").read_text(encoding="utf-8")
    tiny_book.write("_config.yml", settings.replace(PLACEHOLDER.site, SITE))
    tiny_book.chapter("one", text)
    tiny_book.chapter("two", OTHER)
    book = labels.read_book(tiny_book.root)
    cells = notebooks.build(book, book.pages["book/one"]).cells
    return "\n\n".join(cell.source for cell in cells)


def test_a_book_without_an_address_has_no_dead_link(tiny_book):
    tiny_book.chapter("two", OTHER)
    text = "{prf:ref}`thm-far`, {doc}`two`, {doc}`the front <index>`, {eq}`eq-far`"
    tiny_book.chapter("one", text)
    book = labels.read_book(tiny_book.root)
    (cell,) = notebooks.build(book, book.pages["book/one"]).cells
    assert cell.source == (
        "[Theorem 2.1](two.ipynb#thm-far), [The other page](two.ipynb), the front, "
        "[(2.1)](two.ipynb#eq-far)"
    )


def squeezed(text):
    """The text without repeated empty lines, which Markdown ignores."""
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text


@pytest.mark.parametrize(("source", "expected"), BLOCKS.values(), ids=BLOCKS)
def test_blocks(tiny_book, source, expected):
    assert squeezed(converted(tiny_book, source)) == expected


@pytest.mark.parametrize(("source", "expected"), INLINE.values(), ids=INLINE)
def test_inline(tiny_book, source, expected):
    assert converted(tiny_book, source) == expected


@pytest.mark.parametrize(("source", "message"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_plain_form_is_refused_with_its_place(tiny_book, source, message):
    with pytest.raises(notebooks.NotebookError, match=message):
        converted(tiny_book, source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("```{note}\nText.", "never closed"),
        ("$$\na = b\n\nText.", "never closed"),
        ("\\begin{align}\na\n\\end{align}", "bare environment"),
        ("```{note}\n---\nclass: tip\n---\n```", "options between"),
    ],
)
def test_what_cannot_be_read_is_refused(source, message):
    with pytest.raises(myst.MystError, match=message):
        myst.parse(source.split("\n"))


def test_a_label_used_twice_is_refused(tiny_book):
    with pytest.raises(ValueError, match="got the label 'thm-far' twice"):
        converted(tiny_book, "```{prf:theorem}\n:label: thm-far\nText.\n```")


def test_a_label_used_twice_on_one_page_is_refused(tiny_book):
    with pytest.raises(ValueError, match="got the label 'eq-a' twice"):
        converted(tiny_book, "$$ a $$ (eq-a)\n\n$$ b $$ (eq-a)")


def test_a_page_that_does_not_exist_is_refused(tiny_book):
    (tiny_book.root / "book/one.md").unlink()
    with pytest.raises(FileNotFoundError, match="expected the file book/one.md"):
        labels.read_book(tiny_book.root)
