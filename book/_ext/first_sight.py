"""What a reader sees first: a chapter's aims before its set-up, text before scripts."""

from typing import Any

from docutils import nodes
from markupsafe import Markup
from sphinx.application import Sphinx

# Scripts inside the page use what this one defines.
NEEDED_AT_ONCE = "documentation_options.js"


def move_setup(_: Sphinx, doctree: nodes.document) -> None:
    """Name the folded cell that installs the library, and put it behind the aims of the chapter.

    In the notebook it stays where it is, as the first thing to run.
    """
    for cell in doctree.findall(is_cell):
        if cell.get("hide_mode") and "google.colab" in cell.astext():
            cell["prompt_show"] = cell["prompt_hide"] = "Set-up"
            around = cell.parent
            behind = around.children[around.index(cell) + 1 :]
            around.remove(cell)
            after = next((b for b in behind if isinstance(b, nodes.section) or is_cell(b)), None)
            around.insert(around.index(after) if after else len(around), cell)
        return


def is_cell(node: nodes.Node) -> bool:
    """True for a cell of code with its outputs."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def defer_scripts(_: Sphinx, page: str, __: str, context: dict[str, Any], ___: object) -> None:
    """Let scripts wait until the page can be read; they run in their order all the same.

    The page of the search has scripts of its own, which ask for them at once.
    """
    if page != "search":
        context["script_files"] = [_deferred(script) for script in context["script_files"]]


def _deferred(script: Any) -> Any:
    """The same script, to run later; other pages share the one that we got."""
    if not script.filename or NEEDED_AT_ONCE in str(script.filename):
        return script
    attributes = {**script.attributes, "defer": "defer"}
    return type(script)(script.filename, priority=script.priority, **attributes)


def number_print_title(_: Sphinx, __: str, ___: str, context: dict[str, Any], ____: object) -> None:
    """Give the title on paper its chapter's number; the theme prints it without."""
    context["pagetitle"] = Markup(context.get("title", ""))


def skip_field(_: Sphinx, __: str, ___: str, member: object, *____: object) -> bool | None:
    """Leave out what Python says of a tuple's fields: "Alias for field number 0".

    Each is described among the attributes of its class.
    """
    return str(member.__doc__).startswith("Alias for field number") or None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx's events."""
    app.connect("doctree-read", move_setup)
    app.connect("autodoc-skip-member", skip_field)
    app.connect("html-page-context", number_print_title, priority=900)
    app.connect("html-page-context", defer_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
