from verdicts import (  # noqa: F401
    test_the_claim_holds,
    test_the_claim_holds_in_another_setting,
    test_the_control_fails_as_it_says,
)

PART = "train"
