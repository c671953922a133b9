"""A live notebook stays right: no cell rebinds a name that an earlier figure still reads.

A figure to drag calls its functions again whenever its slider moves, long after its cell. They find
the names of the notebook as they are then. And a reader who changes a setting runs that cell again.
"""

import ast
import re
import symtable
from pathlib import Path

import labels
import pytest

ROOT = Path(__file__).parents[2]
BOOK = labels.read_book(ROOT)
CHAPTERS = [page for page in BOOK.pages.values() if page.is_notebook]
FIGURES = ("draggable", "drawable")  # they keep functions, and call them when a reader acts
DEFERRED = (ast.FunctionDef, ast.Lambda, ast.ClassDef)
SCOPES = (*DEFERRED, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)


def read_when_called(node):
    """The notebook's names that a function, lambda or class looks up each time it runs."""
    tables = [symtable.symtable(ast.unparse(node), "<cell>", "exec")]
    for table in tables:
        tables += table.get_children()
    inside = [table for table in tables if table.get_type() == "function"]
    return {s.get_name() for t in inside for s in t.get_symbols() if s.is_global()}


def outermost(node, kinds):
    """The outermost nodes of some kinds; nothing inside of functions, except themselves."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, kinds):
            yield child
        if not isinstance(child, DEFERRED):
            yield from outermost(child, kinds)


def loaded(node):
    """The names that a statement reads at once; of a function its decorators and defaults."""
    if isinstance(node, ast.FunctionDef):
        now = [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        return set().union(*map(loaded, now))
    names = [*outermost(node, ast.Name), *([node] if isinstance(node, ast.Name) else [])]
    own = {name.id for name in names if isinstance(name.ctx, ast.Store)}  # of a loop inside
    return {name.id for name in names if isinstance(name.ctx, ast.Load)} - own


def bound(statement):
    """The names that a statement binds in the notebook."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    names = {*own_names(statement)}
    return names | {
        name for inner in outermost(statement, ast.FunctionDef) for name in [inner.name]
    }


def own_names(node):
    """The names stored by a statement, outside of functions and comprehensions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        if not isinstance(child, SCOPES):
            yield from own_names(child)


class Notebook:
    """What the cells of a notebook bind and read."""

    def __init__(self, sources):
        self.cells = [ast.parse(MAGIC.sub(r"\1pass", source)).body for source in sources]
        self.later = {}  # name -> names read each time that what it holds is called
        self.faults = []
        for number, cell in enumerate(self.cells, 1):
            for statement in cell:
                self._note(statement)
            if any(self._is_figure(statement) for statement in cell):
                self._check(number, cell)

    def _note(self, statement):
        reads = self._deferred(statement)
        for name in bound(statement):
            self.later[name] = reads

    def _deferred(self, statement):
        """The names read whenever something in a statement, or given to it, is called later."""
        whole = isinstance(statement, DEFERRED)
        functions = [statement] if whole else [*outermost(statement, DEFERRED)]
        loops = {
            name for inner in outermost(statement, ast.comprehension) for name in own_names(inner)
        }
        direct = {name for one in functions for name in read_when_called(one)} - loops
        given = loaded(statement)
        known = [self.later.get(name, set()) for name in direct | given]
        return direct.union(*known)

    def _is_figure(self, statement):
        calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
        return any(getattr(c.func, "attr", getattr(c.func, "id", "")) in FIGURES for c in calls)

    def _check(self, number, cell):
        made_here = {name for statement in cell for name in bound(statement)}
        reads = set()
        for statement in cell:
            reads |= self._deferred(statement) | (loaded(statement) - made_here)
        before = {name: text for c in self.cells[:number] for name, text in binding_texts(c)}
        for following, later in enumerate(self.cells[number:], number + 1):
            self.faults += [
                f"cell {following} binds {name!r} again, which the figure of cell {number} reads"
                for name, text in binding_texts(later)
                if name in reads and text != before.get(name)
            ]


def binding_texts(cell):
    """Each name that a cell binds, with the text that binds it: the same import twice is none."""
    return [(name, ast.unparse(statement)) for statement in cell for name in bound(statement)]


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: Path(page.name).name)
def test_no_later_cell_rebinds_what_a_figure_reads(page):
    sources = [cell.source for cell in page.cells if cell.kind == "code"]
    faults = Notebook(sources).faults
    assert not faults, "\n".join([*faults, "mend: give the later one another name"])


FIGURE = (
    "def draw(ax, n):\n    ax.plot(halved(n))\nwidgets.draggable(draw, alt=lambda n: f'{n}{unit}')"
)


@pytest.mark.parametrize(
    ("later", "rebound"),
    [
        ("T = 2", "T"),  # through two functions
        ("for scale in (1, 2):\n    pass", "scale"),
        ("with x as unit:\n    pass", "unit"),
        ("def halved(n): return n", "halved"),
        ("solve = None", None),  # what holds it is kept, so its name is free
        ("[T for T in (1, 2)]", None),
        ("def other(T):\n    scale = T", None),
        ("def draw(ax): pass", None),
        ("import numpy as np", None),  # the same again
    ],
)
def test_a_name_bound_again_is_found(later, rebound):
    before = [
        "import numpy as np\nT, scale, unit = 1, 2, 'm'\nsolve = lambda x: np.full(3, x / T)",
        "held = partial(solve, 1)\ndef halved(n):\n    return held(scale * n)",
        FIGURE,
    ]
    faults = Notebook([*before, later]).faults
    assert [fault.split("'")[1] for fault in faults] == ([rebound] if rebound else [])
