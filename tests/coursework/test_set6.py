"""Problem set 6: a mistake costs one part; its example's numbers; how seldom a plan of 6.2 errs."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from resode_grader.sets import mark, parameters_of, problems_of, rng, set6

PROBLEM = next(problem for problem in problems_of("6") if problem.label == "6.1")
path = Path(__file__).parent / "answers" / "set6.py"
spec = importlib.util.spec_from_file_location("answers_of_set6", path)
answers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(answers)

DEPTHS, SEEDS = (16, 32, 64, 128, 256, 512), 200
STARTS = np.array([-1.0, 0.3, 1.2, 2.0])


def field(s, h):
    return np.cos(4 * s) * np.sin(h) + s / 2


def reference(steps=4000):
    h = STARTS
    for k in range(steps):
        s, ds = k / steps, 1 / steps
        k1 = field(s, h)
        k2 = field(s + ds / 2, h + ds / 2 * k1)
        k3 = field(s + ds / 2, h + ds / 2 * k2)
        h = h + ds / 6 * (k1 + 2 * k2 + 2 * k3 + field(s + ds, h + ds * k3))
    return h


def grids(L):
    inner = [np.sort(np.random.default_rng([r, L]).uniform(size=L - 1)) for r in range(SEEDS)]
    return np.stack([np.concatenate([[0.0], points, [1.0]]) for points in inner])


def errors(points, steps, end):
    h = np.tile(STARTS, (len(points), 1))
    for s, ds in zip(points[:, :-1].T, steps.T, strict=True):
        h = h + ds[:, None] * field(s[:, None], h)
    return h - end


def test_the_example_project_measures_what_its_report_says():
    end, rows, means = reference(), {}, {}
    for L in DEPTHS:
        equal, random = np.linspace(0, 1, L + 1)[None], grids(L)
        runs = {
            "equal": errors(equal, np.diff(equal), end),
            "random": errors(random, np.diff(random), end),
            "control": errors(random, np.full((SEEDS, L), 1 / L), end),
        }
        for name, e in runs.items():
            rows.setdefault(name, []).append(np.sqrt(np.mean(np.sum(e**2, axis=1))))
            means.setdefault(name, []).append(np.linalg.norm(e.mean(axis=0)))
    slopes = {name: set6._fit(np.array(DEPTHS), np.array(row))[0] for name, row in rows.items()}
    assert slopes == {
        "equal": pytest.approx(-1.008, abs=5e-4),
        "random": pytest.approx(-1.050, abs=5e-4),
        "control": pytest.approx(-0.507, abs=5e-4),
    }
    ratios = np.divide(means["random"], means["equal"])
    assert ratios == pytest.approx([2.13, 2.15, 2.07, 2.07, 2.01, 2.01], abs=5e-3)
    assert 512 * means["equal"][-1] == pytest.approx(1.032, abs=5e-4)
    assert 512 * means["random"][-1] == pytest.approx(2.074, abs=5e-4)


@pytest.mark.parametrize(("sigma", "gap"), [(0.3, 0.5), (0.8, 0.5)])
def test_a_plan_of_6_2_errs_as_seldom_as_it_says(sigma, gap):
    alpha, draws = 0.05, rng("plans")
    J, R = set6._cheapest(sigma, gap, alpha)
    x = np.log(2.0) * np.arange(J + 1)
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    noise = sigma * draws.normal(size=(40_000, R, J + 1)).mean(axis=1) @ weights
    width = 1.959964 * sigma / np.sqrt(R * set6._spread_of_depths(J))
    assert np.mean(np.abs(noise) > width) == pytest.approx(alpha, abs=0.006)
    assert np.mean(np.abs(noise + gap) <= width) <= alpha + 0.006


@pytest.mark.parametrize("title", ["freedom", "one-sided", "normal", "no quantile", "whole width"])
def test_a_wrong_quantile_does_not_lose_where_rounding_begins(title):
    answer = answers.RATE_WRONG[title](parameters_of(PROBLEM, "book"))
    lost = [item.title for item in mark(PROBLEM, answer, "book") if item.feedback is not None]
    assert lost == ["its uncertainty"]


def test_rounding_in_the_half_width_alone_is_seen():
    p = parameters_of(PROBLEM, "book")
    right, all_depths = answers.rate(p), answers.RATE_WRONG["rounding kept"](p)

    def mixed(depths, errors):
        return right(depths, errors)[0], all_depths(depths, errors)[1]

    lost = {item.title: item.feedback for item in mark(PROBLEM, mixed, "book") if item.feedback}
    assert lost == {"where rounding begins": "The half width is that of the depths kept."}


def test_the_width_of_more_doublings_than_needed_is_right():
    problem = next(problem for problem in problems_of("6") if problem.label == "6.2")
    p = parameters_of(problem, "book")
    right = answers.design(p)

    def careful(sigma, gap):
        J, w, *plan = right(sigma, gap)
        more = J + 2
        return more, w * (J * (J + 1) * (J + 2) / (more * (more + 1) * (more + 2))) ** 0.5, *plan

    lost = [item.title for item in mark(problem, careful, "book") if item.feedback is not None]
    assert lost == ["how many doublings"]
