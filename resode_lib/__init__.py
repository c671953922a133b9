"""resode_lib: the small library behind the course on residual networks and neural ODEs.

A network of depth ``L`` is a *stack*: one block whose every array has a leading axis ``L``.
Data flows one way, ``stack -> resnet -> diagnostics / claims -> plotting``; see CONTRIBUTING.md.
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

__version__ = "0.1.0"


def __getattr__(name: str) -> ModuleType:
    """Return a module of the library, imported when it is first asked for."""
    if name.startswith("_") or find_spec(f"{__name__}.{name}") is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
