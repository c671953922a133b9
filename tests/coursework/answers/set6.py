"""Right and wrong answers to problem set 6; each takes the parameters of a class.

A wrong answer is the right one with one ingredient exchanged.
"""

from functools import partial

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri


def other(p, **changes):
    return {**p, **changes}


def mistakes(factory, ingredients):
    return {title: partial(factory, **changed) for title, changed in ingredients.items()}


# 6.1


def before_floor(errors, floor):
    below = np.flatnonzero(errors < floor)
    return slice(0, below[0] if below.size else None)


def one_too_few(errors, floor):
    kept = before_floor(errors, floor)
    return slice(0, kept.stop and max(kept.stop - 1, 3))


def line(x, y):
    return (x - x.mean()) @ y / np.sum((x - x.mean()) ** 2)


def chord(x, y):
    return (y[-1] - y[0]) / (x[-1] - x[0])


def student(level, freedom):
    return stats.t.ppf((1 + level) / 2, freedom)


def squares_of(x):
    return np.sum((x - x.mean()) ** 2)


def rate(
    p,
    *,
    keep=before_floor,
    axes=lambda L, E: (np.log(L), np.log(E)),
    fit=line,
    quantile=student,
    lost=2,
    divide=squares_of,
    sign=1,
):
    def answer(depths, errors):
        kept = keep(np.asarray(errors), p["floor"])
        x, y = axes(np.asarray(depths, float)[kept], np.asarray(errors)[kept])
        slope = fit(x, y)
        residual = y - y.mean() - slope * (x - x.mean())
        freedom = len(x) - lost
        spread = np.sqrt(residual @ residual / freedom / divide(x))
        return sign * slope, quantile(p["level"], freedom) * spread

    return answer


def rate_by_the_library(p):
    def answer(depths, errors):
        count = next((n for n, e in enumerate(errors) if e < p["floor"]), len(errors))
        fit = stats.linregress(np.log(depths[:count]), np.log(errors[:count]))
        return fit.slope, fit.stderr * stats.t(count - 2).isf((1 - p["level"]) / 2)

    return answer


def rate_by_matrices(p):
    """The covariance of the estimate is the variance times the inverse of the normal matrix."""

    def answer(depths, errors):
        count = next((n for n, e in enumerate(errors) if e < p["floor"]), len(errors))
        A = np.stack([np.ones(count), np.log10(depths[:count])], axis=1)
        y = np.log10(errors[:count])
        c, squares = np.linalg.lstsq(A, y, rcond=None)[:2]
        variance = squares[0] / (count - 2) * np.linalg.inv(A.T @ A)[1, 1]
        return c[1], stats.t.ppf(0.5 + p["level"] / 2, count - 2) * np.sqrt(variance)

    return answer


RATE_WRONG = mistakes(
    rate,
    {
        "order": {"sign": -1},
        "axes exchanged": {"axes": lambda L, E: (np.log(E), np.log(L))},
        "one logarithm": {"axes": lambda L, E: (L, np.log(E))},
        "end points": {"fit": chord},
        "rounding kept": {"keep": lambda errors, floor: slice(None)},
        "points above the floor": {"keep": lambda errors, floor: errors >= floor},
        "one too few": {"keep": one_too_few},
        "freedom": {"lost": 1},
        "one-sided": {"quantile": stats.t.ppf},
        "normal": {"quantile": lambda level, freedom: ndtri((1 + level) / 2)},
        "no quantile": {"quantile": lambda level, freedom: 1.0},
        "whole width": {"quantile": lambda level, freedom: 2 * student(level, freedom)},
        "not divided": {"divide": lambda x: 1.0},
    },
) | {"another class's level": lambda p: rate(other(p, level=0.97))}

# 6.2


def squares_of_doublings(J):
    return np.log(2) ** 2 * J * (J + 1) * (J + 2) / 12


