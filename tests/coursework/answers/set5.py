"""Right and wrong answers to problem set 5; each takes the parameters of a class."""

from functools import partial
from math import gcd

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from scipy.optimize import brentq, least_squares


def other(p, **changes):
    return {**p, **changes}


def titled(answer, titles):
    """One factory for each named mistake."""
    return {title: lambda p, title=title: answer(p, title) for title in titles}


# 5.1


def journey(p, change, start, target, horizon):
    """Drift, rate, turnpike, and the sizes of both arcs."""
    a, lam, gamma = p["drift"], p["price"], p["end"]
    mu = np.sqrt((a**2 if change != "rate without drift" else 0) + 1 / lam)
    middle = {"target": target, "drift once": target / (1 + lam * abs(a))}.get(
        change, target / (1 + lam * a**2)
    )
    gamma = {
        "free end": 0.0,
        "charge doubled": 2 * gamma,
        "end without drift": gamma + lam * a,
    }.get(change, gamma)
    fade = np.exp(-mu * horizon)
    rows = [[1.0, fade], [fade * (gamma - lam * (mu + a)), gamma + lam * (mu - a)]]
    go, leave = np.linalg.solve(rows, [start - middle, (lam * a - gamma) * middle])
    if change == "no arc at the end":
        go, leave = start - middle, 0.0
    if change == "arc to zero":
        go, leave = start - middle, -middle
    return a, mu, middle, go, leave


NODES, WEIGHTS = np.polynomial.legendre.leggauss(120)


def travel(p, change=""):
    def answer(start, target, horizon, times):
        a, mu, middle, go, leave = journey(p, change, start, target, horizon)

        def at(t):
            one, two = go * np.exp(-mu * t), leave * np.exp(-mu * (horizon - t))
            states, speed = middle + one + two, mu * (two - one)
            sign = {"derivative": 0, "other sign of the drift": -1}.get(change, 1)
            return states, speed - sign * a * states

        # The integrand is constant up to rounding where both arcs have faded.
        width = min(horizon / 2, 25 / mu)
        nodes, weights = width * (NODES + 1) / 2, width * WEIGHTS / 2

        def running(t):
            states, controls = at(t)
            return (states - target) ** 2 + (change != "no work") * p["price"] * controls**2

        cost = weights @ (running(nodes) + running(horizon - nodes))
        cost += (horizon - 2 * width) * running(np.array(horizon / 2))
        if change != "end not counted":
            cost += p["end"] * at(np.array(horizon))[0] ** 2
        cost = {"half": cost / 2, "per time": cost / horizon}.get(change, cost)
        return *at(times), cost

    return answer


def travel_by_products(p):
    """Hyperbolic sines that cannot overflow, and the cost from products at both ends."""
    a, lam, gamma = p["drift"], p["price"], p["end"]
    mu = np.sqrt(a**2 + 1 / lam)

    def answer(start, target, horizon, times):
        m = target / (1 + lam * a**2)
        # Scaled hyperbolic sines: both are one at one end and zero at the other.
        full = -np.expm1(-2 * mu * horizon)

        def down(t):
            return np.exp(-mu * t) * -np.expm1(-2 * mu * (horizon - t)) / full

        def slope(t):  # of down, per unit
            return -mu * np.exp(-mu * t) * (1 + np.exp(-2 * mu * (horizon - t))) / full

        # x = m + (start - m) down(t) + e down(T - t), with e from lam (x' - a x) + gamma x = 0.
        last = -lam * (start - m) * slope(horizon) + (lam * a - gamma) * m
        e = last / (-lam * slope(0.0) - lam * a + gamma)

        def states(t):
            return m + (start - m) * down(t) + e * down(horizon - t)

        def speed(t):
            return (start - m) * slope(t) - e * slope(horizon - t)

        # With y = x - m and v = y' - a y the running cost is F(m) - 2 lam a m y' + y^2 + lam v^2,
        # as m is the best place, and the last two are the derivative of lam v y.
        rest = (m - target) ** 2 + lam * a**2 * m**2
        ends = [states(t) - m for t in (0.0, horizon)]
        turns = [speed(t) - a * (states(t) - m) for t in (0.0, horizon)]
        linear = -2 * lam * a * m * (ends[1] - ends[0])
        square = lam * (turns[1] * ends[1] - turns[0] * ends[0])
        cost = rest * horizon + linear + square + gamma * (m + ends[1]) ** 2
        return states(times), speed(times) - a * states(times), cost

    return answer


