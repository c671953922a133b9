"""The book's extension: no stale page, no forgotten warning, numbers as in the notebooks."""

import re
from pathlib import Path

import labels
import notebooks
import pytest
from bs4 import BeautifulSoup
from jupyter_cache import get_cache

CHAPTER_TWO = """# Two

**Runs in** 20 s on two CPU cores.

```{code-cell} ipython3
import os
from resode_lib import VALUE
print(f"value {VALUE}, static {os.environ['RESODE_STATIC']}, on {os.environ['JAX_PLATFORMS']}")
```

```{prf:theorem}
No label.
```

```{prf:theorem}
:label: thm-b
See {eq}`eq-b` and {prf:ref}`thm-a` and {prf:ref}`def-b` and {ref}`ex-b` and {numref}`fig-b`.
```

```{prf:definition}
:label: def-b
$$ a $$ (eq-a)
```

$$ b $$ (eq-b)

```{figure} _static/favicon.svg
:alt: nothing

First.
```

```{figure} _static/favicon.svg
:name: fig-b
:alt: nothing

Second.
```

```{exercise}
:label: ex-b
Do it.
```
"""


@pytest.fixture
def numbered_book(tiny_book):
    """A tiny book with a library and with something of each kind that has a number."""
    tiny_book.write("resode_lib/__init__.py", "VALUE = 1\n")
    tiny_book.chapter("one", "# One\n\n```{prf:theorem}\n:label: thm-a\nText.\n```\n")
    tiny_book.chapter("two", CHAPTER_TWO)
    return tiny_book


def words_of(html):
    """The links to numbered things in a page's main text."""
    links = BeautifulSoup(html, "html.parser").select("div.theorem a.reference.internal")
    return [" ".join(link.text.split()) for link in links]


def test_numbers_values_and_front_door(numbered_book):
    built = numbered_book.build("-W", "-n", "--keep-going")
    assert built.returncode == 0, built.stdout + built.stderr
    page = numbered_book.page("book/two.html")
    assert "value 1, static 1, on cpu" in page

    book = labels.read_book(numbered_book.root)
    cells = notebooks.build(book, book.pages["book/two"]).cells
    sentence = next(c.source for c in cells if "See [" in c.source)
    in_notebook = re.findall(r"\[([^\]]+)\]", sentence.split("See ")[1].split("\n")[0])
    assert (
        words_of(page)
        == in_notebook
        == ["(2.2)", "Theorem 1.1", "Definition 2.1"]
        + [
            "Exercise 2.1",
            "Fig. 2.2",
        ]
    )

    door = BeautifulSoup(numbered_book.page("index.html"), "html.parser")
    assert door.html["lang"] == "en"
    assert door.title.text
    assert door.a["href"] == "book/index.html"
    assert (numbered_book.root / "_build/html/_static/mathjax/tex-mml-chtml.js").exists()

    cache = get_cache(numbered_book.root / "_build/.jupyter_cache")
    started = [Path(record.uri).stem for record in cache.list_project_records()]
    assert started == ["two", "one"], "the page that says that it takes long starts first"


def test_a_changed_library_changes_the_page(numbered_book):
    numbered_book.build()
    numbered_book.write("resode_lib/__init__.py", "VALUE = 2\n")
    built = numbered_book.build()
    assert "value 2" in numbered_book.page("book/two.html"), built.stdout + built.stderr
    again = numbered_book.build()
    assert "0 added, 0 changed, 0 removed" in again.stdout


def test_a_failed_build_fails_again(tiny_book):
    tiny_book.chapter("one", "# One\n\n{doc}`nowhere`\n")
    for _ in range(2):
        built = tiny_book.build("-W", "--keep-going")
        assert built.returncode != 0
        assert "unknown document: 'nowhere'" in built.stderr
    tiny_book.chapter("one", "# One\n")
    assert tiny_book.build("-W", "--keep-going").returncode == 0
