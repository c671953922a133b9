"""The library is small: what is public is used, and what takes much says what it takes."""

import ast
import importlib
import inspect
import re
import tomllib
import typing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USERS = ("resode_course", "evidence/reproductions")
LIBRARY = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "resode_lib").glob("*.py"))
    if not path.stem.startswith("_")
}
COURSE = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text("utf8"))
    for folder in ("resode_course", "grader/resode_grader")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
CELL = re.compile(r"^```(?:\{code-cell\}|python).*?\n(.*?)^```", re.DOTALL | re.MULTILINE)


def users():
    """The code that a name is public for: cells of pages, and the course's own packages."""
    pages = [*(ROOT / "book").rglob("*.md"), *(ROOT / "coursework").glob("*.md")]
    texts = [path.read_text(encoding="utf-8") for path in (*pages, ROOT / "README.md")]
    code = [path for folder in USERS for path in (ROOT / folder).rglob("*.py")]
    cells = [cell for text in texts for cell in CELL.findall(text)]
    return "\n".join([*cells, *(path.read_text(encoding="utf-8") for path in code)])


def public(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return []


@pytest.mark.parametrize("module", LIBRARY)
def test_a_public_name_is_used_by_a_page_or_the_course(module):
    returned = [ast.unparse(node.returns) for node in callables(LIBRARY[module]) if node.returns]
    text = "\n".join([users(), *returned])
    unused = {name for name in public(LIBRARY[module]) if not re.search(rf"\b{name}\b", text)}
    assert not unused, f"{module}: mend: use {sorted(unused)} on a page, or delete them"


def callables(tree):
    """Functions of a module and methods of its classes, as far as they are public."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    bodies = [tree.body, *(node.body for node in classes if not node.name.startswith("_"))]
    functions = (node for body in bodies for node in body if isinstance(node, ast.FunctionDef))
    return [node for node in functions if not node.name.startswith("_")]


def exported(tree):
    """Functions that a module exports, and methods of the classes that it exports."""
    names = public(tree)
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name in names]
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in names]
    methods = [n for c in classes for n in c.body if isinstance(n, ast.FunctionDef)]
    return [*functions, *(n for n in methods if not n.name.startswith("_"))]


@pytest.mark.parametrize("module", [*LIBRARY, *COURSE])
def test_four_parameters_are_explained(module):
    for node in exported(LIBRARY.get(module) or COURSE[module]):
        a, text = node.args, ast.get_docstring(node) or ""
        names = {arg.arg for arg in (*a.posonlyargs, *a.args, *a.kwonlyargs)} - {"self", "cls"}
        missing = {name for name in names if not re.search(rf"^\s+{name}: ", text, re.MULTILINE)}
        assert len(names) < 4 or not missing, f"{module}.{node.name}: say under Args: {missing}"


def test_the_library_is_the_attributes_of_its_package():
    library = importlib.import_module("resode_lib")
    for module in LIBRARY:
        assert getattr(library, module).__name__ == f"resode_lib.{module}"
    with pytest.raises(AttributeError, match="'resode_lib' has no attribute 'stakcs'"):
        _ = library.stakcs


def test_type_checkers_see_the_types():
    assert (ROOT / "resode_lib" / "py.typed").exists()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "py.typed" in settings["tool"]["setuptools"]["package-data"]["resode_lib"]


def test_the_example_of_the_readme_runs():
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["losses"][-1] < 0.1 * names["losses"][0]


@pytest.mark.parametrize("module", LIBRARY)
def test_types_resolve_for_a_checker(module):
    """`py.typed` is a promise: every annotation of a public name is something that exists."""
    there = importlib.import_module(f"resode_lib.{module}")
    for name in public(LIBRARY[module]):
        value = getattr(there, name)
        if inspect.isclass(value) and value.__module__ == there.__name__:
            for method in filter(inspect.isfunction, vars(value).values()):
                if method.__module__ == there.__name__:
                    typing.get_type_hints(method)
        elif inspect.isfunction(value):
            assert "return" in typing.get_type_hints(value), f"{module}.{name}"