# 5.2


def cut(p, change=""):
    """The quadratic function, with one typical mistake if it is named."""

    def answer(start, running, step, layers, tolerance):
        S = np.vstack([np.zeros(layers), step * np.tril(np.ones((layers, layers)))])
        charge = np.full(layers + 1, running * (1 if change == "states without step" else step))
        charge[-1 if change == "states from 0" else 0] = 0
        charge[-1] += 0 if change == "end free" else p["end"]
        price = p["price"] * (1 if change == "penalty without step" else step)
        H = S.T @ np.diag(charge) @ S + price * np.eye(layers)
        u = -start * np.linalg.solve(H, S.T @ charge)
        x = start + S @ u
        cost = charge @ x**2 + price * u @ u
        far = np.nonzero(np.abs(x) > tolerance * (1 if change == "absolute" else abs(start)))[0]
        kept = far[-1] + 1 if len(far) and far[-1] < layers else -1
        if change == "first time":
            close = np.nonzero(np.abs(x) <= tolerance * abs(start))[0]
            kept = close[0] if len(close) else layers
        kept = {"one fewer": kept - 1, "never -1": abs(kept), "all": layers}.get(change, kept)
        u = {"sign": -u, "steps": step * u, "equal": np.full(layers, u.mean())}.get(change, u)
        return u, cost / 2 if change == "half" else cost, int(kept)

    return answer


def cut_by_riccati(p):
    """Costs to go from the last layer to the first, then the states."""

    def answer(start, running, step, layers, tolerance):
        togo, lam = [p["end"] + running * step], p["price"]
        for k in range(layers)[::-1]:
            P = lam * togo[0] / (lam + togo[0] * step)
            togo.insert(0, P + (running * step if k else 0))
        x, u = [start], []
        for P in togo[1:]:
            u.append(-P * x[-1] / (lam + P * step))
            x.append(x[-1] + step * u[-1])
        kept = -1
        for k in range(layers, -1, -1):
            if abs(x[k]) > tolerance * abs(start):
                break
            kept = k
        return u, togo[0] * start**2, kept

    return answer


# 5.3


def with_power(p, change=""):
    alpha, tau = p["penalty"], p["tau"]

    def answer(power, depth, target):
        s = {"always one": 1.0, "other sign": -power}.get(change, power)
        parts = np.arange(depth, 0, -1) / depth
        charges = np.array(
            [tau / alpha if change == "tau alone" else tau] + [depth**s] * (depth - 1)
        )
        kappa = np.sum(parts**2 / charges)
        v = target * parts / charges / (alpha + kappa)
        limit, low, high = alpha / (alpha + 1 / tau + 1 / 3), power < 1, power > 1
        if low and not (change == "free only below zero" and power >= 0):
            limit = 0.0
        if high and change != "high powers forbid nothing":
            limit = alpha / (alpha + 1 / tau)
        order = abs(power - 1) if power != 1 else 1
        order = {"order 1 always": 1, "order |s - 1|": abs(power - 1)}.get(change, order)
        limit = {"no target": 1, "linear target": target}.get(change, target**2) * limit
        u = np.cumsum(v)
        u = {"differences": v, "constant": np.full(depth, u.mean())}.get(change, u)
        left = alpha / (alpha + kappa)
        minimum = target**2 * (left**2 if change == "loss only" else left)
        return u, minimum, limit, order

    return answer


