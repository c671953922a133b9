"""resode_lib: the small library behind the course on residual networks and neural ODEs.

A network of depth ``L`` is a *stack*: one block whose every array has a leading axis ``L``.
Data flows one way, ``stack -> resnet -> diagnostics / claims -> plotting``; see CONTRIBUTING.md.
"""

__version__ = "0.1.0"
