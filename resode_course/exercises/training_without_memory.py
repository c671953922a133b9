"""Checks for the exercises on training without memory."""

from collections.abc import Callable, Iterator
from math import exp, inf
from typing import Any

import numpy as np

from resode_course._feedback import NO_RETURN, Feedback, close, first_wrong, recognised

__all__ = ["CHECKS"]


@first_wrong
def check_invert(go_back: Callable) -> Iterator[Feedback]:
    """Check ``go_back(residual, after, depth, corrections)`` by its iteration."""
    after, depth = np.array([0.8, -1.3, 0.4]), 6

    def residual(h: np.ndarray) -> np.ndarray:
        return np.sin(3 * h) + h[::-1]

    for corrections in (0, 1, 3):
        expected = _inverted(residual, after, depth, corrections)
        walking = after
        for _ in range(corrections + 1):
            walking = walking - residual(walking) / depth
        mistakes = {
            "That is one correction too many: the explicit step counts as none.": _inverted(
                residual, after, depth, corrections + 1
            ),
            "The output minus the residual, every time: you walk on from the last guess.": walking,
            "Going back subtracts the residual.": _inverted(residual, after, -depth, corrections),
            "The factor 1/L is missing.": _inverted(residual, after, 1, corrections),
            "That is the output: nothing was taken off.": after,
        }
        if corrections > 1:
            mistakes["That is one correction too few."] = _inverted(
                residual, after, depth, corrections - 1
            )
            mistakes["That is the inverse itself; a number of corrections was given."] = _inverted(
                residual, after, depth, 200
            )
        yield recognised(
            go_back(residual, after, depth, corrections),
            expected,
            mistakes,
            f"That is not the guess after {corrections} corrections.",
        )


def _inverted(residual: Callable, after: np.ndarray, depth: int, corrections: int) -> np.ndarray:
    h = after - residual(after) / depth
    for _ in range(corrections):
        h = after - residual(h) / depth
    return h


@first_wrong
def check_checkpoints(fewest_states: Callable) -> Iterator[Feedback]:
    """Check ``fewest_states(depth)`` against all lengths of segments."""
    for depth in (8, 30, 100, 1):
        segments = range(1, depth + 1)
        expected = min(len(range(0, depth, c)) + c for c in segments)
        mistakes = {
            "A shorter last segment needs a kept state too: round up.": min(
                depth // c + c for c in segments
            ),
            "Numbers of states are whole.": 2 * np.sqrt(depth),
            "That keeps all of them.": depth,
            "That counts the kept states only; one segment is recomputed beside them.": int(
                np.ceil(np.sqrt(depth))
            ),
            "That is the length of a segment, not the number of states.": int(np.sqrt(depth)),
        }
        got = fewest_states(depth)
        yield recognised(
            got,
            expected,
            mistakes,
            f"For {depth} layers {expected} states are enough, yours is {got}.",
        )


def check_heun(heun_reverse: Callable) -> Feedback:
    """Check ``heun_reverse(left, right, after, depth)``: the mirrored step."""
    rng = np.random.default_rng(0)
    (A, B), after, L = rng.standard_normal((2, 3, 3)), rng.standard_normal(3), 4
    mistakes = {
        "Going back, the right end comes first: exchange the slices.": _heun(A, B, after, -1 / L),
        "That is the step forwards; going back subtracts.": _heun(A, B, after, 1 / L),
        "The slices are exchanged, but the step still goes forwards.": _heun(B, A, after, 1 / L),
        "The factor 1/L is missing.": _heun(B, A, after, -1.0),
        "Only the mean of two slopes: divide by 2 L.": after
        + 2 * (_heun(B, A, after, -1 / L) - after),
        "The second slope is taken where the first one leads.": after
        - (np.tanh(A @ after) + np.tanh(B @ after)) / (2 * L),
        "The inner step goes back too: minus.": after
        - (np.tanh(B @ after) + np.tanh(A @ (after + np.tanh(B @ after) / L))) / (2 * L),
        "That is Euler's step back.": after - np.tanh(A @ after) / L,
    }
    return recognised(
        heun_reverse(A, B, after, L),
        _heun(B, A, after, -1 / L),
        mistakes,
        "That is not Heun's step with the slices exchanged and -1/L.",
    )


