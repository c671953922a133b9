"""A small class that the command grades, for tests."""

import json

import hostile
import mini
from resode_grader._command import main
from resode_grader.sets import parameters_of, rng

KEY = "a secret key of the tests"
A = parameters_of(mini.PROBLEMS[0], "spring")["a"]
EXPONENT = parameters_of(mini.PROBLEMS[1], "spring")["exponent"]
SCALED = f"def scaled(x):\n    return {A} * x"
POWER = f"power = 2 ** {EXPONENT}"


def graded(folder, submissions, *options):
    """The results of notebooks, by name, each given by its cells; the table lies in the folder."""
    (folder / "hand-in").mkdir(exist_ok=True)
    (folder / "key").write_text(KEY)
    for name, cells in submissions.items():
        text = hostile.notebook([hostile.START, *cells])
        (folder / f"hand-in/{name}.ipynb").write_text(text)
    command = [str(folder / "hand-in"), "--set", "0", "--cohort", "spring", "--problems", "mini"]
    command += ["--key", str(folder / "key"), "--out", str(folder / "grades.csv")]
    main([*command, "--seconds", "10", "--memory", "0.6", "--workers", "2", *options])
    kept = [json.loads(path.read_text()) for path in (folder / "grades-details").glob("*.json")]
    return {result["student"]: result for result in kept}


def earned(result):
    """The points of each problem."""
    return [problem["earned"] for problem in result["problems"]]


def told(result):
    """All that a student may read."""
    parts = [part for problem in result["problems"] for part in problem["parts"]]
    return " ".join([*result["remarks"], *(part["feedback"] or "" for part in parts)])


def inputs(key, part="values"):
    """What the small set's first problem is called with."""
    return rng("spring", "0.1", key, part).normal(size=5)
