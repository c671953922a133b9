"""Write the notebook (.ipynb) of each chapter from its MyST source (.md), and run it.

    python tools/notebooks.py                     all chapters, run from clean kernels
    python tools/notebooks.py book/start/x.md     these chapters only
    python tools/notebooks.py --check             compare sources, run nothing
    python tools/notebooks.py --sources           write sources, keep the stored outputs

The same source gives the same notebook, byte for byte: cell names come from a hash, and stored
outputs are text only, the part that nbval compares.
"""

import argparse
import asyncio
import hashlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat
import yaml
from address import PLACEHOLDER, fill
from labels import Book, Cell, Page, read_book
from myst import MystError
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from plain import Writer
from pybtex.database import Entry, parse_file

ROOT = Path(__file__).resolve().parents[1]
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
COMPARED = ("text/plain", "text/html", "text/latex", "text/markdown")
NOT_COMPARED = ("image/png", "image/jpeg", "application/vnd.jupyter.widget-view+json")
MEND = "run: make notebooks"


class NotebookError(Exception):
    """A chapter that cannot become a notebook; the message names the place and the mend."""


def build(book: Book, page: Page) -> NotebookNode:
    """The notebook of one page, without outputs.

    Args:
        book: All pages and their labels.
        page: A page with jupytext's header.

    Returns:
        A notebook in format 4.5.

    Raises:
        NotebookError: If something in the page has no form in plain Markdown.
    """
    writer = Writer(book, page, site_address(book.root), read_citations(book.root))
    sources = [(cell, _cell_source(writer, cell)) for cell in page.cells]
    cells = [_new_cell(cell, source) for cell, source in sources if source or cell.kind == "code"]
    if any(cell.cell_type == "code" and "resode_lib" in cell.source for cell in cells):
        cells[0].source += "\n\n" + how_to_run(book.root)
    for position, cell in enumerate(cells):
        name = hashlib.sha256(f"{page.name}/{position}".encode()).hexdigest()
        cell["id"] = name[:8]
    return nbformat.v4.new_notebook(cells=cells, metadata=KERNEL)


def _cell_source(writer: Writer, cell: Cell) -> str:
    """A cell's text in plain Markdown, or its code; nothing is installed from no address."""
    if cell.kind == "code":
        return fill(cell.source)
    try:
        return "\n".join(writer.blocks(cell.blocks)).strip("\n")
    except MystError as error:
        where = writer.page.source.relative_to(writer.book.root)
        raise NotebookError(f"{where}:{error.line}: {error}") from error


def _new_cell(cell: Cell, source: str) -> NotebookNode:
    """A notebook cell; tags and other metadata stay."""
    if cell.kind == "code":
        return nbformat.v4.new_code_cell(source, metadata=cell.metadata)
    return nbformat.v4.new_markdown_cell(source, metadata=cell.metadata)


def how_to_run(root: Path) -> str:
    """What a notebook that was downloaded alone has to say first."""
    url = read_settings(root)["repository"]["url"]
    alone = (
        ""
        if url == PLACEHOLDER.url
        else (f'on Colab the next cell installs it, elsewhere `pip install "git+{url}@main"`. Or ')
    )
    return (
        f"*To run this notebook you need the library `resode_lib` of the course: {alone}run "
        "`make book` in the folder of the course, and choose the kernel of its `.venv`.*"
    )


def read_settings(root: Path) -> dict[str, Any]:
    """The settings of the book."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))


def site_address(root: Path) -> str:
    """The address of the published book; empty while it has none."""
    address = read_settings(root)["html"]["baseurl"].rstrip("/") + "/"
    return "" if address == PLACEHOLDER.site else address


def read_citations(root: Path) -> dict[str, tuple[str, str, str]]:
    """Authors, year and address of every source, by its key."""
    bibliography = root / "book" / "references.bib"
    if not bibliography.exists():
        return {}
    entries = parse_file(bibliography).entries
    return {
        key: (_authors(entry), entry.fields.get("year", "n.d."), _address(root, entry))
        for key, entry in entries.items()
    }


def _authors(entry: Entry) -> str:
    """The authors' names as a citation gives them."""
    names = [" ".join(person.last_names) for person in entry.persons.get("author", [])]
    names = [name.replace("{", "").replace("}", "") for name in names]
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names) or entry.key


def _address(root: Path, entry: Entry) -> str:
    """Where to read a source: its own address, or the book's bibliography."""
    if "url" in entry.fields:
        return entry.fields["url"]
    if "eprint" in entry.fields:
        return f"https://arxiv.org/abs/{entry.fields['eprint']}"
    if "doi" in entry.fields:
        return f"https://doi.org/{entry.fields['doi']}"
    return f"{site_address(root)}book/back/bibliography.html"


