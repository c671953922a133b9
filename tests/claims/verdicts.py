"""The two tests of every claim; a test file per part of the book runs them for its claims.

One file per part, since files are what is distributed over processes.
"""

from resode_course import claims


def test_the_claim_holds(label):
    verdict = claims.get(label).verdict()
    assert verdict.holds, str(verdict)


def test_the_claim_fails_without(control):
    label, hypothesis = control
    verdict = claims.get(label).drop(hypothesis)
    assert not verdict.holds, str(verdict)
