from verdicts import *  # noqa: F403

PART = "control"
