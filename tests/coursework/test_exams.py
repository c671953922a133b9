"""The exam questions: three for each chapter, marks that add up, right numbers, seen nowhere."""

import ast
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from assignments import edition, problems_of, read_source, write_exams
from labels import read_book

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "coursework/exams.md").read_text(encoding="utf-8")
QUESTION = re.compile(
    r"^### (?P<kind>\w+) \((?P<points>\d+) points, (?P<minutes>\d+) minutes\)\n\n"
    r"\*\*Question\.\*\* (?P<question>.+?)\n\n\*\*Answer\.\*\* (?P<answer>.+?)\n\n"
    r"\*\*To vary\.\*\* (?P<vary>[^\n]+)\n",
    re.M | re.S,
)


def chapters():
    """The titles of the numbered chapters, in the order of the table of contents."""
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    names = [page["file"] for part in parts if part.get("numbered") for page in part["chapters"]]
    sources = [(ROOT / f"{name}.md").read_text(encoding="utf-8") for name in names]
    return [re.search(r"^# (.+)$", text, re.M)[1] for text in sources]


def bank():
    """The questions of each chapter, as found by `QUESTION`."""
    parts = re.split(r"^## (.+)$", TEXT, flags=re.M)
    return {
        title: [m.groupdict() for m in QUESTION.finditer(text)]
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_chapter_has_one_question_of_each_kind():
    assert list(bank()) == chapters()
    for title, questions in bank().items():
        kinds = [question["kind"] for question in questions]
        assert kinds in (["Explain", "Compute", "Judge"], ["Explain", "Prove", "Judge"]), title
    assert TEXT.count("### ") == sum(map(len, bank().values())) >= 3 * 18


def test_marks_add_up_and_a_point_is_two_minutes():
    for title, questions in bank().items():
        for question in questions:
            marks = [int(n) for n in re.findall(r"\*\*\[(\d+)\]\*\*", question["answer"])]
            where = title, question["kind"]
            assert sum(marks) == int(question["points"]), where
            assert int(question["minutes"]) == 2 * int(question["points"]), where


def test_code_in_questions_is_python():
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
    assert len(blocks) >= 5
    for block in blocks:
        ast.parse(block)


def test_no_page_and_no_edition_shows_a_question():
    ours = {line.strip() for line in TEXT.split("\n") if len(line) > 40}
    shown = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").rglob("*.md"))
    book = read_book(ROOT)
    for path in sorted((ROOT / "coursework").glob("set*.md")):
        source = read_source(path, problems_of(path), book)
        for kind in ("student", "solution"):
            shown += "\n".join(cell.source for cell in edition(source, kind, "book").cells)
    assert not ours & {line.strip() for line in shown.split("\n")}
    assert "exams" not in (ROOT / "_toc.yml").read_text()


def test_instructors_get_them_as_a_notebook(tmp_path):
    path = write_exams(ROOT / "coursework/exams.md", tmp_path)
    assert path == tmp_path / "instructor/exams.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "\n\n".join(cell.source for cell in notebook.cells) == TEXT.rstrip("\n")
    assert sum(cell.source.startswith("### ") for cell in notebook.cells) == 3 * len(bank())
    first = path.read_bytes()
    assert write_exams(ROOT / "coursework/exams.md", tmp_path).read_bytes() == first


def freezing(L, rate):  # the first question to compute: h_L after one step
    v, h = 4 * rate / L * np.tanh(1), 1.0
    for _ in range(L):
        h += v * np.tanh(h) / L
    return h


def waves(L):  # the largest error over all layers of h' = cos(32 pi s)
    states = np.cumsum(np.cos(32 * np.pi * np.arange(L) / L)) / L
    return abs(states - np.sin(32 * np.pi * np.arange(1, L + 1) / L) / (32 * np.pi)).max()


def cosine_path(s):
    return np.array([[np.cos(3 * s), 2 * s], [np.exp(-s), np.sin(2 * s)]])


def runge_kutta(L, *places):  # RK4 with the slices at these places of a cell
    h = np.ones(2)
    for k in range(L):
        a, b, c = (cosine_path((k + place) / L) for place in places)
        k1 = np.tanh(a @ h)
        k2 = np.tanh(b @ (h + k1 / 2 / L))
        k3 = np.tanh(b @ (h + k2 / 2 / L))
        h = h + (k1 + 2 * k2 + 2 * k3 + np.tanh(c @ (h + k3 / L))) / 6 / L
    return h


def euler(L):
    h = np.ones(2)
    for k in range(L):
        h = h + np.tanh(cosine_path(k / L) @ h) / L
    return h


def alternating(a, b, L=10**5):
    return L * (((1 + a / L) * (1 + b / L)) ** (L / 2) - np.exp((a + b) / 2))


def end_of(u, v, target):  # where the flow of (u v - target)^2 ends
    difference = u**2 - v**2
    square = (difference + np.hypot(difference, 2 * target)) / 2
    return np.sqrt(square), target / np.sqrt(square)


def largest_rate(L, target=2.0):  # 2 / beta in the norm of depth, by second differences
    def loss(move):  # along the direction of norm one in which the loss bends most
        theta = L * (target ** (1 / L) - 1) + move
        return ((1 + theta / L) ** L - target) ** 2

    return 2 / ((loss(1e-4) - 2 * loss(0.0) + loss(-1e-4)) / 1e-8)


def one_ahead(L, steps=4000):  # the first weight at t = 1/4 for f = theta^4 h, by midpoint steps
    weight, step = 1.0, 0.25 / steps
    for _ in range(steps):
        middle = weight + step / 2 * 8 * (1 - weight**4 / L) * weight**3
        weight += step * 8 * (1 - middle**4 / L) * middle**3
    return weight


def parting():  # the leading term of L (theta_{k+1} - theta_k) / t^2 for the shear, by training
    L, steps, t = 20, 400, 1e-3
    theta, B = np.zeros((L, 2, 2)), np.array([[1.0, 2.0], [0.0, 1.0]])
    for _ in range(steps):
        layers, before = np.eye(2) + theta / L, [np.eye(2)]
        for layer in layers:
            before.append(layer @ before[-1])
        behind, gradient = 2 * (before[-1] - B), np.empty_like(theta)
        for k in reversed(range(L)):
            gradient[k], behind = behind @ before[k].T, layers[k].T @ behind
        theta = theta - t / steps * gradient
    return L * (theta[11] - theta[10])[0, 0] / t**2


def stalled(time, L=64):  # the loss of the reflection
    u, spent, step = 1.0, 0.0, 1e-3
    while spent < time:
        move = -2 * u ** (2 - 2 / L) * (u + 1)
        middle = u + step / 2 * move
        u, spent = u - step * 2 * middle ** (2 - 2 / L) * (middle + 1), spent + step
    return (1 + u) ** 2


def shifted_index(L):  # the relative error of the backward pass with two lines exchanged
    A, B = np.array([[0.0, 1.0], [-0.5, 0.8]]), np.array([[0.3, 0.4], [1.0, -0.2]])
    thetas, states = [A + k / L * B for k in range(L)], [np.array([1.0, 0.5])]
    for theta in thetas:
        states.append(states[-1] + theta @ states[-1] / L)
    p, right, wrong = states[-1], [], []
    for theta, h in zip(thetas[::-1], states[-2::-1], strict=True):
        right.append(np.outer(p, h))
        p = p + theta.T @ p / L
        wrong.append(np.outer(p, h))
    return np.linalg.norm(np.subtract(wrong, right)) / np.linalg.norm(right)


def natural(L=1000, tau=1.0):  # the minimiser of the question on limits
    D = np.diff(np.eye(L), axis=0)
    A = L * D.T @ D + np.eye(L) / L
    A[0, 0] += tau
    return np.linalg.solve(A, np.ones(L) / L)


def kernel_error(m, L=8):
    return np.exp(1 / 3) - (1 + (1 / 3 - 1 / (12 * m**2)) / L) ** L


def fine():
    return runge_kutta(3000, 0, 0.5, 1)


RADII = np.sort(np.roots([1, -np.sqrt(3.25), 0.5]))
LOST = 0.9**-400 * 2.0**-53
NUMBERS = {  # chapter: what the text shows, and the number computed in another way
    "A network": [("1.653", lambda: freezing(10**5, 0.25 * 10**5))],
    "JAX": [
        ("3.8\\cdot10^{-6}", lambda: (2.0**-54) ** (1 / 3)),
        ("4.4\\cdot10^{-11}", lambda: 3 * 2.0**-36),
        ("2.1\\cdot10^{-8}", lambda: 2 * 2.0**-26.5),
        ("3.1\\cdot10^{-3}", lambda: (2.0**-25) ** (1 / 3)),
        ("2.9\\cdot10^{-5}", lambda: 3 * (2.0**-25) ** (2 / 3)),
    ],
    "Residual": [
        ("0.184", lambda: 10**6 * (np.exp(-1) - (1 - 1e-6) ** 10**6)),
        ("4.67", lambda: (np.e - 1) * np.e),
        ("\\frac1{32}", lambda: waves(32), 1 / 32),
    ],
    "Integrators": [
        ("0.0052", lambda: np.linalg.norm(runge_kutta(12, 0, 0, 0) - fine())),
        ("0.0025", lambda: np.linalg.norm(runge_kutta(24, 0, 0, 0) - fine())),
        ("0.0036", lambda: np.linalg.norm(euler(48) - fine())),
        ("0.0148", lambda: np.linalg.norm(euler(12) - fine())),
        ("7.6\\cdot10^{-5}", lambda: np.linalg.norm(runge_kutta(24, 0.5, 0.5, 0.5) - fine())),
        ("7.2\\cdot10^{-8}", lambda: np.linalg.norm(runge_kutta(24, 0, 0.5, 1) - fine())),
    ],
    "Which": [
        ("-2.061", lambda: alternating(2, -1)),
        ("-0.206", lambda: alternating(0.5, 0.5)),
    ],
    "The factor": [
        ("0.297", lambda: largest_rate(8)),
        ("\\frac14", lambda: largest_rate(4096), 0.25),
        ("16.35", lambda: 64 * largest_rate(64)),
    ],
    "Gradient": [
        ("2.00", lambda: one_ahead(16)),
        ("4.00", lambda: one_ahead(256)),
        ("8.00", lambda: one_ahead(4096)),
        ("0.250", lambda: (one_ahead(16) - 1) / 4),
        ("0.188", lambda: (one_ahead(256) - 1) / 16),
        ("0.109", lambda: (one_ahead(4096) - 1) / 64),
        ("0.854", lambda: end_of(0.3, 2.2, 2)[0]),
        ("2.682", lambda: 2 * (end_of(0.3, 2.2, 2)[1] - 1)),
        ("6.21", lambda: np.sum(np.square(end_of(0.3, 2.2, 2)))),
        ("0.322", lambda: 2 / np.sum(np.square(end_of(0.3, 2.2, 2)))),
    ],
    "Linear": [
        ("8t^2", parting, 8),
        ("1.081", lambda: stalled(10)),
        ("1.0085", lambda: stalled(100)),
    ],
    "The Polyak": [
        ("0.342", lambda: RADII[0]),
        ("1.460", lambda: RADII[1]),
        ("8.53", lambda: 4 * (np.sqrt(3.25) - RADII[0]) ** 2),
        ("1.343", lambda: end_of(1.5, 1, 1)[0]),
        ("0.744", lambda: end_of(1.5, 1, 1)[1]),
        ("0.300", lambda: np.hypot(*np.subtract(end_of(1.5, 1, 1), (1.5, 1)))),
        ("3.00", lambda: -np.log(0.05)),
    ],
    "The double": [("0.240", lambda: 10**5 * (10**5 * (2**1e-5 - 1) - np.log(2)))],
    "Adjoints": [
        ("0.165", lambda: shifted_index(8)),
        ("0.041", lambda: shifted_index(32)),
        ("0.010", lambda: shifted_index(128)),
    ],
    "Training": [
        ("0.740", lambda: (0.9 * 1.1) ** 30),
        ("0.970", lambda: (0.9 * (1 + 0.1 * 1.1)) ** 30),
        ("0.997", lambda: (0.9 * (1 + 0.1 * (1 + 0.1 * 1.1))) ** 30),
        ("1.00075", lambda: (0.905 * 1.105) ** 30),
        ("1.4\\cdot10^9", lambda: 0.9**-200),
        ("2.0\\cdot10^{18}", lambda: 0.9**-400),
        ("\\approx 5", lambda: LOST / 400 / (1 / 0.9 - 1), 5),
    ],
    "Limits": [("0.432", lambda: natural()[0]), ("0.632", lambda: natural()[-1])],
    "Long": [
        ("2.303", lambda: np.log(1e4) / 4),
        ("3.256", lambda: np.log(1e4) * np.sqrt(0.5) / 2),
        ("5.9\\cdot10^{-4}", lambda: (0.25 / 10.25) ** 2),
        ("0.587", lambda: (1 - 0.24 * 10 / 10.25) ** 2),
    ],
    "Networks": [
        ("0.0163", lambda: kernel_error(4)),
        ("0.0111", lambda: kernel_error(8)),
        ("0.0095", lambda: kernel_error(32)),
        ("0.0094", lambda: kernel_error(10**4)),
        ("0.0017", lambda: kernel_error(8) - kernel_error(10**4)),
    ],
}


def read(shown):
    """A number as the text shows it, and half of its last digit."""
    digits = re.match(r"-?\d+\.?\d*", shown)[0]
    power = re.search(r"10\^\{?(-?\d+)", shown)
    scale = 10.0 ** int(power[1]) if power else 1.0
    return float(digits) * scale, 0.52 * 10 ** -len(digits.partition(".")[2]) * scale


@pytest.mark.parametrize("start", NUMBERS)
def test_numbers_in_answers_are_right(start):
    (title,) = (title for title in bank() if title.startswith(start))
    text = "\n".join(q["question"] + q["answer"] for q in bank()[title])
    for shown, compute, *value in NUMBERS[start]:
        assert shown in text, shown
        expected, half = (value[0], 0.01 * value[0]) if value else read(shown)
        assert compute() == pytest.approx(expected, abs=half), shown


def test_a_wrong_number_would_be_seen():
    expected, half = read("0.322")
    assert 2 / np.sum(np.square(end_of(0.3, 2.2, 2))) == pytest.approx(expected, abs=half)
    assert 1 / np.sum(np.square(end_of(0.3, 2.2, 2))) != pytest.approx(expected, abs=half)
