"""Problem set 5: long horizons and the turnpike, limits of training problems."""

from collections.abc import Iterator
from functools import lru_cache, partial
from math import gcd
from typing import Any

import numpy as np

from resode_course.coursework.cases import Case
from resode_course.coursework.marks import Property
from resode_course.coursework.properties import Bits
from resode_grader.sets._draws import two_digits
from resode_grader.sets._networks import Weights, adam, finite, trained
from resode_grader.sets._problem import Part, Problem

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


_journey = partial(Case, of=("states", "controls", "cost"))


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


def states_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The optimal states."""
    for case in _journeys(rng):
        right = _on_the_way(_arcs(p, *case[:3]), case[2], case[3], p["drift"])[0]
        hint = (
            f"Over the horizon {case[2]} other states are best: find the ODE of second order, and "
            "both conditions at the ends."
        )
        yield _journey(case, right, partial(_journey_mistakes, p, case, 0), hint, pick="states")


def controls_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
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
        yield _journey(case, right, mistakes, hint, pick="controls")


def journey_cost_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
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
        yield _journey(case, right, mistakes, hint, pick="cost")


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


_cut_case = partial(Case, of=("weights", "minimum", "kept"))


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


def weights_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The weights of the best network."""
    for case in _cut_cases(rng):
        mistakes, hint = partial(_cut_mistakes, case, p, 0), "another network costs less."
        right, where = _cut(case, p)[0], _cut_words(case)
        yield _cut_case(case, right, mistakes, hint, pick="weights", where=where)


def minimum_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """What the best network costs."""
    for case in _cut_cases(rng):
        mistakes, hint = partial(_cut_mistakes, case, p, 1), "the minimum is another number."
        right, where = _cut(case, p)[1], _cut_words(case)
        yield _cut_case(case, right, mistakes, hint, pick="minimum", where=where)


def kept_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """How many layers must be kept."""
    for case in _cut_cases(rng):
        x = np.abs(_cut(case, p)[2]) / abs(case[0])
        far = [np.nonzero(x > case[4] * factor)[0] for factor in (1 - 1e-9, 1 + 1e-9)]
        # Two numbers, if rounding decides whether a state is near enough.
        high, low = (int(k[-1]) + 1 for k in far)
        kept = partial(
            _cut_case, case, pick="kept", where=f"{_cut_words(case)}, tolerance {case[4]}"
        )
        if high > case[3]:
            yield kept(-1, {}, "no number of layers is enough; return -1.", tolerance=1e-9)
            continue
        mistakes = {
            "the last state is within the tolerance, so -1 is wrong.": -1,
            "k layers lead to x_k; you return one fewer.": low - 1,
        }
        yield kept(
            (low + high) / 2,
            mistakes,
            "these are more than needed. The tolerance is relative to the start.",
            tolerance=1.0,
            size=(high - low) / 2 + 0.1,
            below="these are too few. The tolerance is relative to the start.",
        )


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
    low = rng.choice([-1.5, -1.0, -0.5, 0.0], size=2, replace=False)
    high = rng.choice([1.5, 2.0, 2.5], size=2, replace=False)
    powers = (1.0, 0.5, *low.tolist(), *high.tolist())
    return [(s, int(rng.integers(3, 60)), float(y)) for s, y in zip(powers, targets, strict=True)]


_power = partial(Case, of=("weights", "minimum", "limit", "order"))


def power_weights_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
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
        yield _power(case, right, mistakes, hint, pick="weights")


def power_minimum_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The minimum, also of a deeper network."""
    for case in [*_power_cases(rng), (1.5, 150, 1.3)]:
        power, L, y = case
        u, right = _powered(power, L, y, p)
        mistakes = {
            "That is the loss alone.": (u.mean() - y) ** 2,
            "That is the penalty alone.": right - (u.mean() - y) ** 2,
            "There is no factor 1/2.": right / 2,
        }
        hint = f"For the power {power} and {L} layers it is another number."
        yield _power(case, right, mistakes, hint, pick="minimum")


def power_limit_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The limit of the minima."""
    for case in _power_cases(rng):
        power, _, y = case
        others = {
            "that is the limit for the power 1.": _power_limit(1.0, y, p),
            "that is the limit for high powers, where constants are best.": _power_limit(2.0, y, p),
            "roughness is not free in the limit.": 0.0,
        }
        yield _power(
            case,
            _power_limit(power, y, p),
            others,
            "it is not {got}.",
            pick="limit",
            size=y**2,
            where=f"For the power {power} the minima tend to another number",
        )


