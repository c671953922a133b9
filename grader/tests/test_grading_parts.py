"""The grader's parts: frames of data, notebooks, results for Gradescope, keys, what is printed."""

import importlib
import json
import struct
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import hostile
import mini
import numpy as np
import pytest
from resode_grader import _jail, _processes
from resode_grader._command import main
from resode_grader._notebook import NotebookError, read_notebook
from resode_grader._wire import LENGTHS, WireError, decode, encode, lengths
from resode_grader.sets import parameters_of

from resode_course._plain import plain

VALUES = [
    None,
    True,
    3,
    -0.5,
    "naïve\n",
    2 + 1j,
    [1, [2.0, "x"]],
    (1, (2,)),
    {"a": 1, 3: [None]},
    {"l": 1},
    [],
    {},
]


def split(frame):
    size = LENGTHS.size
    text, arrays = lengths(frame[:size])
    assert len(frame) == size + text + arrays
    return frame[size : size + text], frame[size + text :]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_data_survives_the_pipe(value):
    assert decode(*split(encode(plain(value)))) == value


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "u1", "?", "c16", ">f8"])
def test_arrays_survive_the_pipe(dtype):
    arrays = [np.arange(6).reshape(2, 3).astype(dtype), np.ones((), dtype), np.ones((0, 4), dtype)]
    for sent, got in zip(arrays, decode(*split(encode(arrays))), strict=True):
        assert got.dtype == sent.dtype
        np.testing.assert_array_equal(got, sent)
        assert got.flags.owndata


FORGED = [
    b"",
    b"{}",
    b"[1]",
    b'{"z": 1}',
    b'{"a": ["f8", [2], 0]}',
    b'{"a": ["f8", [-1], 0]}',
    b'{"a": ["f8", [1], -8]}',
    b'{"a": ["O", [1], 0]}',
    b'{"a": ["f8", [1e400], 0]}',
    b'{"d": [[[1], 2]]}',
    b'{"l": ' * 2000 + b"1" + b"}" * 2000,
    b"9" * 10_000,
    b"\xff",
]


@pytest.mark.parametrize("text", FORGED, ids=range(len(FORGED)))
def test_a_forged_frame_is_refused(text):
    with pytest.raises(WireError):
        decode(text, b"12345678")


def test_a_frame_that_would_fill_the_memory_is_not_read():
    with pytest.raises(WireError, match="more than 4 MB of numbers"):
        lengths(struct.pack("!QQ", 2**40, 0))
    with pytest.raises(WireError, match="64 MB of arrays"):
        encode(np.ones(9_000_000))


def test_what_is_no_data_is_named():
    with pytest.raises(TypeError, match="returned a generator; return numbers"):
        plain(x for x in ())
    deep = []
    for _ in range(99):
        deep = [deep]
    with pytest.raises(TypeError, match="more than 20 deep"):
        plain(deep)


def test_a_notebook_in_pieces(tmp_path):
    path = tmp_path / "n.ipynb"
    cells = [("markdown", "## Problem 1.6: why (8 points, written)"), "x = 1"]
    cells += [("markdown", "*Your answer here.*"), ("raw", "Because."), ("markdown", "And so.")]
    cells += [("markdown", "## Problem 1.7: next"), ("markdown", " ")]
    text = json.loads(hostile.notebook(cells))
    text["cells"][1]["source"] = ["x = ", "1"]
    path.write_text(json.dumps(text))
    notebook = read_notebook(path)
    assert notebook.code == ("x = 1",)
    assert [cell.kind for cell in notebook.cells][3:5] == ["raw", "markdown"]


