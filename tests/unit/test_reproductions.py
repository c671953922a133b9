import numpy as np
import pytest

from evidence import reproductions
from evidence.reproductions import REPRODUCTIONS, synthetic
from resode_course.claims import Check

VERDICTS = {  # of the others: reproduced, or reproduced at a smaller size
    "limit, later": "NOT REPRODUCED",
    "linear, their rate": "NOT REPRODUCED",
    "smooth images": "NOT REPRODUCED",  # by tied ReLU alone
    "price": "NOT REPRODUCED",  # digits are too easy to show it, and so the next
    "fewer layers": "NOT REPRODUCED",
    "loss at the end": "NOT COMPARED",
    "loss at every layer": "NOT COMPARED",
}
WORDS = ("item", "reports", "read", "theirs", "ours", "differs", "checks")


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_a_row_says_everything(name):
    row = REPRODUCTIONS[name].row(reproductions.recorded(name))
    agrees = "REPRODUCED AT A SMALLER SIZE" if REPRODUCTIONS[name].smaller else "REPRODUCED"
    assert row["verdict"] == VERDICTS.get(name, agrees)
    assert all(row[word] for word in WORDS)


def failing(row):
    return {check["quantity"] for check in row["checks"] if not Check(**check).holds}


def changed(name, key, change):
    data = {**reproductions.recorded(name)}
    data[key] = change(data[key])
    return data


WRONG = {  # what the figure would show if the statement behind it were false
    "the maximum is the sum": ("increments", "largest", lambda v: list(np.sqrt(v))),
    "the sum is the maximum": ("increments", "roots", lambda v: list(np.square(v))),
    "another size of the sum": ("increments", "roots", lambda v: list(2 * np.array(v))),
    "no limit": ("limit", "distances", lambda v: np.ones_like(v).tolist()),
    "later is nearer": ("limit", "distances", lambda v: np.flip(v, axis=1).tolist()),
    "rough weights": ("weights", "lipschitz", lambda v: 64.0 * 45),
    "no training": ("weights", "losses", lambda v: [v[0]] * len(v)),
    "increments that shrink": ("relu", "largest", lambda v: list(np.divide(v, 2))),
    "rough linear weights": ("linear", "roughness", lambda v: [*v[:-1], 100.0]),
    "a target not reached": ("linear", "losses", lambda v: [1e-3, *v[1:]]),
    "a reflection reached": ("linear", "losses", lambda v: np.multiply(v, 0.5).tolist()),
    "rates that tell nothing": ("linear", "stable rates", lambda v: v[::-1]),
    "rough tied images": ("smooth images", "roughness", lambda v: [[20.0, 20.0], *v[1:]]),
    "rough curves": ("coefficients", "tied", lambda v: np.multiply(v, 100).tolist()),
    "no difference": ("mean increments", "independent", lambda v: np.divide(v, 30).tolist()),
    "a gradient that stays wrong": ("gradient error", "inner", lambda v: [v[0]] * len(v)),
    "no way back": ("going back", "errors", lambda v: [1.0] * len(v)),
    "stored for nothing": ("peak memory", "stored", lambda v: [v[0] + i for i in range(4)]),
    "reversed and stored": ("peak memory", "reversed", lambda v: np.multiply(v[1], [0, 1, 2, 3])),
    "early work": ("loss at the end", "norms", lambda v: np.multiply(v, np.arange(len(v), 0, -1))),
    "work at all layers": ("loss at every layer", "norms", lambda v: [1.0] * len(v)),
    "no work": ("loss at every layer", "losses", lambda v: [v[0]] * len(v)),
    "lost without states": ("without memory", "heun, reversed", lambda v: [*v[:-1], 90.0]),
}


@pytest.mark.parametrize(("name", "key", "change"), WRONG.values(), ids=WRONG)
def test_other_numbers_are_not_a_reproduction(name, key, change):
    found = REPRODUCTIONS[name].row(reproductions.recorded(name))
    row = REPRODUCTIONS[name].row(changed(name, key, change))
    assert "REPRODUCED" not in row["verdict"].removeprefix("NOT REPRODUCED")
    assert failing(row) > failing(found)


RIGHT = {  # what would be a reproduction, where ours is none
    "later is slower": (
        "limit, later",
        "distances",
        lambda v: [[a, b, c * 2**k] for k, (a, b, c) in enumerate(v)],
    ),
    "their rate fits": ("linear, their rate", "least losses", lambda v: [1e-6] * len(v)),
    "rough with a kink": ("smooth images", "roughness", lambda v: [*v[:2], v[1], *v[3:]]),
    "independent layers are better": (
        "price",
        "test",
        lambda v: [[80.0], [85.7], [88.1], [88.4], [59.8], [59.6]],
    ),
    "shallow Euler fails": ("fewer layers", "euler, reversed", lambda v: [50.0, *v[1:]]),
}


def test_every_row_that_is_no_reproduction_could_be_one():
    missed = {name for name, verdict in VERDICTS.items() if verdict == "NOT REPRODUCED"}
    assert {name for name, *_ in RIGHT.values()} == missed


@pytest.mark.parametrize(("name", "key", "change"), RIGHT.values(), ids=RIGHT)
def test_numbers_like_theirs_are_a_reproduction(name, key, change):
    row = REPRODUCTIONS[name].row(changed(name, key, change))
    assert row["verdict"].startswith("REPRODUCED"), row["checks"]


def test_the_distance_in_depth_is_that_of_the_step_functions():
    """Two layers 0, 1 against four layers 0, 2, 1, 1 differ by 2 on a quarter of the depth."""
    weights = [
        np.array(values)[None, :, None, None] for values in ([0.0, 1.0], [0.0, 2.0, 1.0, 1.0])
    ]
    assert synthetic.distance(*([array] for array in weights)) == pytest.approx([1.0])


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(KeyError, match="no reproduction 'x'; there are"):
        reproductions.get("x")
