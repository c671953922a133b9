"""The oral kit: three questions with answers a problem, seen by instructors only, right numbers."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from assignments import edition, problems_of, read_source
from labels import read_book
from resode_grader.sets import PROBLEMS, parameters_of

ROOT = Path(__file__).parents[2]
SETS = [ROOT / f"coursework/set{n}.md" for n in range(1, 6)]
BEGIN = "\n\n**Oral.**\n\n"


@pytest.fixture(scope="module")
def book():
    return read_book(ROOT)


def kit():
    """The oral questions and answers, by the label of the problem."""
    found = {}
    for path in SETS:
        text = path.read_text(encoding="utf-8")
        starts = [*(m.start() for m in re.finditer(r"^## Problem ", text, re.M)), len(text)]
        for a, b in pairwise(starts):
            label = re.match(r"## Problem ([\d.]+)", text[a:b])[1]
            notes = re.search(r":::\{misconceptions\}\n(.*?)\n:::", text[a:b], re.S)[1]
            found[label] = notes.partition(BEGIN)[2].split("\n")
    return found


def test_every_problem_has_three_questions_with_answers(book):
    questions = kit()
    sources = (read_source(path, problems_of(path), book) for path in SETS)
    assert list(questions) == [label for source in sources for label in source.tasks]
    for label, lines in questions.items():
        assert len(lines) == 3, label
        for n, line in enumerate(lines, 1):
            assert re.fullmatch(rf"{n}\. \*[^*]+\?( [^*]+)?\* .+[.)]", line), (label, line)


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_only_instructors_see_them(path, book):
    source = read_source(path, problems_of(path), book)
    for kind, seen in (("student", 0), ("solution", 0), ("instructor", len(source.tasks))):
        text = "\n".join(cell.source for cell in edition(source, kind, "spring").cells)
        assert text.count("**Oral.**") == seen


def no_slot(p):
    return 2 * p["costs"][0] + p["costs"][1]


def smallest_eigenvalue(p):
    return np.linalg.eigvalsh(np.array(p["covariance"]))[0]


# What the answers give as examples in brackets: the numbers of the class `book`.
EXAMPLES = {
    "1.1": ("$0.9177$", lambda p: 1 - p["mu"] / 10 + p["mu"] ** 2 / 200),
    "1.2": ("$-0.18$", lambda p: -(p["mu"] ** 2) / 2),
    "1.3": ("$0.017$", lambda p: (p["epsilon"] / (1 + p["epsilon"])) ** (1 - p["q"] / 2)),
    "1.4": ("$4.34$", lambda p: np.exp(p["v"] ** 2 * (1 + p["a"] ** 2) / 2)),
    "1.5": ("$0.0121$", lambda p: (1 - p["Lambda"] / 2) ** 2),
    "1.8": ("$14$", lambda p: 7 * (p["times"] - 1)),
    "2.1": ("$1.123$", lambda p: 10 * p["delta"] / np.hypot(p["delta"], 10)),
    "2.2": ("$0.0828$", lambda p: (p["slope"] * p["target"]) ** -2),
    "2.4": ("$2c^2\\sigma_2^2 = 1.070$", lambda p: 2 * (p["weight"] * p["covariance"][1]) ** 2),
    "2.5": ("$1.68$", lambda p: 2 ** (1 - p["exponent"])),
    "2.8": ("$\\frac\\mu{1-\\mu} = 2.85$", lambda p: p["momentum"] / (1 - p["momentum"])),
    "3.1": ("$6.22$", lambda p: 2 + 2 * p["wave"]),
    "3.2": ("$\\|b\\|^2 = 3.261$", lambda p: np.sum(np.square(p["readout"]))),
    "3.3": ("$0.120$", lambda p: p["input"] / (3 * np.e)),
    "3.5": ("$0.787$", lambda p: 1 - np.exp(-p["time"] / 2)),
    "3.8": ("$295$", lambda p: np.log(10) / 0.02 / p["rate"]),
    "4.1": ("$3.20$", lambda p: 4 * smallest_eigenvalue(p)),
    "4.2": ("$1.514$", lambda p: p["depth"] * (4 ** (1 / p["depth"]) - 1)),
    "4.3": ("$-0.136$", lambda p: 1 - 1 / (2 * p["alpha"])),
    "4.4": ("$16$", no_slot),
    "4.5": ("$-1.32", lambda p: -4 * (1 - p["beta"])),
    "4.8": ("$0.5$", lambda p: 2.0 ** (-1 - p["corrections"])),
    "5.1": ("$0.855$", lambda p: 1 / (1 + p["price"] * p["drift"] ** 2)),
    "5.2": ("$-0.4$", lambda p: -p["end"] / (p["price"] + 2 * p["end"])),
    "5.3": ("$0.308$", lambda p: p["penalty"] / (p["penalty"] + 1 / p["tau"] + 1 / 3)),
    "5.4": ("$0.291$", lambda p: p["penalty"] / (1 / p["tau"] + 1 / 3)),
    "5.5": ("$0.339$", lambda p: (p["up"] + p["down"]) ** 2 * 2 / 27),
    "5.8": ("$36$", lambda p: round(5 / p["step"])),
}


@pytest.mark.parametrize("label", EXAMPLES)
def test_the_numbers_of_the_class_book_are_right(label):
    shown, formula = EXAMPLES[label]
    assert shown in "\n".join(kit()[label])
    digits = re.findall(r"-?\d+(?:\.\d+)?", shown)[-1]
    places = len(digits.partition(".")[2])
    assert formula(parameters_of(PROBLEMS[label], "book")) == pytest.approx(
        float(digits), abs=0.51 * 10**-places
    )


def test_a_wrong_number_would_be_seen():
    shown, formula = EXAMPLES["1.1"]
    p = parameters_of(PROBLEMS["1.1"], "book")
    assert formula({**p, "mu": p["mu"] + 0.01}) != pytest.approx(0.9177, abs=0.51e-4)
