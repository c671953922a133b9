"""What the benchmarks compare computes the same thing, and the driver notices if it does not."""

import importlib
import os

import numpy as np
import pytest
from flax import nnx

from evidence import benchmarks
from evidence.benchmarks import _driver as driver
from evidence.benchmarks import compile_time, experiment, methods, roofline, step_time, trajectories
from evidence.benchmarks._setting import Setting, data

SMALL = Setting(4, 6, 5, 8, "float64")
AUTHORS = Setting(16, 64, 50, 64, "float64")  # the setting of the released scripts
METHODS = methods.METHODS | trajectories.METHODS


def outputs(name, setting):
    return [driver._array(output) for output in METHODS[name](setting)()]


def distance(name, reference, setting):
    pairs = zip(outputs(name, setting), outputs(reference, setting), strict=True)
    return max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs)


# Benchmarks run with the pinned versions; the library needs no list of modules.
LISTS = pytest.mark.skipif(not hasattr(nnx, "List"), reason="this Flax has no nnx.List yet")
UNROLLED = pytest.param("nnx, unrolled", marks=LISTS)


@pytest.mark.parametrize("peer", ["nnx.scan", "nnx.scan, nnx.remat", UNROLLED, "diffrax"])
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


def test_torchdiffeq_computes_what_we_do():
    pytest.importorskip("torchdiffeq")
    assert distance("torchdiffeq", "ours, stored", AUTHORS) < 1e-12


def test_the_adjoint_of_torchdiffeq_is_off_by_order_one_over_depth():
    pytest.importorskip("torchdiffeq")
    depths = (16, 64, 256)
    errors = [
        distance("torchdiffeq, adjoint", "ours, stored", SMALL._replace(depth=depth))
        for depth in depths
    ]
    assert errors[0] < 1
    assert all(3 < a / b < 8 for a, b in zip(errors, errors[1:], strict=False))  # about 4


def test_training_by_torch_is_our_gradient_descent():
    pytest.importorskip("torch")
    setting = SMALL._replace(steps=6, every=3)
    assert distance("torch, trajectory", "ours, trajectory", setting) < 1e-12


def test_training_by_the_optimizer_of_nnx_is_our_gradient_descent():
    setting = SMALL._replace(steps=6, every=3)
    assert distance("nnx.Optimizer, trajectory", "ours, trajectory", setting) < 1e-12


def test_tied_training_starts_from_the_identity_and_one_layer():
    V, W, *_ = data(SMALL._replace(tied=True))
    assert not V.any()
    assert not (W - W[0]).any()


def test_the_experiment_by_torch_is_ours():
    """Later steps only: at first the distances are of the size of float32's rounding."""
    pytest.importorskip("torch")
    ours, theirs = (np.array(run(64))[..., 5:] for run in (experiment.ours, experiment.torch))
    assert ours.shape == (2, 2, experiment.STEPS + 1 - 5)  # depths, arrays, steps
    np.testing.assert_allclose(ours, theirs, rtol=experiment.ROUNDING)
    assert (ours[0] < ours[1]).all()  # deeper is closer


def test_a_method_that_stalls_is_stopped():
    assert experiment.run("torch@1", 64, limit=0.01) == (float("inf"), None)


def test_the_driver_times_in_turn_and_refuses_other_results(monkeypatch):
    monkeypatch.setattr(driver, "clean_environment", lambda: dict(os.environ))  # compiles faster
    names = ["ours, stored", "ours, reversing(0)"]
    setting = SMALL._replace(dtype="float32")
    with pytest.raises(ValueError, match="differ by .* they do not compute the same thing"):
        driver.compare(names, setting, rounds=1)
    results = driver.compare(names, setting, rounds=2, approximate=names[1:])
    assert results["ours, stored"]["ratio"] == 1
    assert results["ours, reversing(0)"]["milliseconds"] > 0


def test_a_worker_does_not_see_what_builds_set(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "kept")
    clean = driver.clean_environment()
    assert not {"XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR"} & set(clean)
    assert clean["PATH"]


@LISTS
def test_compiling_gives_the_outputs_of_the_gradient_each_time():
    setting = SMALL._replace(dtype="float32")
    run = compile_time._compiling("nnx, unrolled", 8, setting)
    for _ in range(2):
        _, V, W = (driver._array(output) for output in run())
        assert (V.shape, W.shape) == ((8, 4, 6), (8, 6, 4))


@pytest.mark.parametrize("group", benchmarks.GROUPS)
def test_a_group_has_settings_and_measures(group):
    module = importlib.import_module(f"benchmarks.{group}")
    assert all(isinstance(name, str) for name in module.SETTINGS)
    assert callable(module.measure)


def test_every_goal_is_at_a_setting_of_its_group():
    for group in (step_time, trajectories, compile_time):
        assert {goal.setting for goal in group.GOALS} == set(group.SETTINGS)


def test_the_floor_is_made_of_a_product_and_of_activations():
    for name in (roofline.PRODUCT, roofline.ACTIVATION):
        (output,) = roofline.METHODS[name](Setting(4, 6, 5, 8))()
        assert np.isfinite(output).all()


def test_a_goal_takes_the_fastest_of_its_peers():
    goal = driver.Goal("G0", "any", ("torch@1", "torch@2"), "ours", low=3)
    results = {"ours": {"ratio": 1.0}, "torch@1": {"ratio": 2.0}, "torch@2": {"ratio": 4.0}}
    row = goal.row(results)
    assert (row["value"], row["asked"], row["met"]) == (2.0, ">= 3", False)
    del results["torch@1"]
    assert goal.row(results)["met"]


def test_a_ratio_without_a_goal_is_neither_met_nor_missed():
    row = driver.Goal("", "any", ("torch",), "ours").row(
        {"ours": {"ratio": 1}, "torch": {"ratio": 2}}
    )
    assert row == {"goal": "", "quantity": "torch / ours", "value": 2.0}