def power_order_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """How fast the minima tend to their limit."""
    for case in _power_cases(rng):
        power = case[0]
        hint = (
            f"For the power {power} the distance to the limit is not of order {{got}}. Print it "
            "for some depths."
        )
        yield _power(case, 1.0 if power == 1 else abs(power - 1), {}, hint, pick="order", size=1.0)


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


_level = partial(Case, of=("weights", "minimum", "limit", "gap"))


def level_weights_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
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
        yield _level((L, y), right, mistakes, hint, pick="weights", tolerance=1e-5)


def level_minimum_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
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
        yield _level((L, y), right, mistakes, hint, pick="minimum")


def level_limit_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
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
        yield _level((L, y), right, mistakes, hint, pick="limit")


def level_gap_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
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
        # Costs are of order one, so their difference is known to some 1e-11.
        size = right + 1e-8
        yield _level((L, y), right, mistakes, hint, pick="gap", tolerance=1e-3, size=size)


# 5.5: weights of one bit


def draw_bits(rng: Rng) -> Parameters:
    """The two values that a weight may have."""
    return {"up": two_digits(rng, 0.5, 2.0), "down": two_digits(rng, 0.5, 2.0)}


def _ramp(part: float, L: int, p: Parameters) -> np.ndarray:
    """The states to follow: the straight line whose slope is that mean of the two values."""
    return (part * p["up"] - (1 - part) * p["down"]) * np.arange(1, L + 1) / L


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
    # Odd and even denominators, small ones and large ones.
    ranges = ((3, 9), (4, 10), (11, 31), (12, 40), (101, 199))
    fractions = [(0, 1), *(_fraction(rng, low, high) for low, high in ranges)]
    return [(i, q, int(rng.integers(20, 90))) for i, q in fractions]


def _fraction(rng: Rng, low: int, high: int) -> tuple[int, int]:
    """A fraction between zero and one whose denominator is as odd or even as its bounds."""
    q = int(rng.choice(np.arange(low, high + 1, 2)))
    return int(rng.choice([i for i in range(1, q) if gcd(i, q) == 1])), q


_bits = partial(Case, of=("weights", "cost", "constant", "price"))


def bits_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """Whether the weights have one bit and none follow the line better."""
    for i, q, L in _bit_cases(rng):
        yield Bits((i, q), L, p["up"], p["down"], _best_bits(i / q, L, p))


def bit_cost_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The least cost."""
    for case in _bit_cases(rng):
        i, q, L = case
        right = _best_bits(i / q, L, p)
        mistakes = {
            "the cost is a mean over layers.": L * right,
            "states have a factor 1/L.": L**2 * right,
            "that is the bound: each state is within half a step.": (p["up"] + p["down"]) ** 2
            / (4 * L**2),
            "a relaxed weight may be anything between; yours has two values.": 0.0,
        }
        yield _bits(
            case,
            right,
            mistakes,
            "others cost less.",
            pick="cost",
            size=right + 1e-9,
            where=f"For the part {i}/{q} and {L} layers",
            below="no weights of one bit cost that little.",
        )


def bit_constant_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The limit of L^2 times the least cost."""
    gap = (p["up"] + p["down"]) ** 2
    for case in _bit_cases(rng):
        i, q, _ = case
        right = _bit_constant(i, q, p)
        mistakes = {
            "that is for parts that are not rational.": gap / 12,
            "that is the bound by the worst state.": gap / 4,
            "the distance of the two values enters squared.": right / gap**0.5,
            "the distance of the two values is missing.": right / gap,
            "that is for odd q.": gap * (q**2 - 1) / (12 * q**2),
            "that is for even q.": gap * (q**2 + 2) / (12 * q**2),
        }
        hint, where = "L^2 times the least cost tends to another number.", f"For the part {i}/{q}"
        yield _bits(case, right, mistakes, hint, pick="constant", size=gap, where=where)


