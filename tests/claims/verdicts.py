"""The two tests of every claim; a test file per part of the book runs them for its claims.

One file per part, since files are what is distributed over processes. What is measured is compared
with the record that the ledger shows. A verdict that a page of the book has just shown is not
measured again: the build keeps it, and it counts as long as nothing it depends on has changed.
"""

import json
from functools import cache
from pathlib import Path

import pytest
from resode_book import computing_hash

from resode_course import claims
from resode_course.claims._claim import note

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "_build"

# Programs compiled by other versions, or run on another processor, round otherwise, and training
# amplifies that; numbers at the level of rounding itself have no digits to compare.
REPEATS, ROUNDING = 0.02, 1e-6


@cache
def built_by_todays_code():
    """Whether the pages of the last build ran with the library as it is now."""
    kept = BUILD / ".jupyter_cache" / "computing-hash"
    return kept.exists() and kept.read_text() == computing_hash(ROOT)


def verdict_on(label, control=None):
    """The verdict that a page showed, or else a new one."""
    kept = note(BUILD / "verdicts", label, control)
    if built_by_todays_code() and kept.exists():
        return claims.from_store(json.loads(kept.read_text(encoding="utf-8")))
    claim = claims.get(label)
    return claim.verdict() if control is None else claim.drop(control)


def agree_with_the_record(verdict):
    """Every number is that of the record."""
    mend = f"if the change is meant, run: make records ONLY={verdict.label}"
    found = [
        then for then in claims.recorded_verdicts(verdict.label) if then.control == verdict.control
    ]
    assert found, mend
    (recorded,) = found
    assert [c.quantity for c in recorded.checks] == [c.quantity for c in verdict.checks], mend
    for then, now in zip(recorded.checks, verdict.checks, strict=True):
        assert (then.low, then.high) == pytest.approx((now.low, now.high), rel=REPEATS), mend
        assert now.value == pytest.approx(then.value, rel=REPEATS, abs=ROUNDING, nan_ok=True), (
            f"{verdict.label}, {now.quantity}: recorded {then.value:.6g}, today {now.value:.6g}; "
            f"{mend}"
        )


def test_the_claim_holds(label):
    verdict = verdict_on(label)
    assert verdict.as_stated, str(verdict)
    agree_with_the_record(verdict)


def test_the_control_fails_as_it_says(control):
    label, name = control
    verdict = verdict_on(label, name)
    assert verdict.as_stated, str(verdict)
    agree_with_the_record(verdict)


def test_the_claim_holds_in_another_setting(label):
    """One setting of the claim's family, another one whenever its code changes."""
    claim = claims.get(label).todays_setting()
    for verdict in claim.verdicts():
        assert verdict.as_stated, f"{claim}\n{verdict}"