def both_rare(gap, s, alpha):
    z = ndtri(1 - alpha / 2)
    return ndtr(z - gap / s) - ndtr(-z - gap / s) <= alpha


def layers(J, R):
    return R * (2 ** (J + 1) - 1)


def fewest_seeds(works, J):
    R = 1
    while not works(J, R):
        R += 1
    return R


def cheapest(works, J, cost):
    plans = [(n, fewest_seeds(works, n)) for n in range(2, J + 1)]
    return min(plans, key=lambda plan: (cost(*plan), plan[0]))


def design(
    p,
    *,
    squares=squares_of_doublings,
    rare=both_rare,
    cost=layers,
    plan=cheapest,
    width=lambda s, sigma, gap, alpha: ndtri(1 - alpha / 2) * s,
    seeds=lambda R: R,
    more=0,
):
    alpha = p["alpha"]

    def answer(sigma, gap):
        def spread(J, R):
            return sigma / np.sqrt(seeds(R) * squares(J))

        def works(J, R):
            return rare(gap, spread(J, R), alpha)

        J = 2
        while not works(J, 1):
            J += 1
        return J + more, width(spread(J, 1), sigma, gap, alpha), *plan(works, J, cost)

    return answer


def design_by_regression(p):
    """The variance from the regression's own weights, the critical ratio by bisection."""
    alpha = p["alpha"]
    z = -ndtri(alpha / 2)
    low, high = 0.0, 20.0
    for _ in range(200):
        c = (low + high) / 2
        accepted = ndtr(z - c) - ndtr(-z - c)
        low, high = (c, high) if accepted > alpha else (low, c)

    def variance(J):
        x = np.log(2.0 ** np.arange(J + 1))
        weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
        return np.sum(weights**2)

    def answer(sigma, gap):
        seeds = {J: sigma**2 * variance(J) * (high / gap) ** 2 for J in range(2, 60)}
        J = min(J for J, R in seeds.items() if R <= 1)
        costs = {J: int(np.ceil(R)) * sum(2**j for j in range(J + 1)) for J, R in seeds.items()}
        cheap = min(costs, key=lambda J: (costs[J], J))
        return J, z * sigma * np.sqrt(variance(J)), cheap, int(np.ceil(seeds[cheap]))

    return answer


DESIGN_WRONG = mistakes(
    design,
    {
        "one-sided width": {"width": lambda s, sigma, gap, alpha: ndtri(1 - alpha) * s},
        "logarithm to base 2": {"squares": lambda J: J * (J + 1) * (J + 2) / 12},
        "mean not removed": {
            "squares": lambda J: np.log(2) ** 2 * J * (J + 1) * (2 * J + 1) / 6,
        },
        "seeds add": {"seeds": lambda R: R**2},
        "twice the same quantile": {
            "rare": lambda gap, s, alpha: 2 * ndtri(1 - alpha / 2) * s <= gap,
        },
        "twice the one-sided": {"rare": lambda gap, s, alpha: 2 * ndtri(1 - alpha) * s <= gap},
        "one alpha only": {"rare": lambda gap, s, alpha: ndtri(1 - alpha / 2) * s <= gap},
        "cost of depths": {"cost": lambda J, R: R * (J + 1)},
        "noise of one error": {"width": lambda s, sigma, gap, alpha: ndtri(1 - alpha / 2) * sigma},
        "gap halved": {"width": lambda s, sigma, gap, alpha: gap / 2},
        "no multiple": {"width": lambda s, sigma, gap, alpha: s},
        "one seed": {"plan": lambda works, J, cost: (J, 1)},
        "two doublings": {"plan": lambda works, J, cost: (2, fewest_seeds(works, 2))},
        "half a seed": {"plan": lambda works, J, cost: (J, 0.5)},
        "a seed too few": {
            "plan": lambda works, J, cost: (3, max(fewest_seeds(works, 3) - 1, 1)),
        },
        "depths counted": {"more": 1},
    },
) | {"another class's alpha": lambda p: design(other(p, alpha=p["alpha"] / 2))}

