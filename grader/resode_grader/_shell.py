"""The shell in which the cells of a submission run: IPython's own, as in Jupyter and on Colab.

So magics, ``x = !ls``, ``await``, ``_``, ``display`` and ``%%writefile`` mean here what they mean
there. Three things differ. No program is started: what a shell command prints is empty. Tracebacks
are not shown. And where a package is missing, only those statements fail that need it.
"""

import ast
import dis
import importlib
import sys
import types
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import LSString, SList
from traitlets.config import Config

__all__ = ["Shell", "start"]

# Cells that another program would run; the last one is Colab's.
SCRIPTS = ("script", "bash", "sh", "perl", "ruby", "python", "python2", "python3", "pypy", "shell")


class Imports:
    """Notes which packages the cells import; for IPython a transformer that changes nothing."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit(self, tree: ast.AST) -> ast.AST:
        """Look at the tree of one cell, functions included."""
        for node in ast.walk(tree):
            match node:
                case ast.Import(names=aliases):
                    self.names |= {alias.name.partition(".")[0] for alias in aliases}
                case ast.ImportFrom(module=str(name), level=0):
                    self.names.add(name.partition(".")[0])
        return tree


class Shell(InteractiveShell):
    """IPython's shell without a terminal, without programs."""

    def __init__(self, **settings: Any) -> None:
        """Start it as IPython does."""
        super().__init__(**settings)
        self.missing: list[str] = []  # modules that were not found
        self._absent: set[str] = set()  # names that are not there since a module was not found
        self._any_absent = False  # whether these could be any: from a package import *
        self._passed_over: list[BaseException] = []
        self._imports = Imports()
        self.ast_transformers.append(self._imports)
        self.display_formatter.active_types = ["text/plain"]  # nobody looks at pictures

    def run(self, source: str) -> BaseException | None:
        """Run one cell; return its first error."""
        self._passed_over = []
        importlib.invalidate_caches()  # the cell before may have written a module
        result = self.run_cell(source, store_history=True)
        ends = (result.error_before_exec, result.error_in_exec) if result else ()
        errors = (error for error in (*self._passed_over, *ends) if error is not None)
        return next(errors, None)

    def imported(self) -> list[str]:
        """Return the packages that cells imported, but for Python's and those that they wrote."""
        names = self._imports.names & sys.modules.keys() - sys.stdlib_module_names
        files = {name: getattr(sys.modules[name], "__file__", None) or "" for name in names}
        here = str(Path.cwd())
        return sorted(n for n in names if files[n] and not files[n].startswith(here))

    async def run_code(self, code_obj: Any, result: Any = None, *, async_: bool = False) -> bool:
        """Run one statement of a cell; return whether the cell ends here, with an error.

        A statement that needs a package which is not there is passed over, and so is each that
        needs a name which such a statement would have given. The others may hold the answers.
        """
        failed = await super().run_code(code_obj, result, async_=async_)
        if failed and result is not None and self._lacks(result.error_in_exec):
            self._pass_over(result.error_in_exec, code_obj)
            result.error_in_exec = None
            return False
        return failed

    def _lacks(self, error: BaseException | None) -> bool:
        """Whether a statement failed for want of a package."""
        if isinstance(error, NameError):
            return error.name in self._absent or self._any_absent
        return isinstance(error, ImportError)

    def _pass_over(self, error: BaseException, code: types.CodeType) -> None:
        """Go on without a statement, and remember what it would have named."""
        if isinstance(error, ImportError):
            self._passed_over.append(error)
        if isinstance(error, ModuleNotFoundError) and error.name:
            self.missing.append(error.name)
        steps = list(dis.get_instructions(code))
        self._absent |= {s.argval for s in steps if s.opname in ("STORE_NAME", "STORE_GLOBAL")}
        self._any_absent |= any("IMPORT_STAR" in step.opname + step.argrepr for step in steps)

    def system(self, cmd: str) -> None:
        """Start no program; it ended well."""
        self.user_ns["_exit_code"] = 0

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Start no program; it printed nothing."""
        return SList() if split else LSString()

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """Run a cell's magic; a script for another program is not run, and its output is empty."""
        if magic_name not in SCRIPTS:
            return super().run_cell_magic(magic_name, line, cell)
        from IPython.core.magics.script import ScriptMagics
        from IPython.utils.process import arg_split

        options, _ = ScriptMagics.shebang.parser.parse_known_args(arg_split(line, posix=True))
        self.user_ns.update({name: "" for name in (options.out, options.err) if name})
        return None

    def enable_gui(self, gui: str | None = None) -> None:
        """Have no windows; ``%matplotlib`` asks for them."""

    def ask_exit(self) -> None:
        """Stay when a cell says ``exit``: the next one runs."""

    def showtraceback(self, *_: Any, **__: Any) -> None:
        """Show nothing: the first line of an error becomes a remark."""

    showsyntaxerror = showtraceback


def start(module: types.ModuleType) -> Shell:
    """Return the shell of this process, which ``get_ipython`` finds too.

    Args:
        module: where the cells run.
    """
    sys.path.insert(0, "")  # as in a kernel: a file that a cell has written can be imported
    config = Config()
    config.HistoryManager.enabled = False
    return Shell.instance(config=config, user_module=module)
