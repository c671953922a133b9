"""The tests of every check of an exercise: right answers pass, wrong ones are told why.

A test file per chapter has the tables RIGHT (label, answer) and WRONG (label, answer, a part of the
feedback), and the chapter's CHECKS.
"""


def test_right_answers_pass(right, checks):
    label, answer = right
    assert checks[label](answer) is None


def test_wrong_answers_are_told_why(wrong, checks):
    label, answer, feedback = wrong
    assert feedback in checks[label](answer)


def test_every_check_is_tried_from_both_sides(request, checks):
    right, wrong = request.module.RIGHT, request.module.WRONG
    assert {label for label, _ in right} == {label for label, *_ in wrong} == set(checks)