def _heun(first: np.ndarray, second: np.ndarray, h: np.ndarray, step: float) -> np.ndarray:
    slope = np.tanh(first @ h)
    return h + step / 2 * (slope + np.tanh(second @ (h + step * slope)))


@first_wrong
def check_corrections(corrections_needed: Callable) -> Iterator[Feedback]:
    """Check ``corrections_needed(depth, lipschitz, residual, tolerance)`` by counting."""
    for depth, lipschitz, residual, tolerance in [
        (64, 2.0, 1.0, 1e-6),
        (1000, 1.0, 0.1, 1.0),
        (16, 8.0, 1e-3, 1e-2),
        (15, 8.0, 1.0, 1e-3),
    ]:
        got = corrections_needed(depth, lipschitz, residual, tolerance)
        case = f"L = {depth}, Lambda = {lipschitz:g}, C = {residual:g}, tolerance {tolerance:g}"
        if depth < 2 * lipschitz:
            if got != inf:
                yield f"For {case} the proposition says nothing: L >= 2 Lambda fails."
            continue
        ratio = tolerance / (exp(2 * lipschitz) * residual)
        powers = np.log(ratio) / np.log(lipschitz / depth)
        expected = max(0, int(np.ceil(powers)) - 1)
        mistakes = {
            "The exponent is j + 1: one correction less is enough.": expected + 1,
            "Not fewer than 0 corrections.": int(np.ceil(powers)) - 1,
            "A number of corrections is whole: round up.": powers - 1,
            "The amplification is e^(2 Lambda).": max(
                0,
                int(np.ceil(np.log(tolerance / residual) / np.log(lipschitz / depth))) - 1,
            ),
            "That is one too few for the tolerance.": expected - 1,
            "There L = 2 Lambda, which is allowed.": inf,
        }
        yield recognised(
            got, expected, mistakes, f"For {case} it takes {expected}, yours is {got}."
        )


def check_defect(recovery_error: Callable) -> Feedback:
    """Check ``recovery_error(A, B, h, depth)`` on commuting matrices, by walking."""
    rng = np.random.default_rng(1)
    turn, depth = np.array([[0.3, -1.0], [1.0, 0.3]]), 50
    A, B, h = 0.8 * turn, 0.4 * np.eye(2) - 0.6 * turn, rng.standard_normal(2)
    exact = _walked(A, B, h) / depth
    mistakes = {
        "The sign is wrong: what a cell adds is -(B - A)^2 / (4 L^2).": -exact,
        "L cells add up: one factor 1/L is left.": exact / depth,
        "There is a factor 1/L left after all cells.": exact * depth,
        "The factor is 1/4.": 4 * exact,
        "The factor is 1/4, not 1/2: every cell has the same defect.": 2 * exact,
        "Every cell has a defect, not every second one.": exact / 2,
        "It is the square of the difference, not the difference of the squares.": -(B @ B - A @ A)
        @ h
        / (4 * depth),
        "One factor B - A is missing.": -(B - A) @ h / (4 * depth),
    }
    return recognised(
        recovery_error(A, B, h, depth),
        exact,
        mistakes,
        "Add up the defects of all cells: each travels back to h_0 unchanged, to leading order.",
        lambda a, b: bool(np.allclose(a, b, rtol=1e-3, atol=1e-6)),
    )