def bit_price_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The limit of the roughness over L^2."""
    gap = (p["up"] + p["down"]) ** 2
    for case in _bit_cases(rng):
        i, q, _ = case
        right = 2 * min(i, q - i) / q * gap
        mistakes = {
            "each rare weight makes two jumps.": right / 2,
            "the rarer of the two values decides.": 2 * max(i, q - i) / q * gap,
            "a jump is squared.": right / gap**0.5,
            "that is the checkerboard's.": gap,
            "jumps are not that rare.": 0.0,
        }
        hint, where = "the roughness over L^2 tends to another number.", f"For the part {i}/{q}"
        yield _bits(case, right, mistakes, hint, pick="price", size=gap, where=where)


# 5.8: a network that comes to rest

Rest = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float, float, int]
REST = ("cost", "losses", "speeds")


def draw_rest(rng: Rng) -> Parameters:
    """The length of a layer, the price of the weights, and the rate of Adam."""
    return {
        "step": two_digits(rng, 0.1, 0.25),
        "price": two_digits(rng, 0.02, 0.08),
        "rate": two_digits(rng, 0.05, 0.12),
    }


def _rest_cases(rng: Rng) -> list[Rest]:
    """Weights, data, what the loss costs on the way and at the end, and a number of steps."""
    # One shape, so that an answer is compiled once.
    L, d, n = 8, 3, 4
    return [
        (
            (0.4 * rng.normal(size=(L, d, d))).round(2),
            (0.4 * rng.normal(size=(L, d))).round(2),
            rng.normal(size=(n, d)).round(2),
            rng.normal(size=n).round(2),
            *prices,
            25,
        )
        for prices in ((1.0, 0.0), (0.0, 1.0))
    ]


def _charges(L: int, running: float, end: float, dt: float) -> np.ndarray:
    """What the loss of each state is multiplied by: trapezoids on the way, and the last state."""
    trapezoids = np.concatenate([[0.5], np.ones(L - 1), [0.5]])
    return running * dt * trapezoids + end * np.eye(L + 1)[-1]


def _walk(weights: Weights, x: np.ndarray, dt: float) -> list[np.ndarray]:
    """The states of all samples."""
    found = [x]
    for w, b in zip(*weights, strict=True):
        found.append(found[-1] + dt * (np.tanh(found[-1]) @ w.T + b))
    return found


def _charged_gradient(
    weights: Weights, x: np.ndarray, y: np.ndarray, charges: np.ndarray, dt: float, price: float
) -> tuple[float, Weights]:
    """The cost and its gradient, by costates that meet a charge at each layer."""
    w, b = weights
    states = _walk(weights, x, dt)
    errors = [state[:, 0] - y for state in states]
    cost = sum(c * np.mean(e**2) for c, e in zip(charges, errors, strict=True))
    cost += price * dt * sum(np.sum(u**2) for u in weights)
    first = np.eye(x.shape[1])[0]
    G_w, G_b, costate = np.empty_like(w), np.empty_like(b), np.zeros_like(x)
    for k in reversed(range(len(w))):
        costate = costate + charges[k + 1] * 2 / len(y) * np.outer(errors[k + 1], first)
        bent = np.tanh(states[k])
        G_w[k] = dt * costate.T @ bent + 2 * price * dt * w[k]
        G_b[k] = dt * costate.sum(axis=0) + 2 * price * dt * b[k]
        costate = costate + dt * (costate @ w[k]) * (1 - bent**2)
    return float(cost), (G_w, G_b)


def _rest_run(
    case: Rest, p: Parameters, charges: np.ndarray | None = None
) -> tuple[np.ndarray, Weights]:
    """The costs and the weights of a training."""
    w, b, x, y, running, end, steps = case
    charges = _charges(len(w), running, end, p["step"]) if charges is None else charges

    def gradient(weights: Weights) -> tuple[float, Weights]:
        return _charged_gradient(weights, x, y, charges, p["step"], p["price"])

    return trained(gradient, (w, b), steps, adam(p["rate"]))


def _mistaken_rest(case: Rest, p: Parameters) -> dict[str, float]:
    """What typical mistakes give, by the sentence that explains them."""
    w, _, _, _, running, end, _ = case
    L, dt = len(w), p["step"]
    late = np.concatenate([np.zeros(1), np.full(L, dt)])
    costs = _rest_run(case, p)[0]
    found = {
        "That is the cost before the last step.": costs[-2],
        "That is the cost at the start.": costs[0],
        "You take the price on the way for the one at the end, and the other way round.": _rest_run(
            case, p, _charges(L, end, running, dt)
        )[0][-1],
        "The price of the weights is an integral, a sum times the length of a layer.": _rest_run(
            case, {**p, "price": p["price"] / dt}
        )[0][-1],
        "The weights are free in your cost.": _rest_run(case, {**p, "price": 0.0})[0][-1],
    }
    if running:
        found |= {
            "The integral of the loss is to be a sum of trapezoids; you leave out the start.": (
                _rest_run(case, p, late)[0][-1]
            ),
            "The integral of the loss is to be a sum of trapezoids; you take the left ends.": (
                _rest_run(case, p, late[::-1])[0][-1]
            ),
            "The loss is summed over layers without their length.": _rest_run(
                case, p, _charges(L, running, end, dt) / dt
            )[0][-1],
        }
    return finite(found)


def rest_cost_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The cost after training, for both kinds of cost."""
    for case, where in zip(_rest_cases(rng), ("on the way", "at the end"), strict=True):
        yield Case(
            case,
            _rest_run(case, p)[0][-1],
            partial(_mistaken_rest, case, p),
            f"With the loss charged {where} the cost after training is not {{got}}; is it right "
            "for 0 steps?",
            pick="cost",
            of=REST,
        )