def with_power_by_solving(p):
    """Linear equations for one depth, and the minima at huge depths for limit and order."""
    alpha, tau = p["penalty"], p["tau"]

    def minimum(power, L, y):
        rough = L ** (1 - power) * (1 - 1 / L) * (2 - 1 / L) / 6
        return y**2 * alpha / (alpha + 1 / tau + rough)

    def answer(power, depth, target):
        A = np.zeros((depth, depth))
        for k in range(1, depth):
            A[k - 1 : k + 1, k - 1 : k + 1] += depth**power * np.array([[1, -1], [-1, 1]])
        A[0, 0] += tau
        g = np.full(depth, 1 / depth)
        u = np.linalg.solve(alpha * A + np.outer(g, g), target * g)
        limit = minimum(power, 10.0 ** (60 if power != 1 else 14), target)
        gaps = [abs(minimum(power, L, target) - limit) for L in (1e6, 2e6)]
        order = round(2 * np.log2(gaps[0] / gaps[1])) / 2
        return u, (u.mean() - target) ** 2 + alpha * u @ A @ u, limit, order

    return answer


# 5.4


def energy(u, y, p):
    L = len(u)
    rough = L * np.sum((u[1:] - u[:-1]) ** 2)
    return (np.prod(1 + u / L) - y) ** 2 + p["penalty"] * (rough + p["tau"] * u[0] ** 2)


def best_level(L, y, p):
    """The minimiser, as a least squares problem."""
    alpha, tau = np.sqrt(p["penalty"]), np.sqrt(p["tau"])

    def residuals(u):
        return [np.prod(1 + u / L) - y, *(alpha * np.sqrt(L) * np.diff(u)), alpha * tau * u[0]]

    def slopes(u):
        rows = np.zeros((L + 1, L))
        rows[0] = np.prod(1 + u / L) / (L + u)
        rows[1:L] = alpha * np.sqrt(L) * np.diff(np.eye(L), axis=0)
        rows[L, 0] = alpha * tau
        return rows

    precise = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}
    return least_squares(residuals, np.zeros(L), slopes, method="lm", **precise).x


def refined(u, change=""):
    if change == "repeat":
        return np.repeat(u, 2)
    after = np.append(u[1:], 0.0 if change == "zero behind" else u[-1])
    if change == "steps of the mean":
        return np.repeat((u + after) / 2, 2)
    return np.stack([u, (u + after) / 2], axis=1).ravel()


def refine_and_compare(p, change=""):
    def answer(depth, target):
        q = {
            "no factor L": other(p, penalty=p["penalty"] / depth, tau=p["tau"] * depth),
            "tau outside": other(p, tau=p["tau"] / p["penalty"]),
        }.get(change, p)
        u = best_level(depth, target, q)
        kappa = 1 / p["tau"] + (0 if change == "constant weight" else 1 / 3)
        stiff = p["penalty"] / kappa
        c = brentq(lambda c: (np.exp(c) - target) * np.exp(c) + stiff * c, -3, 3)
        limit = (np.exp(c) - target) ** 2 + stiff * c**2
        if change == "zero loss":
            limit = stiff * np.log(target) ** 2
        minimum = energy(u, target, q)
        gap = energy(refined(u, change), target, p)
        if change == "against the limit":
            gap -= limit
        elif change == "against the coarse minimum":
            gap -= minimum
        elif change != "not subtracted":
            gap -= energy(best_level(2 * depth, target, p), target, p)
        if change == "minima subtracted":
            gap = minimum - energy(best_level(2 * depth, target, p), target, p)
        minimum = {"loss only": (np.prod(1 + u / depth) - target) ** 2}.get(change, minimum)
        u = {"product of exponentials": depth * np.log1p(u / depth), "per layer": u / depth}.get(
            change, u
        )
        return u, limit if change == "the limit for all" else minimum, limit, gap

    return answer


