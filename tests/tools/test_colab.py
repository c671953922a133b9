"""On Colab: every first cell holds what is there, and `make colab` would notice if it did not.

The installation itself is tested by `make colab`, in an environment of Colab's versions.
"""

import builtins
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import colab
import nbformat
import pytest
from packaging.requirements import Requirement

from resode_lib import image_training

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "book").rglob("*.md"), *(ROOT / "coursework").glob("*.md")]
INSTALLING = [path for path in SOURCES if '"google.colab" in sys.modules' in path.read_text("utf8")]
STORED = sorted((ROOT / "book").rglob("*.ipynb"))
GUARDED = re.compile(r'^if "google\.colab" in sys\.modules:.*\n(?:    .*\n)+', re.MULTILINE)


def test_every_page_installs_in_the_same_words():
    cells = {GUARDED.search(path.read_text("utf8"))[0] for path in INSTALLING}
    assert len(INSTALLING) > 20
    assert len(cells) == 1, "the cells that install on Colab differ:\n" + "\n".join(sorted(cells))
    (cell,) = cells
    listed, installed = re.findall(r"^    %pip (.*)$", cell, re.MULTILINE)
    file = re.fullmatch(r"list --format=freeze --exclude resode_lib > (\S+)", listed)[1]
    start = f'install -q -c {file} "resode_lib[course] @ git+'
    assert installed.startswith(start), "nothing is held"
    assert f'|| echo "{colab.REFUSAL}' in installed, "a refusal without advice"


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_notebook_installs_before_it_imports(path):
    cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    imported = re.findall(r"^(?:from|import) (\w+)", "\n".join(cells), re.MULTILINE)
    if {"resode_lib", "resode_course"} & set(imported):
        assert cells[0].index("google.colab") < cells[0].index("from resode_course")


def test_what_is_held_are_constraints_without_the_library_itself():
    # Here the library is installed from a folder, which `pip freeze` writes as no constraint.
    command = [sys.executable, "-m", "pip", "list", "--format=freeze", "--exclude", "resode_lib"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    held = {Requirement(line).name.lower(): Requirement(line) for line in listed.splitlines()}
    assert {"jax", "numpy"} <= set(held)
    assert not {"resode_lib", "resode-lib"} & set(held)
    assert all(str(req.specifier).startswith("==") and not req.url for req in held.values())


def test_what_a_cell_says_is_not_how_its_table_looks():
    def cell(html):
        output = nbformat.v4.new_output("display_data", {"text/plain": "1 | 2", "text/html": html})
        return nbformat.v4.new_code_cell(outputs=[output])

    styled = cell("<style>a { color: red }</style><td>1</td><td>2</td><script>\nlet x\n</script>")
    assert colab.text_of(styled) == colab.text_of(cell("<td>1</td><td>2</td>"))
    assert colab.text_of(styled) != colab.text_of(cell("<td>1</td><td>3</td>"))


def test_what_moved_is_named_and_the_library_may_move():
    before = {"jax": "0.7.2", "numpy": "2.1.3", "scipy": "1.0", "resode_lib": "0.0.1"}
    after = {"jax": "0.12.0", "numpy": "2.1.3", "resode_lib": "0.1.0", "lineax": "0.1.0"}
    assert colab.moved(before, after) == ["jax 0.7.2 -> 0.12.0", "scipy 1.0 -> gone"]


def test_a_reader_has_no_flag_of_ours_and_an_index(monkeypatch):
    ours = ("XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR", "EQX_ON_ERROR", "OPENBLAS_NUM_THREADS")
    foreign = ("MPLBACKEND", "PIP_USER", "PIP_TARGET", "PYTHONPATH", "JUPYTER_PATH", "VIRTUAL_ENV")
    for name in (*ours, *foreign, "PIP_CONSTRAINT", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "set here")
    shell = colab.readers_shell()
    assert not {*ours, *foreign} & set(shell)
    assert shell["PIP_CONSTRAINT"] != "set here"
    assert shell["PIP_INDEX_URL"] == "set here"


def test_a_number_that_differs_there_is_found(tmp_path):
    cells = [nbformat.v4.new_code_cell(f"print({n})") for n in (1, 2)]
    for cell, stored in zip(cells, ("1\n", "3\n"), strict=True):
        cell.outputs = [nbformat.v4.new_output("stream", text=stored)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    done = colab.run_chapter(tmp_path / "one.ipynb", tmp_path)
    assert done.differing == ["code cell 2\n- 3\n\n+ 2\n"]
    assert done.wall > 0
    assert done.cpu > 0


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_no_cell_needs_colab(path):
    cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    bad = [c for c in cells if re.search(r"^\s*(import|from) google", c, re.MULTILINE)]
    assert not bad, f"this cell runs on Colab only:\n{bad[0]}"


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_the_cifar_cell_runs_on_any_gpu_and_says_what_it_would_do(backend, capsys):
    notebook = nbformat.read(ROOT / "book/practice/images.ipynb", as_version=4)
    (cell,) = [c.source for c in notebook.cells if c.source.startswith("size = None")]
    names, runs = defaultdict(MagicMock, vars(builtins)), []
    names["jax"].default_backend.return_value = backend
    names |= {
        "image_training": image_training,
        "replace": replace,
        "cases": {"one": ("gelu", False), "two": ("relu", True)},
        "standardised": lambda *data: data,
        "datasets": MagicMock(cifar10=lambda: ("images", "held out")),
        "fit": lambda setting, images, **_: (
            runs.append((setting.activation, setting.tied, images)) or MagicMock()
        ),
        "accuracy": lambda *_: 0.5,
        "diagnostics": MagicMock(depth_lipschitz=lambda _: 1.0),
    }
    exec(cell.replace("size = None", 'size = "SMALL_CIFAR"'), names)
    printed = capsys.readouterr().out
    if backend == "cpu":
        assert not runs
        assert "no GPU: nothing is run. With one, 2 networks of 32 layers" in printed
    else:
        assert runs == [("gelu", False, "images"), ("relu", True, "images")]
        assert "relu, tied True: test accuracy 50.0%" in printed


def test_the_seconds_measured_go_into_the_banner(tmp_path):
    page = tmp_path / "one.md"
    page.write_text("**Reading** 5 min · **Runs in** 20 s on two CPU cores, as on Colab\n")
    colab.write_banner(page, 41.2)
    assert (
        page.read_text() == "**Reading** 5 min · **Runs in** 45 s on two CPU cores, as on Colab\n"
    )
    page.write_text("no banner")
    with pytest.raises(SystemExit, match="got 0 banners in one.md"):
        colab.write_banner(page, 41.2)


def test_every_banner_says_what_its_number_is():
    texts = [path.with_suffix(".md").read_text("utf8") for path in colab.chapters()]
    assert len(texts) == 18
    assert all(
        re.search(r"\*\*Runs in\*\* \d+ s on two CPU cores, as on Colab ·", t) for t in texts
    )