def rest_losses_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """The loss of each state of the trained network."""
    case = _rest_cases(rng)[0]
    w, b, x, y, *_ = case

    def losses(weights: Weights, dt: float = p["step"]) -> np.ndarray:
        return np.array([np.mean((h[:, 0] - y) ** 2) for h in _walk(weights, x, dt)])

    right = losses(_rest_run(case, p)[1])
    mistakes = {
        "These are the losses before training.": losses((w, b)),
        "The loss is a mean over samples; you take the sum.": len(y) * right,
        "They are to be plain losses, not multiplied by the length of a layer.": right * p["step"],
        "The states are in reverse order: the first is the input.": right[::-1],
    }
    hint = "The losses of the states h_0, ..., h_L are others."
    yield Case(case, right, mistakes, hint, pick="losses", of=REST)


def rest_speeds_cases(p: Parameters, rng: Rng) -> Iterator[Property]:
    """How fast the samples move in each layer."""
    case = _rest_cases(rng)[0]
    w, b, x, *_ = case

    def moves(weights: Weights) -> np.ndarray:
        return np.diff(_walk(weights, x, p["step"]), axis=0) / p["step"]

    def mean_square(velocity: np.ndarray) -> np.ndarray:
        return np.sqrt((velocity**2).sum(axis=2).mean(axis=1))

    end = _rest_run(case, p)[1]
    right = mean_square(moves(end))
    mistakes = {
        "These are the speeds before training.": mean_square(moves((w, b))),
        "That is how far states move in a layer; divide by its length.": right * p["step"],
        "That is the sum over samples; the root of the mean of squares is asked.": right
        * np.sqrt(len(x)),
        "That is the mean of the norms; the root of the mean of squares is asked.": np.sqrt(
            (moves(end) ** 2).sum(axis=2)
        ).mean(axis=1),
        "The mean over coordinates is too much: the norm of a velocity is asked.": right
        / np.sqrt(x.shape[1]),
        "The root is missing.": right**2,
        "That is the norm of the weights; how fast do the samples move?": np.sqrt(
            (end[0] ** 2).sum(axis=(1, 2)) + (end[1] ** 2).sum(axis=1)
        ),
    }
    hint = "The speeds of the samples in the layers are others."
    yield Case(case, right, mistakes, hint, pick="speeds", of=REST)


PROBLEMS = (
    Problem(
        "5.1",
        "travel",
        9,
        draw_journey,
        (
            Part("optimal states", 4, states_cases),
            Part("optimal controls", 2, controls_cases),
            Part("the cost", 3, journey_cost_cases),
        ),
    ),
    Problem(
        "5.2",
        "cut",
        8,
        draw_cut,
        (
            Part("weights of the best network", 4, weights_cases),
            Part("what it costs", 2, minimum_cases),
            Part("layers to keep", 2, kept_cases),
        ),
    ),
    Problem(
        "5.3",
        "with_power",
        8,
        draw_powers,
        (
            Part("minimiser", 2, power_weights_cases),
            Part("minimum", 2, power_minimum_cases),
            Part("limit of the minima", 2, power_limit_cases),
            Part("order of the distance", 2, power_order_cases),
        ),
    ),
    Problem(
        "5.4",
        "refine_and_compare",
        9,
        draw_level,
        (
            Part("minimiser", 4, level_weights_cases),
            Part("minimum", 1, level_minimum_cases),
            Part("minimum of the limit", 2, level_limit_cases),
            Part("gap of the refined start", 2, level_gap_cases),
        ),
    ),
    Problem(
        "5.5",
        "follow_with_bits",
        8,
        draw_bits,
        (
            Part("weights of one bit", 3, bits_cases),
            Part("least cost", 1, bit_cost_cases),
            Part("constant of the order", 2, bit_constant_cases),
            Part("price in roughness", 2, bit_price_cases),
        ),
    ),
    Problem(
        "5.8",
        "train",
        8,
        draw_rest,
        (
            Part("the cost after training", 4, rest_cost_cases),
            Part("the losses over depth", 2, rest_losses_cases),
            Part("the speeds over depth", 2, rest_speeds_cases),
        ),
    ),
)