def refine_by_stationarity(p):
    """The weights as a function of one unknown: what a unit of the end is worth."""
    alpha, tau = p["penalty"], p["tau"]

    def best(L, y):
        D = np.diff(np.eye(L), axis=0)
        A = L * D.T @ D
        A[0, 0] += tau
        inverse, u = np.linalg.inv(alpha * A), np.zeros(L)
        # x (x - y) f + alpha A u = 0 with f_k = 1 / (L + u_k): a few sweeps for f, a root for x.
        for _ in range(200):
            shape = -inverse @ (1 / (L + u))

            def surplus(w, shape=shape):
                x = np.prod(1 + w * shape / L)
                return x * (x - y) - w

            w = brentq(surplus, -(y**2) / 4 - 0.01, max(0.0, 1 - y) + 0.01, xtol=1e-15)
            old, u = u, w * shape
            if np.abs(u - old).max() < 1e-12:
                break
        return u

    def answer(depth, target):
        u, fine = best(depth, target), best(2 * depth, target)
        kappa, y = 1 / tau + 1 / 3, target
        c = 0.0
        for _ in range(300):
            c += (
                0.3
                * (-kappa / alpha * (np.exp(c) - y) * np.exp(c) - c)
                / (1 + kappa / alpha * np.exp(2 * c))
            )
        limit = (np.exp(c) - y) ** 2 + alpha * c**2 / kappa
        start = np.interp(np.arange(2 * depth) / 2, np.arange(depth), u)
        return u, energy(u, y, p), limit, energy(start, y, p) - energy(fine, y, p)

    return answer


# 5.5


def bits(i, q, depth, p, change=""):
    """Best weights, or what another rule gives."""
    a, b = p["up"], p["down"]
    k = np.arange(depth + 1)
    exact = k * i / q
    n = {
        "from below": np.floor(exact + 1e-9),
        "from above": np.ceil(exact - 1e-9),
        "all the rare ones first": np.minimum(k, np.rint(depth * i / q)),
    }.get(change, np.floor(exact + 0.5 + 1e-9))
    if change == "towards the line":
        n = [0]
        for before in exact[:-1]:
            n.append(n[-1] + (n[-1] < before))
        n = np.array(n)
    return np.where(np.diff(n) > 0.5, a, -b)


def follow_with_bits(p, change=""):
    gap = p["up"] + p["down"]

    def answer(i, q, depth):
        u = bits(i, q, depth, p, change)
        mean = (i * p["up"] - (q - i) * p["down"]) / q
        if change == "relaxed":
            u = np.full(depth, mean)
        states = np.cumsum(u) / depth - mean * np.arange(1, depth + 1) / depth
        cost = np.mean(states**2)
        cost = {"sum": depth * cost, "bound": gap**2 / 4 / depth**2}.get(change, cost)
        sides = np.array([min(k, q - k) for k in range(q)]) / q
        constant = gap**2 * np.mean(sides**2)
        constant = {
            "irrational": gap**2 / 12,
            "worst state": gap**2 / 4,
            "gap not squared": constant / gap,
            "odd q always": gap**2 * (q**2 - 1) / 12 / q**2,
        }.get(change, constant)
        rare = min(i, q - i) / q
        price = {
            "one jump": rare * gap**2,
            "the frequent one": 2 * (1 - rare) * gap**2,
            "jump not squared": 2 * rare * gap,
            "of one half": 2 * i / q * gap**2,
            "checkerboard": gap**2,
        }.get(change, 2 * rare * gap**2)
        return u, cost, constant, price

    return answer


def follow_step_by_step(p):
    """The nearer state at each step; limits measured over whole periods."""
    a, b = p["up"], p["down"]

    def sequence(i, q, depth):
        n, out = 0, []
        for k in range(1, depth + 1):
            # q times the distances to k i / q, in whole numbers
            up = abs((n + 1) * q - k * i) < abs(n * q - k * i)
            n += up
            out.append(a if up else -b)
        return np.array(out)

    def cost(u, i, q):
        L = len(u)
        line = (i * a - (q - i) * b) / q
        return np.mean(((np.cumsum(u) - line * np.arange(1, L + 1)) / L) ** 2)

    def answer(i, q, depth):
        assert gcd(i, q) == 1
        u, period = sequence(i, q, depth), sequence(i, q, 2 * q)
        jumps = np.sum(np.diff(period[: q + 1]) ** 2) / q
        return u, cost(u, i, q), cost(period, i, q) * 4 * q**2, jumps

    return answer


# 5.8


