"""Every claim has a control and belongs to a statement of the book.

That it holds, and fails without each hypothesis, is tested in one file per part of the book.
"""

import re
from pathlib import Path

import jax
import pytest

from resode_course import claims
from resode_course.claims import CHAPTERS, Check, Claim, Verdict

BOOK = Path(__file__).parents[2] / "book"
STATEMENT = re.compile(
    r"^`{3,}\{prf:(theorem|proposition|corollary|lemma|observation)\}[^\n]*\n:label: (\S+)", re.M
)
UNCHECKED = re.compile(r"^% no claim for (\S+): \S+", re.M)


@pytest.mark.parametrize("label", claims.CLAIMS)
def test_the_claim_has_a_control(label):
    assert claims.get(label).dropped


def page(chapter):
    """The text of a chapter, or None while it is not written."""
    path = BOOK / f"{chapter}.md"
    return path.read_text("utf8") if path.exists() else None


def test_every_chapter_of_the_book_may_state_claims():
    chapters = {
        str(path.relative_to(BOOK).with_suffix(""))
        for path in BOOK.glob("*/*.md")
        if path.parent.name not in ("back", "instructors")
    }
    assert chapters <= set(CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_statements_and_claims_match(chapter):
    text = page(chapter) or ""
    stated = {label for _, label in STATEMENT.findall(text)} - set(UNCHECKED.findall(text))
    claimed = {label for label, claim in claims.CLAIMS.items() if claim.chapter == chapter}
    if text:
        assert stated == claimed, "a statement without a claim, or the reverse"


def test_every_claim_is_shown_where_it_is_taught():
    pages = {label: page(claim.chapter) for label, claim in claims.CLAIMS.items()}
    missing = [
        label for label, text in pages.items() if text and f'claims.get("{label}")' not in text
    ]
    assert not missing


def test_claims_come_in_the_order_of_the_book():
    places = [CHAPTERS.index(claim.chapter) for claim in claims.CLAIMS.values()]
    assert places == sorted(places)


def test_every_part_of_the_book_has_a_file_that_runs_its_claims():
    parts = {chapter.split("/")[0] for chapter in CHAPTERS}
    files = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert parts <= files


def test_statements_stand_in_chapters_only():
    others = [path for path in BOOK.rglob("*.md") if not path.name.startswith("_")]
    others = [path for path in others if str(path.relative_to(BOOK))[:-3] not in CHAPTERS]
    assert not any(STATEMENT.findall(path.read_text("utf8")) for path in others)


def test_a_claim_names_a_chapter_of_the_course():
    with pytest.raises(ValueError, match="names the chapter 'nowhere'; expected one of"):
        Claim("x", "nowhere", "", "", "finding", None, lambda config: 0, lambda result: (), {})


def test_a_value_that_is_not_a_number_does_not_hold():
    assert not Check("nothing", float("nan")).holds


def test_the_bounds_of_a_check_count():
    assert Check("in", 1.0, low=1.0, high=1.0).holds
    assert not Check("above", 1.1, high=1.0).holds
    assert not Check("below", 0.9, low=1.0).holds


def test_one_failing_check_fails_the_verdict():
    verdict = Verdict("label", None, (Check("a", 0.0, high=1), Check("b", 2.0, high=1)))
    assert not verdict.holds
    assert "FAILS" in str(verdict)


def test_an_unknown_label_lists_the_known_ones():
    with pytest.raises(KeyError, match="no claim has the label 'nothing'"):
        claims.get("nothing")


def test_an_unknown_hypothesis_lists_the_known_ones():
    with pytest.raises(KeyError, match="has no hypothesis 'luck'.*the factor 1/L"):
        claims.get("thm-euler-bound").drop("luck")


def test_claims_refuse_float32():
    claim = Claim(
        "x", CHAPTERS[0], "", "", "finding", None, lambda config: 0, lambda result: (), {}
    )
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(RuntimeError, match="measures in float64"):
            claim.verdict()
    finally:
        jax.config.update("jax_enable_x64", True)


def test_the_template_is_a_claim_that_can_fail():
    from resode_course.claims._template import CLAIM

    assert CLAIM.verdict().holds
    assert not any(CLAIM.drop(hypothesis).holds for hypothesis in CLAIM.dropped)