def test_an_empty_file_and_an_old_format_are_explained(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text("")
    with pytest.raises(NotebookError, match="The file is empty"):
        read_notebook(path)
    path.write_text('{"nbformat": 3, "worksheets": []}')
    with pytest.raises(NotebookError, match="has the format 3, expected 4"):
        read_notebook(path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"cells": 3}', '{"cells": [{}]}', "[" * 99999])
def test_a_file_that_is_no_notebook_is_explained(tmp_path, text):
    path = tmp_path / "n.ipynb"
    path.write_text(text)
    with pytest.raises(NotebookError, match="not a notebook"):
        read_notebook(path)


def command(folder, *options):
    return main(
        [str(folder), "--set", "0", "--cohort", "spring", "--problems", "mini", *map(str, options)]
    )


def test_what_is_missing_is_said_with_its_mend(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = tmp_path / "given"
    given.mkdir()
    assert command(tmp_path / "nowhere") == 2
    assert command(given) == 2
    short = tmp_path / "short.key"
    short.write_text("abc")
    assert command(given, "--key", short) == 2
    short.write_text("long enough for a key")
    assert command(given, "--key", short) == 2
    assert main([str(given), "--set", "99", "--cohort", "x"]) == 2
    assert main([str(given), "--set", "0", "--cohort", "x; rm", "--problems", "mini"]) == 2
    errors = capsys.readouterr().err.splitlines()
    expected = ["nowhere, expected a folder", "make cohort NAME=spring", "a key of 3 characters"]
    expected += ["got nothing below", "there is no problem set '99'", "got the cohort 'x; rm'"]
    assert len(errors) == len(expected)
    for error, words in zip(errors, expected, strict=True):
        assert words in error


def test_the_command_is_installed_under_its_name():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["resode-grade"].partition(":")
    assert getattr(importlib.import_module(module), function) is main


def test_what_is_hidden_is_left_out_of_what_is_readable(tmp_path):
    for name in ("lib/a", "lib/secret/b", "lib/c/d", "other"):
        (tmp_path / name).mkdir(parents=True)
    root = tmp_path.resolve()
    whole, listed = _jail.around([str(root)], [str(root / "lib/secret")])
    assert sorted(whole) == [str(root / name) for name in ("lib/a", "lib/c", "other")]
    assert sorted(listed) == [str(root), str(root / "lib")]


def test_results_for_gradescope(tmp_path):
    numbers = {p.name: parameters_of(p, "spring") for p in mini.PROBLEMS}
    source = f"def scaled(x):\n    return {numbers['scaled']['a']} * x**2"
    power = f"power = 2 ** {numbers['power']['exponent']}"
    submission = tmp_path / "submission"
    submission.mkdir()
    (submission / "work.ipynb").write_text(hostile.notebook([source, power]))
    key = tmp_path / "key"
    key.write_text("another key of the tests")
    out = tmp_path / "results.json"
    assert command(submission, "--key", key, "--forget-key", "--gradescope", out) == 0
    assert not key.exists()
    report = json.loads(out.read_text())
    assert report["score"] == 2
    assert [(t["score"], t["max_score"]) for t in report["tests"]] == [(0, 4), (0, 2), (2, 2)]
    assert report["tests"][2]["output"] == "right."
    assert report["stdout_visibility"] == "hidden"


def test_gradescope_wants_one_notebook(tmp_path):
    key = tmp_path / "key"
    key.write_text("another key of the tests")
    assert command(tmp_path, "--key", key, "--gradescope", tmp_path / "r.json") == 0
    assert "Got 0 notebooks" in json.loads((tmp_path / "r.json").read_text())["output"]


def test_the_package_for_gradescope(tmp_path):
    key = tmp_path / "key"
    key.write_text("another key of the tests\n")
    target = tmp_path / "autograder.zip"
    assert command(tmp_path, "--key", key, "--package", target) == 0
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        assert archive.read("key") == b"another key of the tests\n"
        assert b"--set 0 --cohort 'spring' --key key --forget-key" in archive.read("run_autograder")
        assert archive.getinfo("setup.sh").external_attr >> 16 == 0o755
    assert {"resode_grader/_child.py", "resode_lib/stacks.py", "resode_course/notebook.py"} <= set(
        names
    )
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
    assert target.stat().st_mode & 0o077 == 0


def test_packages_that_a_class_may_use_are_in_the_package_for_gradescope(tmp_path):
    (tmp_path / "key").write_text("another key of the tests\n")
    target = tmp_path / "autograder.zip"
    options = ("--key", tmp_path / "key", "--package", target, "--also", "sklearn")
    assert command(tmp_path, *options) == 0
    with zipfile.ZipFile(target) as archive:
        assert "scikit-learn" in archive.read("requirements.txt").decode().split()
        run = archive.read("run_autograder").decode()
    assert "--forget-key --also sklearn \\\n" in run
    assert run.index("chmod -R go-rwx /autograder/results") < run.index("resode_grader /autograder")


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux counts memory")
def test_memory_that_processes_share_is_counted_once():
    """Twenty idle children of a process with 50 MB take little more than 50 MB."""
    program = (
        "import os, time\nkept = b'x' * 50_000_000\n"
        "all(os.fork() for _ in range(20))\nprint('.', end='', flush=True)\ntime.sleep(60)"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        tree = _processes.Tree(process.pid)
        assert len(process.stdout.read(21)) == 21
        processes, memory = tree.usage()
        tree.kill()
    assert processes == 21
    assert 50e6 < memory < 150e6