class Layers(nnx.Module):
    """Residuals that are linear in their weights, written out layer by layer."""

    def __init__(self, w, b, step):
        self.w, self.b, self.step = nnx.Param(jnp.asarray(w)), nnx.Param(jnp.asarray(b)), step

    def __call__(self, x):
        """All states."""
        found = [x]
        for w, b in zip(self.w[...], self.b[...], strict=True):
            found.append(found[-1] + self.step * (jnp.tanh(found[-1]) @ w.T + b[None]))
        return jnp.stack(found)


def losses_of(states, y):
    return jnp.mean((states[:, :, 0] - y[None]) ** 2, axis=1)


def cost_of(network, x, y, running, end, price):
    dt, losses = network.step, losses_of(network(x), y)
    squares = jnp.sum(network.w[...] ** 2) + jnp.sum(network.b[...] ** 2)
    integral = dt * (losses.sum() - (losses[0] + losses[-1]) / 2)
    return running * integral + end * losses[-1] + price * dt * squares


@nnx.jit
def update(network, optimizer, x, y, running, end, price):
    value, gradient = nnx.value_and_grad(cost_of)(network, x, y, running, end, price)
    optimizer.update(network, gradient)
    return value


def rest_by_flax(p):
    def answer(w, b, x, y, running, end, steps):
        network, prices = Layers(w, b, p["step"]), (1.0 * running, 1.0 * end, p["price"])
        optimizer = nnx.Optimizer(network, optax.adam(p["rate"]), wrt=nnx.Param)
        for _ in range(steps):
            update(network, optimizer, x, y, *prices)
        states = network(x)
        speeds = jnp.linalg.norm((states[1:] - states[:-1]) / p["step"], axis=2)
        mean = jnp.sqrt(jnp.mean(speeds**2, axis=1))
        return cost_of(network, x, y, *prices), losses_of(states, y), mean

    return answer


@partial(jax.jit, static_argnames="steps")
def rested(w, b, x, y, running, end, dt, price, rate, late, steps):
    """States and weights after training, by a loop and Adam's rule written out."""
    trapezoids = jnp.ones(len(w) + 1).at[jnp.array([0, -1])].set(0.5)
    trapezoids = jnp.where(late, jnp.ones(len(w) + 1).at[0].set(0.0), trapezoids)

    def states_of(u):
        def layer(h, theta):
            after = h + dt * (jnp.tanh(h) @ theta[0].T + theta[1][None])
            return after, after

        return jnp.concatenate([x[None], jax.lax.scan(layer, x, u)[1]])

    def cost(u):
        losses = jnp.mean((states_of(u)[:, :, 0] - y[None]) ** 2, axis=1)
        squares = sum(jnp.sum(v**2) for v in u)
        return running * dt * trapezoids @ losses + end * losses[-1] + price * dt * squares

    def move(state, j):
        u, first, second = state
        g = jax.grad(cost)(u)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, g)
        second = jax.tree.map(lambda m, g: 0.999 * m + 0.001 * g**2, second, g)
        u = jax.tree.map(
            lambda u, m, s: u - rate * m / (1 - 0.9**j) / (jnp.sqrt(s / (1 - 0.999**j)) + 1e-8),
            u,
            first,
            second,
        )
        return (u, first, second), None

    nothing = jax.tree.map(jnp.zeros_like, (w, b))
    (u, _, _), _ = jax.lax.scan(move, ((w, b), nothing, nothing), 1.0 + jnp.arange(steps))
    return cost(u), states_of(u), *u


def rest_by_loop(p, shown=lambda *results: results[:3], swap=False, late=False):
    def answer(w, b, x, y, running, end, steps):
        prices = (end, running) if swap else (running, end)
        numbers = (*prices, p["step"], p["price"], p["rate"])
        cost, states, *u = rested(w, b, x, y, *map(float, numbers), late, steps=steps)
        states = np.asarray(states)
        losses = ((states[:, :, 0] - y) ** 2).mean(axis=1)
        speeds = np.sqrt(((np.diff(states, axis=0) / p["step"]) ** 2).sum(axis=2).mean(axis=1))
        return shown(float(cost), losses, speeds, u, p)

    return answer


