"""What the benchmarks compare computes the same thing, and the driver notices if it does not."""

import numpy as np
import pytest

from benchmarks import _driver as driver
from benchmarks import methods

SMALL = methods.Setting(4, 6, 5, 8, "float64")
AUTHORS = methods.Setting(16, 64, 50, 64, "float64")  # the setting of the released scripts
PEERS = ["torch loop", "torch, memory-free"]


def outputs(name, setting):
    return [driver._array(output) for output in methods.METHODS[name](setting)()]


def distance(name, reference, setting):
    pairs = zip(outputs(name, setting), outputs(reference, setting), strict=True)
    return max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs)


@pytest.mark.parametrize("peer", ["nnx.scan", "nnx.scan, nnx.remat", "diffrax"])
def test_jax_peers_compute_what_we_do(peer):
    assert distance(peer, "ours, stored", SMALL) < 1e-13


def test_the_loop_of_the_papers_computes_what_we_do():
    pytest.importorskip("torch")
    assert distance("torch loop", "ours, stored", AUTHORS) < 1e-12


def test_the_memory_free_loop_of_the_papers_computes_what_we_do():
    """Both reverse Euler by the same explicit steps: equal to rounding, errors of order 1/L too."""
    pytest.importorskip("torch")
    assert distance("torch, memory-free", "ours, reversing(0)", AUTHORS) < 1e-12
    assert distance("torch, memory-free", "torch loop", AUTHORS) > 1e-4


def test_training_by_torch_is_our_gradient_descent():
    pytest.importorskip("torch")
    setting = SMALL._replace(steps=6, every=3)
    assert distance("torch, trajectory", "ours, trajectory", setting) < 1e-12


def test_the_driver_times_in_turn_and_refuses_other_results():
    names = ["ours, stored", "ours, reversing(0)"]
    setting = SMALL._replace(dtype="float32")
    with pytest.raises(ValueError, match="differ by .* they do not compute the same thing"):
        driver.compare(names, setting, rounds=1)
    results = driver.compare(names, setting, rounds=2, approximate=names[1:])
    assert results["ours, stored"]["ratio"] == 1
    assert results["ours, reversing(0)"]["milliseconds"] > 0


def test_a_goal_takes_the_fastest_of_its_peers():
    goal = driver.Goal("G0", "any", ("torch@1", "torch@2"), "ours", low=3)
    results = {"ours": {"ratio": 1.0}, "torch@1": {"ratio": 2.0}, "torch@2": {"ratio": 4.0}}
    row = goal.row(results)
    assert (row["value"], row["met"]) == (2.0, "NO")
    del results["torch@1"]
    assert goal.row(results)["met"] == "yes"
