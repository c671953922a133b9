"""Problem set 5: long horizons and the turnpike, limits of training problems."""

from functools import lru_cache, partial
from typing import Any

import numpy as np

from resode_course.coursework._compare import array, compare, several, two_digits
from resode_course.coursework._problem import Feedback, Part, Problem

__all__ = ["PROBLEMS"]

Parameters = dict[str, Any]
Rng = np.random.Generator


# 5.1: a turnpike away from rest


def draw_journey(rng: Rng) -> Parameters:
    """The drift, the price of the control, and what the end is charged."""
    return {
        "drift": two_digits(rng, 0.4, 1.1) * int(rng.choice([-1, 1])),
        "price": two_digits(rng, 0.15, 0.6),
        "end": two_digits(rng, 0.6, 1.8),
    }


Arcs = tuple[float, float, float, float]


def _arcs(p: Parameters, start: float, target: float, horizon: float, **instead: float) -> Arcs:
    """Turnpike, rate, and the sizes of the two arcs; some of the numbers may be replaced."""
    a, price, end = p["drift"], p["price"], instead.get("end", p["end"])
    rate = instead.get("rate", np.sqrt(a**2 + 1 / price))
    middle = instead.get("middle", target / (1 + price * a**2))
    fade = np.exp(-rate * horizon)
    # x(0) = start, and price (x' - a x) + end x = 0 at the horizon.
    rows = [[1, fade], [fade * (end - price * (rate + a)), end + price * (rate - a)]]
    first, last = np.linalg.solve(rows, [start - middle, (price * a - end) * middle])
    return float(middle), float(rate), float(first), float(last)


def _on_the_way(arcs: Arcs, horizon: float, t: np.ndarray, drift: float) -> tuple[Any, Any]:
    """States and controls at some times."""
    middle, rate, first, last = arcs
    go, leave = first * np.exp(-rate * t), last * np.exp(-rate * (horizon - t))
    return middle + go + leave, -drift * middle - (rate + drift) * go + (rate - drift) * leave


def _square(constant: float, first: float, last: float, rate: float, horizon: float) -> float:
    """The integral of the square of a constant and two exponentials."""
    fade = np.exp(-rate * horizon)
    mixed = 2 * constant * (first + last) * (1 - fade) / rate
    alone = (first**2 + last**2) * (1 - fade**2) / (2 * rate)
    return float(constant**2 * horizon + mixed + alone + 2 * first * last * horizon * fade)


def _journey_cost(p: Parameters, arcs: Arcs, target: float, horizon: float) -> dict[str, float]:
    """The three parts of the cost."""
    (middle, rate, first, last), a = arcs, p["drift"]
    work = (-a * middle, -(rate + a) * first, (rate - a) * last)
    at_end = _on_the_way(arcs, horizon, np.array(horizon), a)[0]
    return {
        "states": _square(middle - target, first, last, rate, horizon),
        "controls": p["price"] * _square(*work, rate, horizon),
        "end": p["end"] * float(at_end) ** 2,
    }


def _journeys(rng: Rng) -> list[tuple[float, float, float, np.ndarray]]:
    """Starts, targets and horizons, a very long one among them, with times."""
    cases = []
    for horizon in (1.3, 6.0, 900.0):
        start, target = rng.uniform(0.5, 2.0, size=2) * rng.choice([-1, 1], size=2)
        late = horizon - np.array([2.0, 0.7, 0.0])
        times = np.sort(np.concatenate([[0.0, 0.4, 1.1], late[late > 0]]))
        cases.append((float(start), float(target), horizon, times))
    return cases


def _journey(answer: Any, case: tuple[Any, ...]) -> tuple[Any, ...]:
    return several(answer(*case), ("states", "controls", "cost"))


def _journey_mistakes(p: Parameters, case: tuple[Any, ...], which: int) -> dict[str, Any]:
    """States or controls as typical mistakes give them."""
    start, target, horizon, times = case

    def path(**instead: float) -> Any:
        arcs = _arcs(p, start, target, horizon, **instead)
        return _on_the_way(arcs, horizon, times, p["drift"])[which]

    middle, rate, first, _ = _arcs(p, start, target, horizon)
    alone = _on_the_way((middle, rate, start - middle, 0.0), horizon, times, p["drift"])[which]
    return {
        "To stay at the target costs work; the turnpike is where both costs balance.": path(
            middle=target
        ),
        "The rate is that of no drift.": path(rate=p["price"] ** -0.5),
        "The end is charged; your end is free.": path(end=0.0),
        "The condition at the end is one for u = x' - a x; yours forgets the drift.": path(
            end=p["end"] + p["price"] * p["drift"]
        ),
        "The end has an arc of its own: the turnpike is left before the end.": alone,
    }


