"""Notebooks follow from their sources: always the same, never out of date, text outputs only."""

import json
import shutil
from pathlib import Path

import labels
import nbformat
import notebooks
import pytest
from tiny_book import TinyBook

ROOT = Path(__file__).parents[2]
STORED = sorted((ROOT / "book").rglob("*.ipynb"))
MAX_LINES = 25  # of a cell: what fits on a screen beside its figure
MAX_WIDTH = 78  # characters of open code

CELL = "```{code-cell} ipython3\n:tags: [hide-input]\n\nprint(1 + 1)\n```\n"
PICTURE = """
```{code-cell} ipython3
import matplotlib.pyplot as plt
_ = plt.plot([1, 2])
```
"""


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """A tiny book whose first chapter has cells, and its notebooks, run; not to be changed."""
    book = TinyBook(tmp_path_factory.mktemp("book"))
    book.chapter("one", f"# One\n\nText.\n\n{CELL}{PICTURE}")
    assert notebooks.main([], book.root) == 0
    return book


@pytest.fixture
def run_book(run_once, tmp_path):
    """A copy of that book."""
    shutil.copytree(run_once.root / "book", tmp_path / "book")
    return TinyBook(tmp_path, chapters={})


def test_every_stored_notebook_is_up_to_date(capsys):
    assert notebooks.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_outputs_are_text(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            kinds = set(output.get("data", {}))
            assert kinds <= set(notebooks.COMPARED), f"{kinds} from the cell\n{cell.source}"
            assert output.get("name") != "stderr", f"standard error from the cell\n{cell.source}"


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_cells_are_short(path):
    cells = nbformat.read(path, as_version=4).cells
    long = [
        c.source for c in cells if c.cell_type == "code" and len(c.source.split("\n")) > MAX_LINES
    ]
    assert not long, f"{len(long)} cells of more than {MAX_LINES} lines, the first:\n{long[0]}"


@pytest.mark.parametrize(
    "path", [p for p in STORED if p.parent.name not in ("book", "back")], ids=lambda path: path.stem
)
def test_open_code_fits_beside_the_text(path):
    """A reader of a page sees whole lines; code that is folded may be wider."""
    cells = nbformat.read(path, as_version=4).cells
    shown = [
        cell.source
        for cell in cells
        if cell.cell_type == "code"
        and not {"hide-input", "remove-input", "hide-cell"} & set(cell.metadata.get("tags", []))
    ]
    wide = [line for source in shown for line in source.split("\n") if len(line) > MAX_WIDTH]
    assert not wide, f"{len(wide)} lines of more than {MAX_WIDTH} characters, the first:\n{wide[0]}"


def test_a_run_keeps_text_and_tags_and_gives_the_same_bytes_again(run_book, capsys):
    target = run_book.root / "book/one.ipynb"
    first = target.read_bytes()
    cells = json.loads(first)["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code"]
    assert cells[1]["metadata"] == {"tags": ["hide-input"]}
    assert cells[1]["outputs"][0]["text"] == ["2\n"]
    assert list(cells[2]["outputs"][0]["data"]) == ["text/plain"]
    assert notebooks.main([], run_book.root) == 0
    assert target.read_bytes() == first
    assert "[2/2]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("1 + 1", "1 + 2", "its source differs"),
        ("Text.", "Other text.", "its source differs"),
        ("hide-input", "hide-cell", "its metadata differs"),
        ("# One", "# One\n\n+++\n\n", "differs"),
    ],
)
def test_a_changed_source_is_noticed(run_book, capsys, old, new, reason):
    assert notebooks.main(["--check"], run_book.root) == 0
    source = run_book.root / "book/one.md"
    source.write_text(source.read_text().replace(old, new))
    assert notebooks.main(["--check"], run_book.root) == 1
    message = capsys.readouterr().err
    assert "book/one.ipynb is out of date" in message
    assert reason in message
    assert "make notebooks" in message


def test_an_edited_a_missing_and_a_stray_notebook_are_noticed(run_book, capsys):
    book = run_book.root / "book"
    edited = (book / "one.ipynb").read_text().replace("Text.", "Edited here.")
    (book / "one.ipynb").write_text(edited)
    (book / "two.ipynb").unlink()
    (book / "old.ipynb").write_text("{}")
    assert notebooks.main(["--check"], run_book.root) == 1
    message = capsys.readouterr().err
    assert "book/one.ipynb is out of date: cell 1: its source differs" in message
    assert "book/two.ipynb is out of date: it does not exist" in message
    assert "book/old.ipynb belongs to no chapter" in message


def test_a_cell_that_was_never_run_is_noticed(tiny_book, capsys):
    tiny_book.chapter("one", CELL)
    assert notebooks.main(["--sources"], tiny_book.root) == 0
    assert notebooks.main(["--check"], tiny_book.root) == 1
    assert "never run" in capsys.readouterr().err


def test_writing_sources_keeps_outputs(run_book):
    target = run_book.root / "book/one.ipynb"
    run_book.chapter("one", f"# One\n\nOther text.\n\n{CELL}{PICTURE}")
    assert notebooks.main(["--sources"], run_book.root) == 0
    cells = nbformat.read(target, as_version=4).cells
    assert cells[0].source.endswith("Other text.")
    assert cells[1].outputs[0].text == "2\n"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; print('careful', file=sys.stderr)", "got a message on standard error"),
        (
            "from IPython.display import display; "
            "display({'image/svg+xml': '<svg/>', 'text/plain': 'x'}, raw=True)",
            r"got an output of type ['image/svg+xml']",
        ),
    ],
)
def test_a_notebook_that_could_not_be_compared_is_refused(tiny_book, capsys, code, message):
    tiny_book.chapter("one", f"```{{code-cell}} ipython3\n{code}\n```\n")
    assert notebooks.main([str(tiny_book.root / "book/one.md")], tiny_book.root) == 1
    assert message in capsys.readouterr().err
    assert not (tiny_book.root / "book/one.ipynb").exists()


def test_an_output_that_is_ignored_is_not_stored(tiny_book):
    cell = "```{code-cell} ipython3\n:tags: [nbval-ignore-output]\nprint(1)\n```\n"
    path = tiny_book.chapter("one", cell)
    assert notebooks.main([str(path)], tiny_book.root) == 0
    stored = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    assert stored.cells[0].outputs == []


def test_the_kernel_is_that_of_a_reader(tiny_book, monkeypatch):
    monkeypatch.setenv("RESODE_STATIC", "1")
    code = "import os; print(os.environ.get('RESODE_STATIC'), os.environ['JAX_PLATFORMS'])"
    path = tiny_book.chapter("one", f"```{{code-cell}} ipython3\n{code}\n```\n")
    assert notebooks.main([str(path)], tiny_book.root) == 0
    stored = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    assert stored.cells[0].outputs[0].text == "None cpu\n"


def test_a_file_that_is_no_chapter_is_refused(tiny_book, capsys):
    assert notebooks.main(["book/nothing.md"], tiny_book.root) == 1
    assert "expected chapters of _toc.yml" in capsys.readouterr().err


def test_a_page_without_header_is_no_notebook(tiny_book):
    book = labels.read_book(tiny_book.root)
    assert [page.name for page in notebooks.chapters(book, [])] == ["book/one", "book/two"]
