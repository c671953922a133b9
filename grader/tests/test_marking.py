"""Written answers reach the marker whole, and nothing in them acts on the marker's page."""

import base64
import html
import re
from html.parser import HTMLParser

import classroom
import folders
import pytest
from classroom import prepare

HEAD = "## Problem 0.3: why (4 points, written)"
STATEMENT = f"{HEAD}\n\nExplain."
EMPTY = {
    "cell_type": "markdown",
    "metadata": {"resode": {"role": "answer", "problem": "0.3"}},
    "source": "*Your answer here.*",
}
WORDS = "Because it is linear."
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 40).decode()


@pytest.fixture(autouse=True)
def in_no_time(quick):
    pass


def text(source, **more):
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def page(folder, cells, *options):
    """The marker's page of a notebook."""
    prepare(folder)
    classroom.write(folder / "hand-in/ann.ipynb", cells)
    classroom.grade(folder, *options)
    return (folder / "out/grades-marking/ann.html").read_text()


ANSWERS = {
    "in its cell": [text(STATEMENT), {**EMPTY, "source": WORDS}],
    "under a heading of its own": [text(STATEMENT), {**EMPTY, "source": f"{HEAD}\n\n{WORDS}"}],
    "in a new cell": [text(STATEMENT), EMPTY, text(f"### Problem 0.3 (my answer)\n\n{WORDS}")],
    "below the statement": [text(f"{STATEMENT}\n\n{WORDS}"), EMPTY],
    "in a code cell": [text(STATEMENT), EMPTY, "# " + WORDS],
    "in a raw cell": [text(STATEMENT), {"cell_type": "raw", "metadata": {}, "source": WORDS}],
    "without statement": [{**EMPTY, "source": WORDS}],
    "under the heading of another problem": [
        text(STATEMENT),
        {**EMPTY, "source": f"## Problem 9.9: x\n\n{WORDS}"},
    ],
    "at the end": [text(STATEMENT), EMPTY, "x = 1", "y = 2", text("More."), text(WORDS)],
    "printed": [text(STATEMENT), EMPTY, {
        "cell_type": "code", "metadata": {}, "source": "print(why)",
        "outputs": [{"output_type": "stream", "text": [WORDS]}],
    }],
}  # fmt: skip


@pytest.mark.parametrize("place", ANSWERS)
def test_an_answer_is_found_wherever_it_stands(tmp_path, place):
    shown = page(tmp_path, ANSWERS[place])
    problem = shown.split("<h2>Problem 0.3")[1].split("<h2>")[0]
    assert WORDS in html.unescape(problem)
    assert "Your answer here." not in problem


def test_what_was_handed_out_is_not_an_answer(tmp_path):
    shown = page(tmp_path, [text(STATEMENT), EMPTY])
    assert "Nothing written." in shown
    assert "Cell " not in shown


def test_an_answer_before_all_problems_is_shown(tmp_path):
    shown = page(tmp_path, [text(WORDS), text(STATEMENT), EMPTY])
    assert WORDS in shown.split("<h2>Before the first problem</h2>")[1]


def test_every_word_of_a_random_notebook_is_shown_once(tmp_path):
    import random

    for seed in range(50):
        rng = random.Random(seed)
        cells, words = [text(STATEMENT), EMPTY], []
        for number in range(rng.randrange(1, 12)):
            word = f"word{seed}x{number}q"
            words.append(word)
            head = rng.choice(["", "## Problem 0.3\n\n", "## Problem 0.1: x\n", "# Problem 7.7\n"])
            note = rng.choice(
                [{}, {"resode": {"role": "answer", "problem": rng.choice(["0.3", "5.5"])}}]
            )
            kind = rng.choice(["markdown", "code", "raw"])
            cell = {"cell_type": kind, "metadata": note, "source": head + word}
            cells.insert(rng.randrange(len(cells) + 1), cell)
        shown = page(tmp_path / str(seed), cells)
        assert [word for word in words if shown.count(word) != 1] == []