def check_states(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The optimal states."""
    for case in _journeys(rng):
        right = _on_the_way(_arcs(p, *case[:3]), case[2], case[3], p["drift"])[0]
        hint = (
            f"Over the horizon {case[2]} other states are best: find the ODE of second order, and "
            "both conditions at the ends."
        )
        mistakes = partial(_journey_mistakes, p, case, 0)
        feedback = compare(_journey(answer, case)[0], right, mistakes, hint, what="states")
        if feedback is not None:
            return feedback
    return None


def check_controls(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The optimal controls."""
    for case in _journeys(rng):
        arcs = _arcs(p, *case[:3])
        states, right = _on_the_way(arcs, case[2], case[3], p["drift"])
        mistakes = {
            "That is the derivative of the states; the drift does its part.": right
            + p["drift"] * states,
            "The sign of the drift is wrong: u = x' - a x.": right + 2 * p["drift"] * states,
            **_journey_mistakes(p, case, 1),
        }
        hint = f"Over the horizon {case[2]} other controls are best: u = x' - a x."
        feedback = compare(_journey(answer, case)[1], right, mistakes, hint, what="controls")
        if feedback is not None:
            return feedback
    return None


def check_journey_cost(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The minimum."""
    for case in _journeys(rng):
        parts = _journey_cost(p, _arcs(p, *case[:3]), *case[1:3])
        right = sum(parts.values())
        rest = case[1] ** 2 * p["price"] * p["drift"] ** 2 / (1 + p["price"] * p["drift"] ** 2)
        mistakes = {
            "The charge of the end is missing.": right - parts["end"],
            "The work is missing.": right - parts["controls"],
            "The work has its price.": right + parts["controls"] * (1 / p["price"] - 1),
            "That is what the turnpike costs for all the time; both arcs are missing.": rest
            * case[2],
            "There is no factor 1/2.": right / 2,
            "Return the cost, not the cost per time.": right / case[2],
        }
        hint = f"Over the horizon {case[2]} it is another number."
        if case[2] > 100:
            hint = "Short horizons are right, a long one is not: no exponential may overflow."
        feedback = compare(_journey(answer, case)[2], right, mistakes, hint, what="cost")
        if feedback is not None:
            return feedback
    return None


# 5.2: which layers can be cut


def draw_cut(rng: Rng) -> Parameters:
    """The price of the weights, and what the last state is charged."""
    return {"price": two_digits(rng, 0.1, 0.5), "end": two_digits(rng, 0.4, 2.0)}


def _cut(
    case: tuple[float, float, float, int, float],
    p: Parameters,
    *,
    steps: tuple[float, float] = (1.0, 1.0),
    first: int = 1,
    end: float | None = None,
) -> tuple[np.ndarray, float, np.ndarray]:
    """Controls, minimum and states; with other powers of the step, other states, another end."""
    start, running, dt, L, _ = case
    to_states = np.vstack([np.zeros(L), dt * np.tril(np.ones((L, L)))])
    weights = np.zeros(L + 1)
    weights[first : first + L] = running * dt ** steps[0]
    weights[L] += p["end"] if end is None else end
    price = p["price"] * dt ** steps[1]
    H = to_states.T @ (weights[:, None] * to_states) + price * np.eye(L)
    u = np.linalg.solve(H, -start * to_states.T @ weights)
    x = start + to_states @ u
    return u, float(weights @ x**2 + price * u @ u), x


def _cut_cases(rng: Rng) -> list[tuple[float, float, float, int, float]]:
    """Starts, running charges, steps, depths and tolerances."""
    cases = []
    for running, dt, L in ((1.0, 0.1, 40), (2.5, 0.05, 90), (0.0, 0.1, 60), (1.0, 0.1, 3)):
        start = float(rng.uniform(0.6, 2.0) * rng.choice([-1, 1]))
        charge = running * float(rng.uniform(0.8, 1.25))
        tolerance = float(rng.choice([0.05, 0.1, 0.2]))
        # Three layers are too short a way for any class.
        cases.append((start, charge, dt, L, tolerance if L > 3 else 0.03))
    return cases


def _cut_results(answer: Any, case: tuple[Any, ...]) -> tuple[Any, ...]:
    return several(answer(*case), ("weights", "minimum", "kept"))


def _cut_words(case: tuple[Any, ...]) -> str:
    return f"{case[3]} layers of the step {case[2]}, running charge {case[1]:.2f}"


def _cut_mistakes(case: tuple[Any, ...], p: Parameters, which: int) -> dict[str, Any]:
    """Weights or minima as typical mistakes give them."""
    right = _cut(case, p)[which]
    known = {
        "the price of the weights has a factor of the step.": _cut(case, p, steps=(1.0, 0.0)),
        "the charge of the states has a factor of the step.": _cut(case, p, steps=(0.0, 1.0)),
        "neither sum has its factor of the step.": _cut(case, p, steps=(0.0, 0.0)),
        "the last state is charged too.": _cut(case, p, end=0.0),
        "the running sum has the states from 1 to L.": _cut(case, p, first=0),
    }
    if which == 0:
        own = {
            "the sign is wrong.": -right,
            "weights are x_{k+1} - x_k over the step.": case[2] * right,
            "all layers work equally hard only if nothing is charged on the way.": np.full(
                case[3], np.mean(right)
            ),
        }
    else:
        own = {
            "there is no factor 1/2.": right / 2,
            "the running sum does not have x_0.": right + case[1] * case[2] * case[0] ** 2,
        }
    return {**{sentence: found[which] for sentence, found in known.items()}, **own}


def _check_cut(answer: Any, p: Parameters, rng: Rng, which: int, hint: str) -> Feedback:
    """Weights or minima of all cases."""
    for case in _cut_cases(rng):
        right, got = _cut(case, p)[which], _cut_results(answer, case)[which]
        mistakes = partial(_cut_mistakes, case, p, which)
        what = ("weights", "minimum")[which]
        feedback = compare(got, right, mistakes, hint, what=what)
        if feedback is not None:
            return f"{_cut_words(case)}: {feedback}"
    return None


def check_weights(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The weights of the best network."""
    return _check_cut(answer, p, rng, 0, "another network costs less.")


def check_minimum(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """What the best network costs."""
    return _check_cut(answer, p, rng, 1, "the minimum is another number.")


def check_kept(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """How many layers must be kept."""
    for case in _cut_cases(rng):
        x = np.abs(_cut(case, p)[2]) / abs(case[0])
        far = [np.nonzero(x > case[4] * factor)[0] for factor in (1 - 1e-9, 1 + 1e-9)]
        kept = {int(k[-1]) + 1 for k in far}
        right = {-1 if k > case[3] else k for k in kept}
        got = float(array(_cut_results(answer, case)[2], (), "kept"))
        if got in right:
            continue
        where = f"{_cut_words(case)}, tolerance {case[4]}"
        if right == {-1}:
            return f"{where}: no number of layers is enough; return -1."
        if got == -1:
            return f"{where}: the last state is within the tolerance, so -1 is wrong."
        if got + 1 in right:
            return f"{where}: k layers lead to x_k; you return one fewer."
        fewer = "too few" if got < min(right) else "more than needed"
        return f"{where}: these are {fewer}. The tolerance is relative to the start."
    return None


# 5.3: the power of L in the penalty


def draw_powers(rng: Rng) -> Parameters:
    """What roughness costs, and what the first weight costs beside it."""
    return {"penalty": two_digits(rng, 0.1, 0.9), "tau": two_digits(rng, 0.5, 2.5)}


def _powered(power: float, L: int, y: float, p: Parameters) -> tuple[np.ndarray, float]:
    """The minimiser and the minimum, from the linear equations."""
    alpha = p["penalty"]
    D = np.diff(np.eye(L), axis=0)
    A = L**power * D.T @ D
    A[0, 0] += p["tau"]
    g = np.full(L, 1 / L)
    u = np.linalg.solve(np.outer(g, g) + alpha * A, y * g)
    return u, float((g @ u - y) ** 2 + alpha * u @ A @ u)


def _power_limit(power: float, y: float, p: Parameters) -> float:
    """What the minima tend to, measured at depths that are far beyond any network."""
    alpha, tau = p["penalty"], p["tau"]

    def minimum(L: float) -> float:
        return float(alpha / (alpha + 1 / tau + L ** (1 - power) * (1 - 1 / L) * (2 - 1 / L) / 6))

    return y**2 * (0.0 if power < 1 else minimum(1e15 if power == 1 else 1e80))


def _power_cases(rng: Rng) -> list[tuple[float, int, float]]:
    """Powers, depths and targets."""
    targets = rng.uniform(0.5, 2.0, size=6) * rng.choice([-1, 1], size=6)
    powers = (1.0, 0.0, 2.0, 0.5, 1.5, -1.0)
    return [(s, int(rng.integers(3, 60)), float(y)) for s, y in zip(powers, targets, strict=True)]


def _power_results(answer: Any, case: tuple[float, int, float]) -> tuple[Any, ...]:
    return several(answer(*case), ("weights", "minimum", "limit", "order"))


def check_power_weights(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The minimiser."""
    for case in _power_cases(rng):
        power, L, y = case
        right = _powered(power, L, y, p)[0]
        mistakes = {
            "That is with the power 1 for all.": _powered(1.0, L, y, p)[0],
            "The power has the other sign.": _powered(-power, L, y, p)[0],
            "The first weight is charged tau, with the penalty in front.": _powered(
                power, L, y, {**p, "tau": p["tau"] / p["penalty"]}
            )[0],
            "The penalty is in front of both terms.": _powered(
                power, L, y, {"penalty": 1.0, "tau": p["tau"]}
            )[0],
            "Those are differences; sum them up.": np.diff(right, prepend=0.0),
            "A constant is best only if differences are very expensive.": np.full(
                L, y / (1 + p["penalty"] * p["tau"])
            ),
        }
        hint = f"For the power {power} and {L} layers others are better."
        feedback = compare(_power_results(answer, case)[0], right, mistakes, hint, what="weights")
        if feedback is not None:
            return feedback
    return None


def check_power_minimum(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The minimum, also of a deeper network."""
    for power, L, y in [*_power_cases(rng), (1.5, 150, 1.3)]:
        u, right = _powered(power, L, y, p)
        mistakes = {
            "That is the loss alone.": (u.mean() - y) ** 2,
            "That is the penalty alone.": right - (u.mean() - y) ** 2,
            "There is no factor 1/2.": right / 2,
        }
        hint = f"For the power {power} and {L} layers it is another number."
        got = _power_results(answer, (power, L, y))[1]
        feedback = compare(got, right, mistakes, hint, what="minimum")
        if feedback is not None:
            return feedback
    return None


def check_power_limit(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The limit of the minima."""
    for case in _power_cases(rng):
        power, _, y = case
        right = _power_limit(power, y, p)
        got = array(_power_results(answer, case)[2], (), "limit")
        if abs(got - right) <= 1e-6 * y**2:
            continue
        others = {
            "that is the limit for the power 1.": _power_limit(1.0, y, p),
            "that is the limit for high powers, where constants are best.": _power_limit(2.0, y, p),
            "roughness is not free in the limit.": 0.0,
        }
        for sentence, value in others.items():
            if abs(got - value) <= 1e-6 * y**2:
                return f"For the power {power} the minima tend to another number: {sentence}"
        return f"For the power {power} the minima tend to another number than {got:.6g}."
    return None


def check_power_order(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """How fast the minima tend to their limit."""
    for case in _power_cases(rng):
        power, _, y = case
        right = 1.0 if power == 1 else abs(power - 1)
        got = array(_power_results(answer, case)[3], (), "order")
        if abs(got - right) > 1e-6:
            return (
                f"For the power {power} the distance to the limit is not of order {got:g}. Print "
                "it for some depths."
            )
    return None


# 5.4: coarse, then fine


def draw_level(rng: Rng) -> Parameters:
    """What roughness costs, and what the first weight costs beside it."""
    return {"penalty": two_digits(rng, 0.1, 0.5), "tau": two_digits(rng, 0.6, 2.0)}


def _energy(u: np.ndarray, y: float, p: Parameters) -> float:
    """The cost of weights."""
    L = len(u)
    rough = L * np.sum(np.diff(u) ** 2) + p["tau"] * u[0] ** 2
    return float((np.prod(1 + u / L) - y) ** 2 + p["penalty"] * rough)


def _minimiser(L: int, y: float, p: Parameters) -> np.ndarray:
    """The best weights of a depth."""
    return _newton(L, y, p["penalty"], p["tau"])


@lru_cache(maxsize=128)
def _newton(L: int, y: float, penalty: float, tau: float) -> np.ndarray:
    """The best weights, by Newton's method with shorter steps where it must."""
    p = {"penalty": penalty, "tau": tau}
    D = np.diff(np.eye(L), axis=0)
    A = 2 * penalty * L * D.T @ D
    A[0, 0] += 2 * penalty * tau
    u = np.zeros(L)
    for _ in range(60):
        end, factor = np.prod(1 + u / L), 1 / (L + u)
        slope = 2 * (end - y) * end * factor + A @ u
        outer = np.outer(factor, factor)
        step = -np.linalg.solve(
            A + 2 * end * (2 * end - y) * outer - 2 * end * (end - y) * np.diag(factor**2), slope
        )
        if step @ slope > 0:  # then without the residual's part, which makes it positive
            step = -np.linalg.solve(A + 2 * end**2 * outer, slope)
        size = 1.0
        while _energy(u + size * step, y, p) > _energy(u, y, p) and size > 1e-3:
            size /= 2
        u = u + size * step
        if np.abs(step).max() < 1e-10:
            break
    return u


def _refined(u: np.ndarray) -> np.ndarray:
    """The joined curve, read at twice as many layers."""
    held = np.append(u, u[-1])
    return np.ravel([u, (held[:-1] + held[1:]) / 2], order="F")


def _level_limit(y: float, p: Parameters) -> float:
    """The minimum of the ODE's problem, on a fine grid of the only number that counts."""
    stiff = p["penalty"] / (1 / p["tau"] + 1 / 3)
    low, high = -4.0, 4.0
    for _ in range(5):
        c = np.linspace(low, high, 2001)
        values = (np.exp(c) - y) ** 2 + stiff * c**2
        j = int(np.clip(values.argmin(), 1, 1999))
        low, high = c[j - 1], c[j + 1]
    return float(values.min())


def _level_cases(rng: Rng) -> list[tuple[int, float]]:
    """Depths and targets, below and above one."""
    return [
        (4, float(rng.uniform(1.6, 2.6))),
        (12, float(rng.uniform(0.3, 0.7))),
        (24, float(rng.uniform(1.5, 3.0))),
    ]


def _level(answer: Any, case: tuple[int, float]) -> tuple[Any, ...]:
    return several(answer(*case), ("weights", "minimum", "limit", "gap"))


def check_level_weights(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The minimiser."""
    for L, y in _level_cases(rng):
        right = _minimiser(L, y, p)
        mistakes = {
            "Those are the best weights for the roughness without its factor L.": _minimiser(
                L, y, {"penalty": p["penalty"] / L, "tau": p["tau"] * L}
            ),
            "The last weight feels no neighbour behind it; yours is held at zero.": np.append(
                right[:-1], 0.0
            ),
            "Those are L times too small: a layer is 1 + u / L.": right / L,
            "A constant is not best; the first weight has a price.": np.full(L, right.mean()),
        }
        hint = f"With {L} layers and the target {y:.2f} other weights cost less."
        got = _level(answer, (L, y))[0]
        feedback = compare(got, right, mistakes, hint, what="weights", tolerance=1e-5)
        if feedback is not None:
            return feedback
    return None


def check_level_minimum(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The minimum."""
    for L, y in _level_cases(rng):
        u = _minimiser(L, y, p)
        right = _energy(u, y, p)
        mistakes = {
            "That is the minimum of the ODE's problem.": _level_limit(y, p),
            "That is the loss alone.": (np.prod(1 + u / L) - y) ** 2,
            "There is no factor 1/2.": right / 2,
        }
        hint = f"With {L} layers and the target {y:.2f} it is another number."
        got = _level(answer, (L, y))[1]
        feedback = compare(got, right, mistakes, hint, what="minimum")
        if feedback is not None:
            return feedback
    return None


def check_level_limit(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The minimum of the ODE's problem."""
    for L, y in _level_cases(rng):
        right = _level_limit(y, p)
        mistakes = {
            "That is the minimum at the depth given.": _energy(_minimiser(L, y, p), y, p),
            "That is for the weight constant in depth; a parabola is better.": _level_limit(
                y, {**p, "tau": 1 / (1 / p["tau"] - 1 / 3)}
            ),
            "Zero loss would cost more: end and penalty share.": p["penalty"]
            * np.log(y) ** 2
            / (1 / p["tau"] + 1 / 3),
        }
        hint = f"For the target {y:.2f} it is another number. The end depends on one number only."
        got = _level(answer, (L, y))[2]
        feedback = compare(got, right, mistakes, hint, what="limit")
        if feedback is not None:
            return feedback
    return None


def check_level_gap(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """How far the refined weights are from the minimum at twice the depth."""
    for L, y in _level_cases(rng):
        u = _minimiser(L, y, p)
        best = _energy(_minimiser(2 * L, y, p), y, p)
        right = _energy(_refined(u), y, p) - best
        mistakes = {
            "That is for repeated layers, whose roughness is doubled.": _energy(
                np.repeat(u, 2), y, p
            )
            - best,
            "That is the difference of the two minima.": _energy(u, y, p) - best,
            "That is against the minimum at L layers; both costs are those of 2L layers.": _energy(
                _refined(u), y, p
            )
            - _energy(u, y, p),
            "The sign is wrong.": -right,
            "That is against the minimum of the ODE's problem.": right + best - _level_limit(y, p),
            "That is the cost of the start, not what it has too much.": right + best,
        }
        hint = (
            f"From {L} to {2 * L} layers, target {y:.2f}: it is another number. Join, then sample."
        )
        got = array(_level(answer, (L, y))[3], (), "gap")
        if abs(got - right) <= 1e-3 * right + 1e-11:
            continue
        feedback = compare(got, right, mistakes, hint, what="gap", tolerance=1e-3)
        if feedback is not None:
            return feedback
    return None


# 5.5: weights of one bit


def draw_bits(rng: Rng) -> Parameters:
    """The two values that a weight may have."""
    return {"up": two_digits(rng, 0.5, 2.0), "down": two_digits(rng, 0.5, 2.0)}


def _ramp(part: float, L: int, p: Parameters) -> np.ndarray:
    """The states to follow: the straight line whose slope is that mean of the two values."""
    return (part * p["up"] - (1 - part) * p["down"]) * np.arange(1, L + 1) / L


def _bit_cost(u: np.ndarray, part: float, p: Parameters) -> float:
    """The mean squared distance of states and line."""
    return float(np.mean((np.cumsum(u) / len(u) - _ramp(part, len(u), p)) ** 2))


def _best_bits(part: float, L: int, p: Parameters) -> float:
    """The least cost over all sequences of bits, state by state."""
    gap, ramp = p["up"] + p["down"], _ramp(part, L, p)
    costs = np.zeros(1)  # by the number of bits that are up so far
    for k in range(1, L + 1):
        ahead = np.minimum(np.append(costs, np.inf), np.append(np.inf, costs))
        costs = ahead + ((np.arange(k + 1) * gap - k * p["down"]) / L - ramp[k - 1]) ** 2
    return float(costs.min() / L)


def _bit_constant(i: int, q: int, p: Parameters) -> float:
    """The limit of L^2 times the least cost: one period of whole numbers next to k i / q."""
    k = np.arange(q) * i % q
    return float((p["up"] + p["down"]) ** 2 * np.mean((np.minimum(k, q - k) / q) ** 2))


def _bit_cases(rng: Rng) -> list[tuple[int, int, int]]:
    """Fractions i / q and depths; never one half."""
    fractions = [(1, 3), (2, 5), (3, 4), (5, 8), (6, 7), (0, 1), (89, 144)]
    return [(i, q, int(rng.integers(20, 90))) for i, q in fractions]


def _bits(answer: Any, case: tuple[int, int, int]) -> tuple[Any, ...]:
    return several(answer(*case), ("weights", "cost", "constant", "price"))


def check_bits(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """Whether the weights have one bit and none follow the line better."""
    for case in _bit_cases(rng):
        i, q, L = case
        u = array(_bits(answer, case)[0], (L,), "weights")
        two = np.minimum(np.abs(u - p["up"]), np.abs(u + p["down"]))
        if two.max() > 1e-9:
            return f"A weight is {p['up']} or {-p['down']}; you return {u[two.argmax()]:.4g}."
        best = _best_bits(i / q, L, p)
        if _bit_cost(u, i / q, p) > best * (1 + 1e-9) + 1e-15:
            return (
                f"For the part {i}/{q} and {L} layers the cost of your weights is "
                f"{_bit_cost(u, i / q, p) / best:.3g} times the least."
                if best > 0
                else f"For the part {i}/{q} all weights can be equal, and the cost is zero."
            )
    return None


def check_bit_cost(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The least cost."""
    for case in _bit_cases(rng):
        i, q, L = case
        right = _best_bits(i / q, L, p)
        got = array(_bits(answer, case)[1], (), "cost")
        if abs(got - right) <= 1e-6 * right + 1e-15:
            continue
        mistakes = {
            "the cost is a mean over layers": L * right,
            "states have a factor 1/L": L**2 * right,
            "that is the bound: each state is within half a step": (p["up"] + p["down"]) ** 2
            / (4 * L**2),
            "a relaxed weight may be anything between; yours has two values": 0.0,
        }
        for sentence, value in mistakes.items():
            if abs(got - value) <= 1e-6 * right:
                return f"For the part {i}/{q} and {L} layers: {sentence}."
        side = "no weights of one bit cost that little" if got < right else "others cost less"
        return f"For the part {i}/{q} and {L} layers: {side}."
    return None


def check_bit_constant(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The limit of L^2 times the least cost."""
    for case in _bit_cases(rng):
        i, q, _ = case
        right = _bit_constant(i, q, p)
        got = array(_bits(answer, case)[2], (), "constant")
        gap = (p["up"] + p["down"]) ** 2
        if abs(got - right) <= 1e-6 * gap:
            continue
        mistakes = {
            "that is for parts that are not rational": gap / 12,
            "that is the bound by the worst state": gap / 4,
            "the distance of the two values enters squared": right / gap**0.5,
            "the distance of the two values is missing": right / gap,
            "that is for odd q": gap * (q**2 - 1) / (12 * q**2),
            "that is for even q": gap * (q**2 + 2) / (12 * q**2),
        }
        for sentence, value in mistakes.items():
            if abs(got - value) <= 1e-6 * gap:
                return f"For the part {i}/{q}: {sentence}."
        return f"For the part {i}/{q} L^2 times the least cost tends to another number."
    return None


def check_bit_price(answer: Any, p: Parameters, rng: Rng) -> Feedback:
    """The limit of the roughness over L^2."""
    for case in _bit_cases(rng):
        i, q, _ = case
        gap = (p["up"] + p["down"]) ** 2
        right = 2 * min(i, q - i) / q * gap
        got = array(_bits(answer, case)[3], (), "price")
        if abs(got - right) <= 1e-6 * gap:
            continue
        mistakes = {
            "each rare weight makes two jumps": right / 2,
            "the rarer of the two values decides": 2 * max(i, q - i) / q * gap,
            "a jump is squared": right / gap**0.5,
            "that is the checkerboard's": gap,
            "jumps are not that rare": 0.0,
        }
        for sentence, value in mistakes.items():
            if abs(got - value) <= 1e-6 * gap:
                return f"For the part {i}/{q}: {sentence}."
        return f"For the part {i}/{q} the roughness over L^2 tends to another number."
    return None


PROBLEMS = (
    Problem(
        "5.1",
        "travel",
        9,
        draw_journey,
        (
            Part("optimal states", 4, check_states),
            Part("optimal controls", 2, check_controls),
            Part("the cost", 3, check_journey_cost),
        ),
    ),
    Problem(
        "5.2",
        "cut",
        8,
        draw_cut,
        (
            Part("weights of the best network", 4, check_weights),
            Part("what it costs", 2, check_minimum),
            Part("layers to keep", 2, check_kept),
        ),
    ),
    Problem(
        "5.3",
        "with_power",
        8,
        draw_powers,
        (
            Part("minimiser", 2, check_power_weights),
            Part("minimum", 2, check_power_minimum),
            Part("limit of the minima", 2, check_power_limit),
            Part("order of the distance", 2, check_power_order),
        ),
    ),
    Problem(
        "5.4",
        "refine_and_compare",
        9,
        draw_level,
        (
            Part("minimiser", 4, check_level_weights),
            Part("minimum", 1, check_level_minimum),
            Part("minimum of the limit", 2, check_level_limit),
            Part("gap of the refined start", 2, check_level_gap),
        ),
    ),
    Problem(
        "5.5",
        "follow_with_bits",
        8,
        draw_bits,
        (
            Part("weights of one bit", 3, check_bits),
            Part("least cost", 1, check_bit_cost),
            Part("constant of the order", 2, check_bit_constant),
            Part("price in roughness", 2, check_bit_price),
        ),
    ),
)
