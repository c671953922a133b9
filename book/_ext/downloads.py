"""What a reader can take away: the notebooks made by `make notebooks`, each and all in one archive.

myst-nb's own conversion, which the theme would hand out, keeps directives and roles that no other
program can read.
"""

import shutil
import zipfile
from pathlib import Path
from typing import Any

from address import fill
from docutils import nodes
from sphinx.application import Sphinx

ARCHIVE = "_sources/notebooks.zip"
THEN = (1980, 1, 1, 0, 0, 0)  # the same notebooks give the same archive


def notebooks(app: Sphinx) -> list[str]:
    """The notebooks beside the pages of the book, by their path from its root."""
    names = (f"{page}.ipynb" for page in sorted(app.env.found_docs))
    return [name for name in names if (Path(app.srcdir) / name).exists()]


def offer(app: Sphinx, page: str, _: str, context: dict[str, Any], __: nodes.document) -> None:
    """Tell the theme that a page has a notebook, before it makes its buttons."""
    if f"{page}.ipynb" in notebooks(app):
        context["ipynb_source"] = f"{page}.ipynb"


def copy(app: Sphinx, exception: Exception | None) -> None:
    """Copy the notebooks and write the archive, after the theme has copied what it has."""
    if exception or app.builder.format != "html":
        return
    target = Path(app.outdir)
    (target / "_sources").mkdir(exist_ok=True)
    with zipfile.ZipFile(target / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in notebooks(app):
            source = Path(app.srcdir) / name
            (target / "_sources" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / "_sources" / name)
            archive.writestr(zipfile.ZipInfo(name, THEN), source.read_bytes())
    for source in (target / "_sources").rglob("*.md"):
        text = source.read_text(encoding="utf-8")
        source.write_text(fill(text, app.resode_address), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx's events."""
    app.connect("html-page-context", offer, priority=100)
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