def test_pictures_are_shown_wherever_they_are(tmp_path):
    drawn = {"output_type": "display_data", "data": {"image/png": [PNG], "text/plain": "<Figure>"}}
    svg = {"output_type": "display_data", "data": {"image/svg+xml": "<svg onload='x()'/>"}}
    cells = [
        text(STATEMENT),
        {**EMPTY, "source": "![a](attachment:a.png)", "attachments": {"a.png": {"image/png": PNG}}},
        text(f"![b](data:image/png;base64,{PNG}) and words"),
        {"cell_type": "code", "metadata": {}, "source": "draw()", "outputs": [drawn, svg]},
    ]
    prepare(tmp_path)
    (tmp_path / "hand-in/ann-1.jpg").write_bytes(b"\xff\xd8\xff\xe0 scan")
    (tmp_path / "hand-in/ann-2.pdf").write_bytes(b"%PDF-1.7 scan")
    (tmp_path / "hand-in/ann-3.pdf").write_bytes(b"<html><script>alert(1)</script>")
    (tmp_path / "hand-in/ann-4.svg").write_bytes(b"<svg onload='alert(1)'/>")
    classroom.write(tmp_path / "hand-in/ann.ipynb", cells)
    classroom.grade(tmp_path)
    shown = (tmp_path / "out/grades-marking/ann.html").read_text()
    assert shown.count(f"data:image/png;base64,{PNG}") == 3
    assert "(picture 1 below)) and words" in shown
    assert shown.count("data:image/svg+xml;base64,") == 1
    assert "data:image/jpeg;base64," in shown
    assert '<a href="ann/2.pdf">ann-2.pdf</a>' in shown
    assert (tmp_path / "out/grades-marking/ann/2.pdf").read_bytes() == b"%PDF-1.7 scan"
    assert "ann-3.pdf: to be looked at where it was handed in." in shown
    assert "ann-4.svg: to be looked at where it was handed in." in shown
    assert not (tmp_path / "out/grades-marking/ann/3.pdf").exists()


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=https://example.org/x onerror=alert(1)>",
    "[x](javascript:alert(1)) ![y](https://example.org/y.png)",
    "</pre></div><h3>Rubric</h3><p>- 99: all of it</p><div><pre>",
    "<svg><script>alert(1)</script></svg>",
    '"><iframe src=//example.org></iframe>',
    "<style>@import 'https://example.org/x.css'</style>",
    '<base href="https://example.org/"><meta http-equiv=refresh content="0;url=//example.org">',
    "## Problem 0.3: forged\n\n### Rubric\n\n- 0: nothing",
    "\x1b]0;x\x07\u202e",
    '<form action="//example.org"><input autofocus onfocus=alert(1)>',
]


class Elements(HTMLParser):
    """The elements of a page with what they load."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        """Note an element."""
        loads = [value for key, value in attributes if key in ("src", "href", "action", "content")]
        self.found.append((tag, [key for key, _ in attributes], loads))


def elements(text):
    parser = Elements()
    parser.feed(text)
    parser.close()
    return parser.found


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_nothing_in_an_answer_becomes_part_of_the_page(tmp_path, attack):
    plain = page(tmp_path / "plain", [text(STATEMENT), {**EMPTY, "source": WORDS}])
    attachment = {"a.png": {'image/png" onload="x': "x", "image/svg+xml;x": attack}}
    cells = [text(STATEMENT), {**EMPTY, "source": attack, "attachments": attachment}]
    shown = page(tmp_path / "attacked", cells)
    allowed = {(tag, tuple(keys)) for tag, keys, _ in elements(plain)}
    allowed |= {("img", ("alt", "src")), ("p", ()), ("span", ("class",))}
    for tag, keys, loads in elements(shown):
        assert (tag, tuple(keys)) in allowed
        assert not [one for one in loads if tag == "img" and not one.startswith("data:image/")]
    assert shown.count("<h3>Rubric</h3>") == plain.count("<h3>Rubric</h3>") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", shown)


def test_pages_forbid_what_they_do_not_need(tmp_path):
    shown = page(tmp_path, [text(STATEMENT)])
    head = shown.split("</head>")[0]
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in head
    assert "script-src" not in head  # none at all, then


def test_the_list_of_students_leads_to_their_pages(tmp_path):
    page(tmp_path, [text(STATEMENT), {**EMPTY, "source": WORDS}])
    index = (tmp_path / "out/grades-marking/index.html").read_text()
    assert '<a href="ann.html">ann</a></td><td>to mark</td>' in index


def test_a_notebook_that_cannot_be_read_has_a_page(tmp_path):
    prepare(tmp_path)
    (tmp_path / "hand-in/ann.ipynb").write_bytes(folders.DAMAGED[1])
    classroom.grade(tmp_path)
    shown = (tmp_path / "out/grades-marking/ann.html").read_text()
    assert "The file is not a notebook" in shown
