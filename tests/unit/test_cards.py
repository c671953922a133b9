"""A claim's card: what it draws, what it says, and what it escapes."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from resode_course.cards import Picture
from resode_course.claims._template import Template
from resode_course.tables import Cell, Table


@pytest.fixture(scope="module")
def card():
    """The card as a page of the book has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESODE_STATIC", "1")
        return Template().card()


def drawings(html):
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html)]


class Balanced(HTMLParser):
    """Whether every element is closed where it must be."""

    VOID = ("input", "br")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        """Note an element that is opened."""
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """The element that is closed is the one that was opened last."""
        assert self.open.pop() == tag


def test_the_card_is_text_in_a_terminal_and_whole_html_in_a_browser(card):
    assert repr(card).splitlines()[0] == "thm-the-label-in-the-book, all hypotheses hold: HOLDS"
    assert "half of the rate: FAILS, as it must" in repr(card)
    parser = Balanced()
    parser.feed(card._repr_html_())
    assert not parser.open


def test_with_a_kernel_a_slider_measures_with_another_seed(monkeypatch):
    monkeypatch.delenv("RESODE_STATIC", raising=False)
    live = Template().card()
    assert repr(live).startswith("thm-the-label-in-the-book, all hypotheses hold: HOLDS")
    shown, slider = live.controls().children
    assert "seed 0" in shown.value
    before, slider.value = shown.value, 7
    assert "seed 7" in shown.value
    assert shown.value != before
    assert not slider.disabled
    view = "application/vnd.jupyter.widget-view+json"
    assert set(live._repr_mimebundle_()) == {"text/plain", view}


def test_every_setting_has_a_switch_a_picture_and_a_table(card):
    html = card._repr_html_()
    assert html.count('type="radio"') == html.count("<table>") == 2
    assert html.count(" checked") == 1
    assert html.count('role="img"') == 2
    assert "<b>Changed:</b> the exponent 1 → 1/2" in html
    assert "✗ must fail, and does" in html


def test_the_card_shows_the_code_that_measured(card):
    assert "Judge; one-sided where the theorem is." in card._repr_html_()
    assert "resode_course/claims/_template.py" in card._repr_html_()


def test_a_guarantee_lies_above_what_was_measured_where_it_holds():
    picture = Picture((10, 100), {"error": (0.1, 0.01)}, {"bound": (0.2, 0.02)})
    (drawing, *_) = drawings(picture.svg())
    heights = {
        line.get("class"): [float(pair.split(",")[1]) for pair in line.get("points").split()]
        for line in drawing.iter("polyline")
    }
    assert all(np.array(heights["guaranteed"]) < heights["measured"]), "SVG counts from the top"


@pytest.mark.parametrize("log", ["xy", "x", "y", ""])
def test_what_cannot_be_drawn_is_left_out(log):
    picture = Picture((1, 2, 4), {"error": (np.inf, 0.0, 1.0)}, log=log)
    assert "nan" not in picture.svg()
    assert "inf" not in re.sub(r'aria-label="[^"]*"', "", picture.svg())


def test_what_grows_beyond_all_measure_leaves_the_frame():
    svg = Picture((1, 2, 4), {"error": (1.0, 2.0, 1e300)}).svg()
    assert ">1<" in svg
    assert ">2<" in svg


def test_a_constant_is_drawn():
    (drawing, *_) = drawings(Picture((1, 2, 4), {"error": (3.0, 3.0, 3.0)}).svg())
    (line,) = drawing.iter("polyline")
    assert len(line.get("points").split()) == 3


def test_the_picture_is_said_in_words():
    said = Picture((1, 2), {"a < b": (1.0, 0.5)}, ylabel="size").said()
    assert said == "size against depth L from 1 to 2: measured a < b from 1 to 0.5."


def test_text_is_escaped():
    assert "<b>" not in Picture((1, 2), {"<b>": (1.0, 2.0)}).svg()
    assert "<script>alert" not in Table(("a",), [("<script>alert(1)</script>",)])._repr_html_()


def test_a_table_refuses_a_row_of_another_length():
    with pytest.raises(ValueError, match="got a row of 1 cells under 2 headings"):
        Table(("a", "b"), [("x",)])


def test_a_table_sorts_numbers_by_their_size():
    html = Table(("n",), [(Cell("ten", order=10, good=True),)])._repr_html_()
    assert '<td data-order="10"><span class="ok">✓ ten</span></td>' in html
