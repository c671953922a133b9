"""The problems that end in a picture: their model answers draw it, and print what they say."""

import contextlib
import io
import re
import sys
import types
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from assignments import edition, problems_of, read_source
from IPython.core.inputtransformer2 import TransformerManager
from labels import read_book

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.M | re.S)
PICTURES = ["1.9", "2.9", "3.9", "4.9", "5.9"]


def run(code, names):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    return printed.getvalue()


def position(cells, label):
    """Where a problem begins."""
    return next(n for n, cell in enumerate(cells) if f"## Problem {label}:" in cell.source)


@pytest.fixture(params=PICTURES)
def solved(request, monkeypatch):
    """The model answer of a picture, and the names of a notebook that has solved its program."""
    number, _, _ = request.param.partition(".")
    path = ROOT / f"coursework/set{number}.md"
    source = read_source(path, problems_of(path), read_book(ROOT))
    cells = edition(source, "solution", "book").cells
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    setup = cells[: position(cells, f"{number}.1")]
    trained = cells[position(cells, f"{number}.8") :]
    for cell in [*setup, *trained]:
        if cell.cell_type == "code":
            run(TransformerManager().transform_cell(cell.source), module.__dict__)
    plt.close("all")
    yield cells[position(cells, request.param) :][-1].source, module.__dict__
    plt.close("all")


def test_a_model_answer_draws_and_prints_what_it_says(solved):
    text, names = solved
    blocks = {found["kind"]: found["body"] for found in BLOCK.finditer(text)}
    assert run(blocks["python"], names) == blocks["text"]
    assert plt.gcf().axes
    for axes in plt.gcf().axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
