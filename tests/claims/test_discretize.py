from verdicts import test_the_claim_fails_without, test_the_claim_holds  # noqa: F401

PART = "discretize"
