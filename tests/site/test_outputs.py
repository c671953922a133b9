"""What a page printed when the book was built is what its notebook says.

The build runs every chapter; a second run would only repeat it. One notebook goes through nbval in
`make test`, with a kernel as a reader has it, and `pytest --nbval book` runs any or all of them.
"""

from functools import cache
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))
RUNS = ROOT / "_build" / ".jupyter_cache"
MEND = "run: make notebooks"


@cache
def build():
    """The runs of the last build."""
    assert RUNS.exists(), "no page was run; build the book first: make book"
    return get_cache(RUNS)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell):
    """What a cell prints, and the texts of what it shows."""
    streams = [o.text for o in cell.outputs if o.output_type == "stream"]
    shown = [o.data.get("text/plain") for o in cell.outputs if "data" in o]
    return "".join(streams), [text for text in shown if text is not None]


def differences(stored, run):
    """Yield each cell whose text differs, with both texts."""
    for number, (old, new) in enumerate(
        zip(code_cells(stored), code_cells(run), strict=True), start=1
    ):
        # What installs the library names an address only where the course has one.
        installs = "google.colab" in new.source
        assert installs or old.source.strip() == new.source.strip(), f"code cell {number}; {MEND}"
        ignored = "nbval-ignore-output" in old.metadata.get("tags", [])
        if not ignored and printed(old) != printed(new):
            yield f"code cell {number}\n{printed(old)}\n{printed(new)}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_page_prints_what_the_notebook_says(path):
    record = build().get_cached_project_nb(str(path.with_suffix(".md")))
    assert record is not None, f"{path.stem} was not run by the build"
    run = build().get_cache_bundle(record.pk).nb
    found = list(differences(nbformat.read(path, as_version=4), run))
    assert not found, "notebook, then page, differ in {}".format("\n".join(found))


def test_another_number_is_a_difference():
    cell = nbformat.v4.new_code_cell(
        "print(x)", outputs=[nbformat.v4.new_output("stream", text="1\n")]
    )
    other = nbformat.v4.new_code_cell(
        "print(x)", outputs=[nbformat.v4.new_output("stream", text="2\n")]
    )
    stored, run = (nbformat.v4.new_notebook(cells=[c]) for c in (cell, other))
    assert len(list(differences(stored, run))) == 1
    assert not list(differences(stored, stored))
