"""The book's extension: no stale page, no forgotten warning, numbers as in the notebooks."""

import json
import re
import sys
from pathlib import Path

import labels
import notebooks
import pytest
from bs4 import BeautifulSoup
from jupyter_cache import get_cache

CHAPTER_TWO = """# Two

**Runs in** 20 s on two CPU cores.

```{code-cell} ipython3
import os, sys
sys.path.insert(0, os.path.abspath(".."))
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


# What a user may well have set, each of which changed a page or broke the build.
SHELL = {
    "MPLBACKEND": "agg",
    "JAX_ENABLE_X64": "1",
    "JAX_PLATFORMS": "cuda",
    "JAX_DEBUG_NANS": "1",
    "JAX_DISABLE_JIT": "1",
    "XLA_FLAGS": "--no_such_flag=1",
    "RESODE_STATIC": "0",
}
PLOT = """# One

```{code-cell} ipython3
---
mystnb:
  image:
    alt: A line.
---
import matplotlib.pyplot as plt
_ = plt.plot([1, 2])
```
"""
PRINT = """# Two

```{code-cell} ipython3
import sys
import jax.numpy as jnp
from matplotlib import rcParams
print(sys.executable, "foreign" in sys.modules, jnp.ones(1).dtype, rcParams["lines.linewidth"])
```
"""


@pytest.fixture
def users_shell(tmp_path):
    """The variables, and folders of a user's own: a kernel, settings, start-up files, modules."""
    own = tmp_path / "own"
    for name, text in {
        "kernels/python3/kernel.json": json.dumps({"argv": ["false"], "display_name": "Mine"}),
        "profile_default/startup/00-mine.py": "import foreign",
        "foreign.py": "",
        "start.py": "import foreign",
        "matplotlibrc": "lines.linewidth: 7",
    }.items():
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_text(text)
    folders = {
        "JUPYTER_PATH": own,
        "JUPYTER_CONFIG_DIR": own,
        "IPYTHONDIR": own,
        "MATPLOTLIBRC": own,
        "PYTHONPATH": own,
        "PYTHONSTARTUP": own / "start.py",
        "VIRTUAL_ENV": own,
    }
    return SHELL | {name: str(path) for name, path in folders.items()}


def test_the_users_shell_changes_nothing(tiny_book, users_shell):
    tiny_book.chapter("one", PLOT)
    tiny_book.chapter("two", PRINT)
    built = tiny_book.build("-W", "-n", "--keep-going", **users_shell)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "_images/" in tiny_book.page("book/one.html")
    assert f"{sys.executable} False float32 1.5" in tiny_book.page("book/two.html")


@pytest.mark.parametrize(
    "cell",
    [
        "---\nmystnb:\n  image:\n    alt: A line.\n---\nimport matplotlib.pyplot as plt\n"
        "plt.plot([1, 2])\nplt.close()",
        "from unittest.mock import Mock as draggable\nfigure = draggable()",
    ],
    ids=["a closed figure", "a figure to drag that is not shown"],
)
def test_a_missing_figure_stops_the_build(tiny_book, cell):
    tiny_book.chapter("one", f"# One\n\n```{{code-cell}} ipython3\n{cell}\n```\n")
    built = tiny_book.build()
    assert built.returncode != 0
    assert "book/one: got no figure, expected one, from the cell" in built.stderr
    assert cell.splitlines()[-1] in built.stderr
