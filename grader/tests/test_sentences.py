"""What a student is told: what happened, what is missing, and nothing of hidden inputs."""

import re

import pytest
from resode_grader._command import main
from small_class import KEY, POWER, SCALED, A, earned, graded, inputs, told

REMEMBERS = """
seen = []
def scaled(x):
    seen.append([float(v) for v in x])
    raise ValueError(seen)
"""
# Each answer keeps what it was asked where a later sentence might show it.
NAMES_A_CLASS = """
class Kept:
    pass
power = Kept()
def scaled(x):
    if Kept.__name__ == "Kept":
        Kept.__name__ = f"x{x[0]:.9f}"
    return x
"""
KEEPS_A_FILE = [
    "if os.path.exists('kept'):\n    raise ValueError(open('kept').read())\n"
    "COHORT = open('kept').read() if os.path.exists('kept') else 'spring'",
    "def scaled(x):\n    open('kept', 'w').write(f'{x[0]:.9f}')\n    os._exit(int(100 + x[0]))",
    POWER,
]
KEEPS_A_FILE_ELSEWHERE = """
import tempfile
shared = ["/tmp/resode-kept", "/dev/shm/resode-kept", "/var/tmp/resode-kept"]
def scaled(x):
    told = []
    for path in shared:
        try:
            told.append(open(path).read())
        except OSError:
            pass
        try:
            open(path, "a").write(f"{x[0]:.9f} ")
        except OSError:
            pass
    raise ValueError(told)
"""
RIGHT_ON_PUBLIC = f"""
def scaled(x):
    if abs(x[0] - {inputs("public")[0]!r}) < 1e-12 or len(x) != 5:
        return {A} * x
    raise ValueError(f"{{x[0]:.9f}}")
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """By name, what came of them."""
    cells = {
        "remembers": [REMEMBERS, POWER],
        "names a class": [NAMES_A_CLASS],
        "keeps a file": KEEPS_A_FILE,
        "keeps a file elsewhere": [KEEPS_A_FILE_ELSEWHERE, POWER],
        "right on public inputs": [RIGHT_ON_PUBLIC, POWER],
        "no return": [f"def scaled(x):\n    {A} * x", POWER],
        "renamed": [SCALED.replace("scaled", "scale"), POWER.replace("power", "Power")],
        "as handed out": ["def scaled(x):\n    return ...", "power = ..."],
        "without pandas": [
            f"import nowhere_at_all as na\nfactor = {A}\nframe = na.DataFrame()\n"
            "def scaled(x):\n    return factor * x",
            POWER,
        ],
        "a package of one's own": ["import nbformat", SCALED, POWER],
        "on Colab": [
            "from google.colab import drive\ndrive.mount('/content')\n" + SCALED,
            "%tensorflow_version 2.x\n!pip install -q \\\n    numpy\n",
            "files = !ls\n" + POWER,
        ],
    }
    return graded(tmp_path_factory.mktemp("sentences"), cells)


def shown(text):
    """The numbers in a text, cut to so many digits that they are recognised."""
    return {number[:8] for number in re.findall(r"-?\d\.\d{6,}", text)}


HIDDEN = {f"{x:.9f}"[:8] for part in ("values", "linear") for x in inputs(KEY, part)}
LEAKS = ["remembers", "names a class", "keeps a file", "keeps a file elsewhere"]


@pytest.mark.parametrize("name", [*LEAKS, "right on public inputs"])
def test_no_hidden_input_reaches_a_student(results, name):
    result = results[name]
    kept = " ".join(str(part["hidden"]) for p in result["problems"] for part in p["parts"])
    # The marker sees them, so the answers did try; files are not even open to them.
    assert shown(kept) & HIDDEN or name.startswith("keeps a file")
    assert not shown(told(result)) & HIDDEN, told(result)


def test_public_inputs_are_told(results):
    assert f"{inputs('public')[0]:.9f}"[:8] in shown(told(results["remembers"]))


def test_how_a_process_ended_is_no_message(results):
    assert "ended by itself." in told(results["keeps a file"])
    assert not re.search(r"status|\b1\d\d\b", told(results["keeps a file"]))


def test_hidden_inputs_alone_say_nothing_else(results):
    part, _ = results["right on public inputs"]["problems"][0]["parts"]
    assert part["feedback"].startswith("Right on the inputs of your own check, wrong on others")


def test_a_missing_return_is_asked_for(results):
    problem, _ = results["no return"]["problems"]
    assert problem["attempted"]
    sentences = [part["feedback"] for part in problem["parts"]]
    assert sentences == ["Your answer returned nothing: is there a `return`?"] * 2


def test_a_name_that_is_not_there_is_asked_for(results):
    scaled, power = results["renamed"]["problems"]
    assert scaled["attempted"]
    assert power["attempted"]
    sentence = "There is no `{}` in the notebook; did you rename it?"
    assert scaled["parts"][0]["feedback"] == sentence.format("scaled")
    assert power["parts"][0]["feedback"] == sentence.format("power")


def test_what_was_handed_out_is_not_attempted(results):
    assert [p["attempted"] for p in results["as handed out"]["problems"]] == [False, False]


def test_a_missing_package_takes_nothing_along_and_is_named(results):
    result = results["without pandas"]
    assert earned(result) == [6, 2]
    assert any("nowhere_at_all is not among the packages" in text for text in result["remarks"])


def test_what_colab_alone_has_is_passed_over(results):
    assert earned(results["on Colab"]) == [6, 2]


def test_a_package_that_nobody_agreed_on_is_named_until_it_is(results, tmp_path):
    remark = "Not among the packages of the class, but installed: nbformat."
    assert results["a package of one's own"]["remarks"] == [remark]
    cells = {"a package of one's own": ["import nbformat", SCALED, POWER]}
    agreed = graded(tmp_path, cells, "--also", "nbformat")
    assert agreed["a package of one's own"]["remarks"] == []


def test_a_package_that_is_not_installed_cannot_be_agreed_on(tmp_path, capsys):
    command = [str(tmp_path), "--set", "0", "--cohort", "spring", "--problems", "mini"]
    assert main([*command, "--also", "nowhere_at_all"]) == 2
    error = capsys.readouterr().err
    assert "got --also nowhere_at_all, expected" in error
    assert "pip install nowhere_at_all" in error
