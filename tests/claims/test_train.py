from verdicts import *  # noqa: F403

PART = "train"