def rest_shown(results):
    """Other results, a function of the right ones, the weights and the class."""
    return lambda p: rest_by_loop(p, shown=results)


REST_WRONG = {
    "prices swapped": lambda p: rest_by_loop(p, swap=True),
    "no trapezoids": lambda p: rest_by_loop(p, late=True),
    "weights are free": lambda p: rest_by_loop(other(p, price=0.0)),
    "weights without the length of a layer": lambda p: rest_by_loop(
        other(p, price=p["price"] / p["step"])
    ),
    "steps of length one": lambda p: rest_by_loop(other(p, step=1.0)),
    "sum over samples": rest_shown(lambda c, a, v, u, p: (c, 4 * a, v)),
    "losses in reverse": rest_shown(lambda c, a, v, u, p: (c, a[::-1], v)),
    "moves for speeds": rest_shown(lambda c, a, v, u, p: (c, a, v * p["step"])),
    "weights for speeds": rest_shown(
        lambda c, a, v, u, p: (
            c,
            a,
            np.sqrt((u[0] ** 2).sum(axis=(1, 2)) + (u[1] ** 2).sum(axis=1)),
        )
    ),
    "a guess: at rest": rest_shown(lambda c, a, v, u, p: (c, a, 0 * v)),
    "another class's price": lambda p: rest_by_loop(other(p, price=p["price"] + 0.02)),
}


RIGHT = {
    "5.1": [travel, travel_by_products],
    "5.2": [cut, cut_by_riccati],
    "5.3": [with_power, with_power_by_solving],
    "5.4": [refine_and_compare, refine_by_stationarity],
    "5.5": [follow_with_bits, follow_step_by_step],
    "5.8": [rest_by_flax, rest_by_loop],
}

WRONG = {
    "5.1": {
        **titled(
            travel,
            (
                "target",
                "drift once",
                "rate without drift",
                "free end",
                "charge doubled",
                "end without drift",
                "no arc at the end",
                "arc to zero",
                "derivative",
                "other sign of the drift",
                "no work",
                "end not counted",
                "half",
                "per time",
            ),
        ),
        "another class's drift": lambda p: travel(other(p, drift=p["drift"] + 0.2)),
    },
    "5.2": {
        **titled(
            cut,
            (
                "states without step",
                "states from 0",
                "penalty without step",
                "end free",
                "absolute",
                "one fewer",
                "never -1",
                "all",
                "sign",
                "steps",
                "equal",
                "half",
            ),
        ),
        "another class's price": lambda p: cut(other(p, price=p["price"] + 0.1)),
    },
    "5.3": {
        **titled(
            with_power,
            (
                "always one",
                "other sign",
                "tau alone",
                "order 1 always",
                "order |s - 1|",
                "free only below zero",
                "high powers forbid nothing",
                "no target",
                "linear target",
                "differences",
                "constant",
                "loss only",
            ),
        ),
        "another class's penalty": lambda p: with_power(other(p, penalty=p["penalty"] + 0.1)),
    },
    "5.4": {
        **titled(
            refine_and_compare,
            (
                "no factor L",
                "tau outside",
                "constant weight",
                "zero loss",
                "repeat",
                "zero behind",
                "steps of the mean",
                "against the limit",
                "against the coarse minimum",
                "not subtracted",
                "minima subtracted",
                "loss only",
                "product of exponentials",
                "per layer",
                "the limit for all",
            ),
        ),
        "another class's penalty": lambda p: refine_and_compare(
            other(p, penalty=p["penalty"] + 0.05)
        ),
    },
    "5.5": {
        **titled(
            follow_with_bits,
            (
                "from below",
                "from above",
                "all the rare ones first",
                "towards the line",
                "relaxed",
                "sum",
                "bound",
                "irrational",
                "worst state",
                "gap not squared",
                "odd q always",
                "one jump",
                "the frequent one",
                "jump not squared",
                "of one half",
                "checkerboard",
            ),
        ),
        "another class's bits": lambda p: follow_with_bits(other(p, up=p["up"] + 0.1)),
    },
    "5.8": REST_WRONG,
}