def _walked(A: np.ndarray, B: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Return ``L`` times what is missed, at a large depth and its double, extrapolated."""
    eye = np.eye(2)

    def missed(depth: int) -> np.ndarray:
        def cell(first: np.ndarray, second: np.ndarray, step: float) -> np.ndarray:
            return eye + step / 2 * (first + second + step * second @ first)

        there = cell(B, A, 1 / depth) @ cell(A, B, 1 / depth)
        back = cell(B, A, -1 / depth) @ cell(A, B, -1 / depth)
        power = np.linalg.matrix_power
        return depth * (power(back, depth // 2) @ power(there, depth // 2) @ h - h)

    return 2 * missed(2048) - missed(1024)


@first_wrong
def check_momentum(input_change: Callable) -> Iterator[Feedback]:
    """Check ``input_change(gamma, depth, change)`` by walking back twice."""
    for gamma, depth, change in [(0.8, 7, 0.5), (0.5, 4, -1.0), (1.0, 6, 0.3)]:
        h, v = 0.0, change
        for _ in range(depth):
            h, v = h - v / depth, v / gamma
        growth = gamma**-depth
        total = (growth - 1) / (1 / gamma - 1) if gamma < 1 else depth
        mistakes = {
            "The velocity is subtracted on the way back: mind the sign.": -h,
            "That is the change of v_0.": change * growth,
            "h moves by v / L.": depth * h,
            "That is one velocity's share: v_1 to v_L all move h.": -change * growth / depth,
            "v_0 does not enter h_0: the sum ends with v_1.": h - change * growth / depth,
            "v_L enters too: the sum begins with the change itself.": -(change / depth)
            * (total - 1),
            "v_L does not change by a factor: the sum begins with 1.": h / gamma,
            "Going back divides by gamma.": -change / depth * sum(gamma**i for i in range(depth)),
        }
        mistakes = {s: value for s, value in mistakes.items() if not close(value, h)}
        got = input_change(gamma, depth, change)
        if got is None or np.shape(got) == ():
            feedback = recognised(
                got,
                h,
                mistakes,
                f"For gamma = {gamma:g}, L = {depth} the input changes by {h:.4g}"
                + ("" if got is None else f", yours by {float(got):.4g}."),
            )
        else:
            feedback = f"Expected a number, got the shape {np.shape(got)}."
        yield feedback


def check_harm(residual: Callable) -> Feedback:
    """Check a ``residual(h)`` whose layer increases, and which corrections recover less well."""
    depth, grid = 8, np.linspace(-3, 4, 701)
    if residual(1.0) is None:
        return NO_RETURN
    layer = np.array([float(h + residual(h) / depth) for h in grid])
    if not np.isfinite(layer).all():
        return "The residual is not a number somewhere between -3 and 4."
    if np.any(np.diff(layer) <= 0):
        return "The layer h + f(h)/8 does not increase: two inputs may have one output."
    after = 1 + float(residual(1.0)) / depth

    def wrapped(h: np.ndarray) -> np.ndarray:
        return np.array([float(residual(h[0]))])

    none, three = (
        abs(float(_inverted(wrapped, np.array([after]), depth, j)[0]) - 1) for j in (0, 3)
    )
    if none < 1e-12:
        return "The explicit step is exact here: f does not change between input and output."
    if not three > none:
        return (
            f"Without corrections the input is off by {none:.2g}, with three by {three:.2g}: they "
            "help. What if f changes by more than 8 times what h does?"
        )
    return None


@first_wrong
def check_gamma(gamma: Callable) -> Iterator[Feedback]:
    """Check ``gamma(L)``: at most ``1 - 5/L``, and the input comes back to eight digits."""
    for depth in (100, 200, 400, 800):
        value = gamma(depth)
        if value is None:
            yield NO_RETURN
        value = float(value)
        if not 0 < value < 1:
            yield f"gamma is between 0 and 1; for L = {depth} yours is {value:.4g}."
        if value > 1 - 5 / depth + 1e-12:
            yield f"For L = {depth} at most {1 - 5 / depth:.4g} is allowed, yours is {value:.4g}."
        h, v = 1.0, 0.0
        for _ in range(depth):
            v = value * v - (1 - value) * h
            h = h + v / depth
        for _ in range(depth):
            h = h - v / depth
            v = (v + (1 - value) * h) / value
        if not abs(h - 1) < 1e-8:
            yield (
                f"With {depth} layers and gamma = {value:.4g} the input is off by {abs(h - 1):.1g}:"
                f" gamma^(-L) is {value**-depth:.1g}. Let it be the same at all depths."
            )


CHECKS: dict[str, Callable[[Any], Feedback]] = {
    "ex-memory-harm": check_harm,
    "ex-memory-gamma": check_gamma,
    "ex-memory-invert": check_invert,
    "ex-memory-checkpoints": check_checkpoints,
    "ex-memory-heun": check_heun,
    "ex-memory-corrections": check_corrections,
    "ex-memory-defect": check_defect,
    "ex-memory-momentum": check_momentum,
}
