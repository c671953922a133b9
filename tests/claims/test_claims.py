"""Every claim has a control and belongs to a statement of the book.

That it holds, and fails without each hypothesis, is tested in one file per part of the book.
"""

import json
import re
from itertools import islice
from pathlib import Path

import jax
import pytest

from resode_course import claims
from resode_course.claims import CHAPTERS, Check, Verdict
from resode_course.claims._template import Template

BOOK = Path(__file__).parents[2] / "book"
STATEMENT = re.compile(
    r"^`{3,}\{prf:(theorem|proposition|corollary|lemma|observation)\}[^\n]*\n:label: (\S+)", re.M
)
UNCHECKED = re.compile(r"^% no claim for (\S+): \S+", re.M)


@pytest.mark.parametrize("label", claims.CLAIMS)
def test_the_claim_has_a_control(label):
    assert claims.get(label).controls


def page(chapter):
    """The text of a chapter, or None while it is not written."""
    path = BOOK / f"{chapter}.md"
    return path.read_text("utf8") if path.exists() else None


def test_the_chapters_that_state_something_are_those_of_the_claims():
    pages = {str(path.relative_to(BOOK).with_suffix("")) for path in BOOK.glob("*/*.md")}
    assert {name for name in pages if STATEMENT.search(page(name))} == set(CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_statements_and_claims_match(chapter):
    text = page(chapter) or ""
    stated = {label for _, label in STATEMENT.findall(text)} - set(UNCHECKED.findall(text))
    name = chapter.rsplit("/", 1)[-1]
    claimed = {label for label, claim in claims.CLAIMS.items() if claim.chapter == name}
    if text:
        assert stated == claimed, "a statement without a claim, or the reverse"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_claim_has_one_card_where_it_is_taught_and_no_console_text(chapter):
    text = page(chapter)
    names = dict(re.findall(r"^(\w+) = claims\.get\(\"([\w-]+)\"\)", text, re.M))
    shown = re.findall(r"^claims\.get\(\"([\w-]+)\"\)\.card\(", text, re.M)
    shown += [names.get(name) for name in re.findall(r"^(\w+)\.card\(", text, re.M)]
    claimed = [
        label
        for label, claim in claims.CLAIMS.items()
        if claim.chapter == chapter.rsplit("/", 1)[-1]
    ]
    assert sorted(shown) == sorted(claimed)
    assert not re.search(r"\.(verdict|drop|verdicts|report)\(", text), "a card shows them"


def test_chapters_and_claims_come_in_the_order_of_the_table_of_contents():
    contents = (BOOK.parent / "_toc.yml").read_text("utf8")
    files = re.findall(r"file: book/(\S+)", contents)
    assert list(CHAPTERS) == [name for name in files if name in CHAPTERS]
    for chapter in CHAPTERS:
        stated = [label for _, label in STATEMENT.findall(page(chapter))]
        claimed = [label for label in claims.CLAIMS if label in stated]
        assert claimed == [label for label in stated if label in claims.CLAIMS], chapter


def test_every_part_of_the_book_has_a_file_that_runs_its_claims():
    parts = {chapter.split("/")[0] for chapter in CHAPTERS}
    files = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert parts <= files


def test_a_value_that_is_not_a_number_does_not_hold():
    assert not Check("nothing", float("nan")).holds


def test_the_bounds_of_a_check_count():
    assert Check("in", 1.0, low=1.0, high=1.0).holds
    assert not Check("above", 1.1, high=1.0).holds
    assert not Check("below", 0.9, low=1.0).holds


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (Check("error", 0.9876, high=1.0), "0.988"),
        (Check("error", 0.04186, high=1.0), "0.042"),
        (Check("rate", 50.7, low=1.0), "51"),
        (Check("rate", 131.2, low=1.0), "130"),
        (Check("slope", -0.9876, high=-0.9), "-0.988"),
        (Check("error / rounding", 0.00156, high=1.0), "below 1"),
        (Check("error / rounding", 1.57, high=1.0), "1.6"),
        (Check("error", 3e-16, high=1e-6), "below 1e-9"),
        (Check("layers", 131, low=1), "131"),
        (Check("layers", 0, high=1), "0"),
        (Check("error", float("nan"), high=1.0), "nan"),
    ],
)
def test_digits_are_shown_that_another_machine_repeats(check, text):
    assert check.shown == text


def test_one_failing_check_fails_the_verdict():
    verdict = Verdict("label", None, (Check("a", 0.0, high=1), Check("b", 2.0, high=1)))
    assert not verdict.as_stated
    assert "FAILS" in str(verdict)


def test_a_control_must_fail_for_the_reason_that_it_names():
    checks = (Check("a", 2.0, high=1), Check("b", 0.0, high=1))
    assert Verdict("label", "a jump", checks, must_fail=("a",)).as_stated
    other = Verdict("label", "a jump", checks, must_fail=("b",))
    assert not other.as_stated
    assert "does not fail as it must" in str(other)


@pytest.mark.parametrize("label", claims.CLAIMS)
def test_controls_are_said_in_words_and_named_after_what_is_there(label):
    claim = claims.get(label)
    assert claim.statement.endswith(".")
    assert claim.setting, "the second paragraph of the docstring: where it is measured"
    for name, control in claim.controls.items():
        assert "→" in control.changed, f"{name}: from what to what?"
        assert control.why, name
        assert control.fails, name
        assert not name.startswith(("without", "the hypothesis")), name
        assert set(control.changes) <= set(vars(claim)), name


@pytest.mark.parametrize("label", claims.CLAIMS)
def test_the_fields_of_a_family_exist_and_settings_differ(label):
    claim = claims.get(label)
    assert set(claim.family) <= set(vars(claim))
    settings = list(islice(claim.settings(), 4))
    assert len({setting.seed for setting in settings}) == 4
    assert settings == list(islice(claim.settings(), 4)), "the same settings each time"


def test_an_unknown_label_lists_the_known_ones():
    with pytest.raises(KeyError, match="no claim has the label 'nothing'"):
        claims.get("nothing")


def test_an_unknown_control_lists_the_known_ones():
    with pytest.raises(KeyError, match="has no control 'luck'.*a jump in depth"):
        claims.get("thm-euler-bound").drop("luck")


def test_an_unknown_field_lists_the_known_ones():
    with pytest.raises(TypeError, match="has no field 'luck'; it has .*'seed', 'width'"):
        claims.get("thm-euler-bound").measure(luck=1)


def test_claims_refuse_float32():
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(RuntimeError, match="measures in float64"):
            Template().verdict()
    finally:
        jax.config.update("jax_enable_x64", True)


def test_the_template_is_a_claim_that_can_fail():
    verdict, *controls = Template().verdicts()
    assert verdict.holds
    assert all(control.as_stated and not control.holds for control in controls)


def test_a_verdict_is_stored_and_read_again():
    for verdict in Template().verdicts():
        again = claims.from_store(json.loads(json.dumps(claims.to_store(verdict))))
        assert again == verdict
        assert again.picture.xlabel == verdict.picture.xlabel


def test_the_seed_and_the_fields_change_what_is_measured():
    claim = Template()
    assert claim.measure(seed=1).errors[0] != claim.measure(seed=2).errors[0]
    assert claim.measure(depths=(10, 20)).errors.shape == (2,)


def test_comments_do_not_change_the_setting_of_the_day():
    assert Template().code_hash() == Template(seed=5).code_hash()
    assert Template().code_hash() != claims.get("thm-euler-bound").code_hash()
