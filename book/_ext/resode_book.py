"""Sphinx glue of the book: static figures, offline mathematics, no stale page, pages in parallel.

No page is ever stale, however the build is started. Sphinx and jupyter-cache look at a page's own
source only: with a changed library they would show yesterday's numbers, and a build that failed on
a warning would pass when repeated, since the pages that warned are not read again. So

- the hash of what every page depends on lives inside the execution cache; when it differs, the
  cache is emptied;
- the hash of the last build that ended without a warning lives beside the doctrees; when it is
  missing or differs, every page is read again.
"""

import logging
import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import own_shell
from docutils import nodes
from fingerprint import fingerprint
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from myst_nb.core.read import is_myst_markdown_notebook
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.logging import getLogger

LOGGER = getLogger(__name__)

# Kernels started by the build inherit nothing of the user's shell.
own_shell.clean()

# What a number on a page depends on besides the page, and what the page's look depends on.
COMPUTING = (
    "resode_lib",
    "resode_course",
    "requirements.txt",
    "book/_ext",
    "_config.yml",
)
RENDERING = ("_toc.yml", "book/_static", "book/_templates", "tools/address.py")

WIDGET = re.compile(r"\b(draggable|DrawnNetwork)\(")
PICTURE = re.compile("<(img|svg)")
STATEMENT = re.compile(r'(<a class="statement" href="[^"]*">)([\w-]+)</a>')

FRONT_DOOR = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{canonical}<meta http-equiv="refresh" content="0; url={target}">
</head>
<body>
<main><p><a href="{target}">{title}: go to the first page</a></p></main>
</body>
</html>
"""


def computing_hash(root: Path) -> str:
    """The hash of everything that the cells of all pages depend on."""
    return fingerprint(root, COMPUTING)


def page_hash(app: Sphinx) -> str:
    """The hash of everything that all pages depend on; ``-n`` warns of more, so it counts."""
    sources = fingerprint(Path(app.srcdir), (*COMPUTING, *RENDERING))
    return f"{sources} nitpicky={bool(app.config.nitpicky)}"


def execution_cache(app: Sphinx) -> Path:
    """The folder where myst-nb keeps the outputs of executed pages."""
    configured = app.config.nb_execution_cache_path
    return Path(configured) if configured else Path(app.outdir).parent / ".jupyter_cache"


def clean_build_record(app: Sphinx) -> Path:
    """The file that holds the hash of the last build without a warning."""
    return Path(app.doctreedir) / f"clean-build-{app.builder.name}"


def empty_stale_cache(app: Sphinx) -> None:
    """Empty the execution cache when the library, the versions or the settings changed."""
    cache = execution_cache(app)
    record = cache / "computing-hash"
    current = computing_hash(Path(app.srcdir))
    # Pages keep the verdicts that they show for the tests; see `tests/claims/verdicts.py`.
    verdicts = cache.parent / "verdicts"
    os.environ["RESODE_VERDICTS"] = str(verdicts)
    if record.exists() and record.read_text() == current:
        return
    shutil.rmtree(verdicts, ignore_errors=True)
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True)
    record.write_text(current)


def banner_seconds(text: str) -> int:
    """How long a page says that it runs, 0 if it does not say."""
    found = re.search(r"\*\*Runs in\*\* (\d+) s", text)
    return int(found[1]) if found else 0


def run_in_parallel(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Run the pages about to be read into the cache, as many at a time as there are processors.

    myst-nb would run one after the other. The long ones start first, so that all processors end
    together. A page that fails here is run again by myst-nb, which reports the failing cell.
    """
    paths = [Path(env.doc2path(page)) for page in pages]
    texts = {path: path.read_text(encoding="utf-8") for path in paths if path.suffix == ".md"}
    notebooks = [str(path) for path, text in texts.items() if is_myst_markdown_notebook(text)]
    notebooks.sort(key=lambda path: -banner_seconds(texts[Path(path)]))
    cache = get_cache(execution_cache(app))
    for path in notebooks:
        cache.add_nb_to_project(path, read_data={"type": "plugin", "name": "myst_nb_md"})
    waiting = [record.uri for record in cache.list_unexecuted(filter_uris=notebooks)]
    if len(waiting) > 1:
        LOGGER.info("running %d pages on %d processors ...", len(waiting), os.cpu_count())
        executor = load_executor("local-parallel", cache, logging.getLogger("jupyter_cache"))
        executor.logger.setLevel(logging.ERROR)  # else the pool reports its own shutting down
        executor.run_and_cache(filter_uris=waiting, timeout=app.config.nb_execution_timeout)


