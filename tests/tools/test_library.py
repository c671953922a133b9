"""The library is small: what is public is used, and what takes much says what it takes."""

import ast
import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("claims", "coursework", "exercises", "grading", "reproductions", "records")
LIBRARY = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "resode_lib").glob("*.py"))
    if not path.stem.startswith("_") and path.stem not in PARTS
}


def users():
    """The sources that a name is public for: pages, and the course's own packages."""
    pages = [*(ROOT / "book").rglob("*.md"), *(ROOT / "coursework").glob("*.md"), ROOT / "README.md"]
    packages = [ROOT / "resode_lib" / part for part in PARTS] + [ROOT / "resode_course"]
    code = [path for package in packages for path in package.rglob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in (*pages, *code))


def public(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return []


@pytest.mark.parametrize("module", LIBRARY)
def test_a_public_name_is_used_by_a_page_or_the_course(module):
    text = users()
    unused = {name for name in public(LIBRARY[module]) if not re.search(rf"\b{name}\b", text)}
    assert not unused, f"{module}: mend: use {sorted(unused)} on a page, or delete them"


@pytest.mark.parametrize("module", LIBRARY)
def test_four_parameters_are_explained(module):
    for node in ast.walk(LIBRARY[module]):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        a = node.args
        names = [arg.arg for arg in (*a.posonlyargs, *a.args, *a.kwonlyargs) if arg.arg != "self"]
        explained = ast.get_docstring(node) or ""
        if len(names) >= 4:
            missing = [n for n in names if n != "cls" and not re.search(rf"^\s+{n}: ", explained, re.M)]
            assert not missing, f"{module}.{node.name}: say under Args: what {missing} are"


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