def execute(notebook: NotebookNode, folder: Path, name: str) -> None:
    """Run a notebook in a clean kernel, as a reader would, and keep its text outputs."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    environment.pop("RESODE_STATIC", None)  # set while the book builds; a reader has a kernel
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # no start-up messages among the progress
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        asyncio.run(client.async_execute(env=environment))
    except CellExecutionError as error:
        raise NotebookError(f"{name}: a cell fails\n{error}") from error
    notebook.metadata = nbformat.from_dict(KERNEL)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _text_outputs(cell, name)


def _text_outputs(cell: NotebookNode, name: str) -> list[NotebookNode]:
    """The outputs that nbval compares; none for a cell it is told to ignore."""
    if "nbval-ignore-output" in cell.metadata.get("tags", []):
        return []
    kept = []
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            raise NotebookError(
                f"{name}: got a message on standard error from the cell\n{cell.source}\n"
                f"  expected none; mend its cause or print it. The message:\n{output.text}"
            )
        if output.output_type in ("execute_result", "display_data"):
            _keep_text(output, cell, name)
            output.metadata = NotebookNode()
        kept.append(output)
    return kept


def _keep_text(output: NotebookNode, cell: NotebookNode, name: str) -> None:
    """Drop the pictures of an output; refuse what nbval could not compare."""
    unknown = set(output.data) - set(COMPARED) - set(NOT_COMPARED)
    if unknown:
        raise NotebookError(
            f"{name}: got an output of type {sorted(unknown)} from the cell\n{cell.source}\n"
            "  expected text, png or jpeg; or tag the cell nbval-ignore-output"
        )
    output.data = NotebookNode({k: v for k, v in output.data.items() if k in COMPARED})


def carry_outputs(notebook: NotebookNode, stored: NotebookNode) -> None:
    """Take over stored outputs, cell by cell; nbval finds out if they no longer hold."""
    new = [cell for cell in notebook.cells if cell.cell_type == "code"]
    old = [cell for cell in stored.cells if cell.cell_type == "code"]
    for cell, before in zip(new, old, strict=False):
        cell.outputs, cell.execution_count = before.outputs, before.execution_count


def serialize(notebook: NotebookNode) -> str:
    """The text of the .ipynb file."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def difference(notebook: NotebookNode, target: Path) -> str | None:
    """What makes a stored notebook differ from its source, outputs aside; None if nothing."""
    if not target.exists():
        return "it does not exist"
    stored = nbformat.read(target, as_version=4)
    for number, (new, old) in enumerate(zip(notebook.cells, stored.cells, strict=False), 1):
        for key in ("cell_type", "id", "source", "metadata"):
            if new[key] != old.get(key):
                return f"cell {number}: its {key} differs"
    if len(notebook.cells) != len(stored.cells):
        return f"got {len(stored.cells)} cells, expected {len(notebook.cells)}"
    if any(c.cell_type == "code" and c.execution_count is None for c in stored.cells):
        return "a code cell was never run"
    carry_outputs(notebook, stored)
    return None if serialize(notebook) == target.read_text("utf-8") else "its metadata differs"


def chapters(book: Book, files: list[str]) -> list[Page]:
    """The pages that are notebooks, or those of them that are named."""
    pages = [page for page in book.pages.values() if page.is_notebook]
    if not files:
        return pages
    wanted = {Path(file).resolve().with_suffix(".md") for file in files}
    unknown = wanted - {page.source for page in pages}
    if unknown:
        raise NotebookError(
            f"got {[str(path) for path in sorted(unknown)]}, expected chapters of _toc.yml that "
            "start with jupytext's header"
        )
    return [page for page in pages if page.source in wanted]


def check(book: Book, pages: list[Page]) -> int:
    """Say which notebooks are out of date, and which have no source; 0 when none."""
    problems = []
    for page in pages:
        target = page.source.with_suffix(".ipynb")
        if reason := difference(build(book, page), target):
            problems.append(f"{target.relative_to(book.root)} is out of date: {reason}")
    known = {page.source.with_suffix(".ipynb") for page in chapters(book, [])}
    for path in sorted(set((book.root / "book").rglob("*.ipynb")) - known):
        if ".ipynb_checkpoints" not in path.parts:
            name = path.relative_to(book.root)
            problems.append(f"{name} belongs to no chapter of _toc.yml: remove it")
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"To mend: {MEND}", file=sys.stderr)
    return int(bool(problems))


def write_sources(book: Book, pages: list[Page]) -> int:
    """Write the notebooks' sources and keep the outputs they had."""
    for page in pages:
        notebook, target = build(book, page), page.source.with_suffix(".ipynb")
        if target.exists():
            carry_outputs(notebook, nbformat.read(target, as_version=4))
        target.write_text(serialize(notebook), encoding="utf-8")
    return 0


def write_executed(book: Book, pages: list[Page]) -> int:
    """Write and run the notebooks, as many at a time as there are processors."""
    notebooks = [(page, build(book, page)) for page in pages]  # first: errors come at once
    started, failures = time.perf_counter(), []
    print(f"Running {len(pages)} notebooks ...", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {pool.submit(_write_one, book, page, nb): page for page, nb in notebooks}
        for number, job in enumerate(as_completed(jobs), 1):
            seconds = f"{time.perf_counter() - started:.0f} s"
            outcome = "failed" if job.exception() else "done"
            print(f"[{number}/{len(jobs)}] {jobs[job].name}: {outcome} at {seconds}", flush=True)
            if job.exception():
                failures.append(job.exception())
    for failure in failures:
        print(f"\n{failure}", file=sys.stderr)
    return int(bool(failures))


def _write_one(book: Book, page: Page, notebook: NotebookNode) -> None:
    """Run one notebook and write it; a failing one leaves the stored file alone."""
    execute(notebook, page.source.parent, str(page.source.relative_to(book.root)))
    page.source.with_suffix(".ipynb").write_text(serialize(notebook), encoding="utf-8")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare sources, run nothing")
    mode.add_argument("--sources", action="store_true", help="write sources, keep outputs")
    parser.add_argument("files", nargs="*", help="chapters (.md); all when none is named")
    options = parser.parse_args(arguments)
    write = {(True, False): check, (False, True): write_sources}.get(
        (options.check, options.sources), write_executed
    )
    try:
        book = read_book(root)
        return write(book, chapters(book, options.files))
    except (NotebookError, FileNotFoundError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
    except MystError as error:
        print(f"error: line {error.line}: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