# 6.3


def layer_by_layer(rng, depth, keep):
    return (rng.random((4000, depth)) < keep).sum(axis=1)


def root(second, first, limit):
    return np.sqrt(second - 2 * limit * first + limit**2)


def dropout(
    p,
    *,
    square=lambda keep: keep,
    distance=root,
    scale=lambda keep: 1 / keep,
    seeded=np.random.default_rng,
    draw=layer_by_layer,
    average=lambda errors: np.sqrt(np.mean(errors**2)),
    control=None,
    sampled=True,
):
    keep = p["keep"]

    def answer(theta, depths, seed):
        L, limit = np.asarray(depths, dtype=float), np.exp(theta)

        def exact(u):
            first, second = (1 + keep * u) ** L, (1 + 2 * keep * u + square(keep) * u**2) ** L
            return distance(second, first, limit)

        def sample(rng, depth):
            kept = draw(rng, depth, keep)
            return average((1 + theta / keep / depth) ** kept - limit)

        scaled, rng = exact(scale(keep) * theta / L), seeded(seed)
        rows = np.array([sample(rng, depth) for depth in np.asarray(depths)])
        unscaled = control(theta, keep, L) if control else exact(theta / L)
        return scaled, unscaled, rows if sampled else scaled

    return answer


def dropout_by_counting(p):
    """Layers commute, so the number of kept ones decides: a binomial distribution."""
    keep = p["keep"]

    def answer(theta, depths, seed):
        def exact(scale):
            rows = []
            for L in depths:
                kept = np.arange(L + 1)
                squares = ((1 + scale * theta / L) ** kept - np.exp(theta)) ** 2
                rows.append(np.sqrt(squares @ stats.binom.pmf(kept, L, keep)))
            return rows

        rows = []
        for number, L in enumerate(depths):
            kept = np.random.default_rng([seed, number]).binomial(L, keep, size=6000)
            rows.append(np.sqrt(np.mean(((1 + theta / keep / L) ** kept - np.exp(theta)) ** 2)))
        return exact(1 / keep), exact(1.0), rows

    return answer


DROPOUT_WRONG = mistakes(
    dropout,
    {
        "E b^2 is p^2": {"square": lambda keep: keep**2},
        "distance to the mean": {
            "distance": lambda second, first, limit: np.sqrt(np.abs(second - first**2)),
        },
        "no root": {"distance": lambda second, first, limit: root(second, first, limit) ** 2},
        "no division": {"scale": lambda keep: 1.0},
        "only the limit": {
            "control": lambda theta, keep, L: abs(np.exp(keep * theta) - np.exp(theta)) + 0 * L,
        },
        "another limit": {
            "control": lambda theta, keep, L: root(
                (1 + 2 * keep * theta / L + keep * (theta / L) ** 2) ** L,
                (1 + keep * theta / L) ** L,
                np.exp(keep * theta),
            ),
        },
        "one seed": {"seeded": lambda seed: np.random.default_rng(0)},
        "no seed": {"seeded": lambda seed: np.random.default_rng()},
        "one chance for all": {
            "draw": lambda rng, depth, keep: depth * (rng.random(4000) < keep),
        },
        "dropped for kept": {
            "draw": lambda rng, depth, keep: layer_by_layer(rng, depth, 1 - keep),
        },
        "mean of distances": {"average": lambda errors: 0.8 * np.mean(np.abs(errors))},
        "not sampled": {"sampled": False},
    },
) | {"another class's probability": lambda p: dropout(other(p, keep=p["keep"] - 0.1))}

RIGHT = {
    "6.1": [rate, rate_by_the_library, rate_by_matrices],
    "6.2": [design, design_by_regression],
    "6.3": [dropout, dropout_by_counting],
}

WRONG = {"6.1": RATE_WRONG, "6.2": DESIGN_WRONG, "6.3": DROPOUT_WRONG}