def note_missing_figures(app: Sphinx, page: nodes.document) -> None:
    """Note each cell of a page that calls for a figure and shows none."""
    for cell in page.findall(nodes.container):
        if cell.get("nb_element") != "cell_code" or not calls_for_a_figure(cell):
            continue
        raw = [node.astext() for node in cell.findall(nodes.raw)]
        if not any(cell.findall(nodes.image)) and not any(map(PICTURE.search, raw)):
            app.resode_missing_figures.append(
                f"{app.env.docname}: got no figure, expected one, from the cell\n"
                f"{source_of(cell)}\n"
                "  leave it for IPython to show: no plt.close(), and a figure to drag on the last "
                "line, without a semicolon"
            )


def calls_for_a_figure(cell: nodes.container) -> bool:
    """Whether a cell is tagged as a figure, or makes one to drag or to draw on."""
    tags = cell.get("cell_metadata", {}).get("mystnb", {})
    return bool(tags.keys() & {"figure", "image"}) or bool(WIDGET.search(source_of(cell)))


def source_of(cell: nodes.container) -> str:
    """The code of a cell, as far as the page shows it."""
    return cell.children[0].astext() if cell.children else ""


def refuse_missing_figures(app: Sphinx, env: BuildEnvironment) -> None:
    """Stop a build in which a figure is missing; IPython itself would not say so."""
    if app.resode_missing_figures:
        raise ExtensionError("\n\n".join(app.resode_missing_figures))


def outdated_pages(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """All pages, unless the last build was clean and nothing they share changed since."""
    record = clean_build_record(app)
    app.resode_page_hash = page_hash(app)
    clean = record.exists() and record.read_text() == app.resode_page_hash
    record.unlink(missing_ok=True)  # written again when this build ends well
    if clean:
        return []
    shutil.rmtree(Path(app.outdir) / "_modules", ignore_errors=True)  # made from the library
    (Path(app.outdir) / "sitemap.xml").unlink(missing_ok=True)  # not made without an address
    return sorted(env.found_docs - removed)


def record_clean_build(app: Sphinx, exception: Exception | None) -> None:
    """Remember a build without error or warning, during which nothing shared changed."""
    if exception is None and app._warncount == 0 and app.resode_page_hash == page_hash(app):
        clean_build_record(app).write_text(app.resode_page_hash)


def number_statements(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Put the numbers of statements where a cell's output names them by label."""
    context["body"] = STATEMENT.sub(
        lambda link: link[1] + statement_number(app.env, link[2]) + "</a>", context.get("body", "")
    )


def statement_number(env: BuildEnvironment, label: str) -> str:
    """Return, for example, "Theorem 2.1"; the label where the book has no such statement."""
    for kinds in env.toc_fignumbers.values():
        for kind, numbers in kinds.items():
            if label in numbers:
                name = env.config.numfig_format.get(kind, kind).replace("%s", "").strip()
                return f"{name.capitalize()} {'.'.join(map(str, numbers[label]))}"
    return label


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax out of its wheel, so that no page asks another server for it."""
    if exception or app.builder.format != "html":
        return
    wheel = find_spec("sphinx-mathjax-offline")
    source = Path(next(iter(wheel.submodule_search_locations))) / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    fonts = Path("output/chtml/fonts/woff-v2")
    if (target / fonts).exists():
        return
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source / "tex-mml-chtml.js", target)
    for part in (fonts, Path("a11y"), Path("sre")):  # the menu's accessibility entries
        shutil.copytree(source / part, target / part, dirs_exist_ok=True)


def write_front_door(app: Sphinx, exception: Exception | None) -> None:
    """Write /index.html, which leads to the root page: with a title, a language and a link."""
    if exception or app.builder.name != "html" or app.config.master_doc == "index":
        return
    target = app.builder.get_target_uri(app.config.master_doc)
    base = app.config.html_baseurl
    page = FRONT_DOOR.format(
        language=app.config.language,
        title=app.config.html_title,
        canonical=f'<link rel="canonical" href="{base}{target}">\n' if base else "",
        target=target,
    )
    (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect everything to Sphinx's events."""
    os.environ["RESODE_STATIC"] = "1"  # kernels of the build inherit it: their figures need none
    app.resode_missing_figures = []
    app.connect("builder-inited", empty_stale_cache, priority=100)  # before myst-nb opens it
    app.connect("env-get-outdated", outdated_pages)
    app.connect("env-before-read-docs", run_in_parallel)
    app.connect("doctree-read", note_missing_figures)
    app.connect("env-check-consistency", refuse_missing_figures)
    app.connect("html-page-context", number_statements)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", write_front_door, priority=400)  # before the bare redirect
    app.connect("build-finished", record_clean_build, priority=900)  # after every warning
    return {"parallel_read_safe": True, "parallel_write_safe": True}
