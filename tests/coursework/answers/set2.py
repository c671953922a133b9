"""Right and wrong answers to problem set 2; each takes the parameters of a class."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq


def other(p, **changes):
    return {**p, **changes}


# 2.1

DERIVATIVES = {
    "tanh": (np.tanh, lambda u: 1 - np.tanh(u) ** 2),
    "arctan": (np.arctan, lambda u: 1 / (1 + u**2)),
    "sin": (np.sin, np.cos),
    "softplus": (lambda u: np.logaddexp(0, u) - np.log(2), lambda u: 1 / (1 + np.exp(-u))),
}


def backward(p, change=""):
    """The costates by hand, with one typical mistake if it is named."""
    sigma, slope = DERIVATIVES["tanh" if change == "tanh" else p["activation"]]
    leak = 0.0 if change == "no leak" else p["leak"]

    def answer(V, W, x, y):
        L, d, m = V.shape
        n = len(x)
        states, h = [x], x
        for k in range(L):
            h = h + (sigma(h @ W[k].T / np.sqrt(d)) @ V[k].T / np.sqrt(m) - leak * h) / L
            states.append(h)
        r = h - y
        root = np.sqrt(1 + (r**2).sum(axis=1, keepdims=True) / p["delta"] ** 2)
        loss = p["delta"] ** 2 * (root - 1).mean()
        costate = {"squared": r, "no root": r * root}.get(change, r / root)
        late = np.zeros_like(costate)
        back = 0.0 if change == "no leak on the way back" else leak
        G_V, G_W = np.zeros_like(V), np.zeros_like(W)
        for k in reversed(range(L)):
            z = states[k] @ W[k].T / np.sqrt(d)
            inner = slope(z) * (costate @ V[k]) / np.sqrt(m)
            late = costate + (inner @ W[k] / np.sqrt(d) - back * costate) / L
            used = late if change == "late costate" else costate
            state = states[k + 1] if change == "late state" else states[k]
            outer = slope(z) * (used @ V[k]) / np.sqrt(m)
            G_V[k] = used.T @ sigma(z) / np.sqrt(m) / n
            G_W[k] = outer.T @ state / np.sqrt(d) / n
            costate = late
        if change == "plain gradient":
            G_V, G_W = G_V / L, G_W / L
        if change == "sum":
            loss, G_V, G_W = n * loss, n * G_V, n * G_W
        return loss, G_V, -G_W if change == "sign" else G_W

    return answer


def by_jax(p):
    sigma = {
        "tanh": jnp.tanh,
        "arctan": jnp.arctan,
        "sin": jnp.sin,
        "softplus": lambda u: jax.nn.softplus(u) - jnp.log(2.0),
    }[p["activation"]]

    def loss(V, W, x, y):
        L, d, m = V.shape
        for k in range(L):
            x = x + (sigma(x @ W[k].T / d**0.5) @ V[k].T / m**0.5 - p["leak"] * x) / L
        squares = ((x - y) ** 2).sum(axis=1)
        return (p["delta"] ** 2 * (jnp.sqrt(1 + squares / p["delta"] ** 2) - 1)).mean()

    both = jax.jit(jax.value_and_grad(loss, (0, 1)))

    def answer(V, W, x, y):
        value, (G_V, G_W) = both(*map(jnp.asarray, (V, W, x, y)))
        return value, len(V) * G_V, len(V) * G_W

    return answer


# 2.2


def end_by_bisection(p):
    a, C = p["slope"], p["target"]

    def answer(theta):
        L = len(theta)
        u = 1 + a * theta / L
        low, high = -np.min(u**2), C ** (2 / L)
        for _ in range(200):
            s = (low + high) / 2
            low, high = (s, high) if np.prod(np.maximum(u**2 + s, 0)) < C**2 else (low, s)
        v = np.sqrt(u**2 + (low + high) / 2)
        return L * (v - 1) / a, L / (a * C) ** 2 / np.sum(v**-2.0), 1 / a**2 / C ** (2 - 2 / L)

    return answer


def end_by_training(p):
    a, C = p["slope"], p["target"]

    def answer(theta):
        L = len(theta)

        def factors(s):
            return np.sqrt((1 + a * theta / L) ** 2 + s)

        bottom = -np.min((1 + a * theta / L) ** 2) * (1 - 1e-14)
        s = brentq(lambda s: np.log(factors(s)).sum() - np.log(C), bottom, 9.0, xtol=1e-15)
        v = factors(s)
        gradient = a * C / L / v  # of the output
        hessian = 2 * L * np.outer(gradient, gradient)
        beta = np.linalg.eigvalsh(hessian)[-1]
        even = C ** (1 / L)
        return L * (v - 1) / a, 2 / beta, even**2 / (a * C) ** 2

    return answer


def same_amount(theta, p):
    u = 1 + p["slope"] * theta / len(theta)
    shift = brentq(lambda s: np.prod(u + s) - p["target"], -u.min(), 9.0, xtol=1e-15)
    return theta + len(theta) * shift / p["slope"]


def same_proportion(theta, p):
    u = 1 + p["slope"] * theta / len(theta)
    return len(theta) * (u * (p["target"] / u.prod()) ** (1 / len(theta)) - 1) / p["slope"]


def equal_layers(theta, p):
    L = len(theta)
    return np.full(L, L * (p["target"] ** (1 / L) - 1) / p["slope"])


def with_end(other_end):
    """The right rates with another end."""

    def factory(p):
        right = end_by_bisection(p)
        return lambda theta: (other_end(theta, p), *right(theta)[1:])

    return factory


def with_rates(other_rates):
    """The right end with other rates, functions of the right ones, the depth and the class."""

    def factory(p):
        right = end_by_bisection(p)

        def answer(theta):
            end, rate, flattest = right(theta)
            return end, *other_rates(rate, flattest, len(theta), p)

        return answer

    return factory


END_WRONG = {
    "same amount": with_end(same_amount),
    "same proportion": with_end(same_proportion),
    "equal layers": with_end(equal_layers),
    "slope forgotten": with_end(lambda theta, p: p["slope"] * end_by_bisection(p)(theta)[0]),
    "exponential": with_end(lambda theta, p: np.full(len(theta), np.log(p["target"]) / p["slope"])),
    "1 / beta": with_rates(lambda rate, flattest, L, p: (rate / 2, flattest)),
    "plain gradient": with_rates(lambda rate, flattest, L, p: (L * rate, flattest)),
    "rate of the flattest": with_rates(lambda rate, flattest, L, p: (flattest, flattest)),
    "limit of depth": with_rates(
        lambda rate, flattest, L, p: (rate, (p["slope"] * p["target"]) ** -2)
    ),
    "root not squared": with_rates(
        lambda rate, flattest, L, p: (rate, flattest * p["target"] ** (1 - 1 / L))
    ),
}


# 2.3


def descend(theta, time, steps, p, factor=True):
    for _ in range(steps):
        u = 1 + p["slope"] * theta / len(theta)
        h = np.prod(u)
        plain = 2 * (h - p["target"]) * h * p["slope"] / u / len(theta)
        theta = theta - time / steps * (len(theta) if factor else 1) * plain
    return theta


def weights_by_formula(q):
    q = np.array(q, dtype=float)
    return np.array(
        [q[j] ** 2 / np.prod([q[j] - q[i] for i in range(3) if i != j]) for j in range(3)]
    )


def extrapolated(p):
    def answer(theta, time, steps):
        runs = np.array([descend(theta, time, steps * q, p) for q in p["multipliers"]])
        return runs, weights_by_formula(p["multipliers"]) @ runs

    return answer


def by_neville(p):
    def answer(theta, time, steps):
        rates = [1 / q for q in p["multipliers"]]
        runs = [descend(theta, time, steps * q, p) for q in p["multipliers"]]

        def eliminate(one, other, rate, finer):
            return (rate * other - finer * one) / (rate - finer)

        first = eliminate(runs[0], runs[1], rates[0], rates[1])
        second = eliminate(runs[1], runs[2], rates[1], rates[2])
        return runs, eliminate(first, second, rates[0], rates[2])

    return answer


def extrapolated_wrong(weights=None, **change):
    """Other weights, given the multipliers, or other runs."""

    def factory(p):
        q = np.array(change.get("multipliers", p["multipliers"]))

        def answer(theta, time, steps):
            duration = time * q if "same length" in change else [time] * 3
            runs = np.array(
                [
                    descend(theta, t, steps * j, p, "no factor" not in change)
                    for t, j in zip(duration, q, strict=True)
                ]
            )
            c = weights_by_formula(q) if weights is None else np.array(weights(q), dtype=float)
            return runs, c @ runs

        return answer

    return factory


def by_runge_kutta(p):
    def answer(theta, time, steps):
        def slope(t, theta):
            u = 1 + p["slope"] * theta / len(theta)
            return -2 * (u.prod() - p["target"]) * u.prod() * p["slope"] / u

        exact = solve_ivp(slope, (0, time), theta, rtol=1e-10, atol=1e-12).y[:, -1]
        return np.array([descend(theta, time, steps * q, p) for q in p["multipliers"]]), exact

    return answer


# 2.4


def descended(B, depth, time, steps, p, swapped=False, fixed=False):
    """The weights after descent; layers in the wrong order, or costates that do not change."""
    S, c, eye = np.diag(p["covariance"]), p["weight"], np.eye(len(B))
    theta = np.zeros((depth, *B.shape))
    for _ in range(steps):
        layers, before = eye + theta / depth, [eye]
        for layer in layers:
            before.append(before[-1] @ layer if swapped else layer @ before[-1])
        behind, gradient = 2 * c * (before[-1] - B) @ S, np.empty_like(theta)
        for k in reversed(range(depth)):
            gradient[k] = behind @ before[k].T
            behind = behind if fixed else layers[k].T @ behind
        theta = theta - time / steps * gradient
    return theta


def leading(B, time, p):
    M = p["weight"] * (B - np.eye(len(B))) @ np.diag(p["covariance"])
    return 2 * time**2 * (M @ M.T - M.T @ M)


def roughness(p, steps=400, **change):
    def answer(B, depth, time):
        theta = descended(B, depth, time, steps, p, **change)
        return depth * np.diff(theta, axis=0), leading(B, time, p)

    return answer


def with_measured(measured):
    """Other increments, given the right weights."""

    def factory(p):
        def answer(B, depth, time):
            theta = descended(B, depth, time, 200, p)
            return measured(theta, B, depth, time, p), leading(B, time, p)

        return answer

    return factory


def with_leading(predicted):
    """Another leading term."""

    def factory(p):
        right = roughness(p, steps=300)
        return lambda B, depth, time: (right(B, depth, time)[0], predicted(B, time, p))

    return factory


ROUGHNESS_WRONG = {
    "no factor L": with_measured(
        lambda theta, B, L, t, p: L * np.diff(descended(B, L, t / L, 200, p), axis=0)
    ),
    "not scaled": with_measured(lambda theta, B, L, t, p: np.diff(theta, axis=0)),
    "reverse order": with_measured(lambda theta, B, L, t, p: L * np.diff(theta[::-1], axis=0)),
    "products in the wrong order": lambda p: roughness(p, steps=150, swapped=True),
    "costate stays": lambda p: roughness(p, steps=150, fixed=True),
    "too few steps": lambda p: roughness(p, steps=10),
    "B for B - I": with_leading(lambda B, t, p: leading(B + np.eye(3), t, p)),
    "no covariance": with_leading(lambda B, t, p: leading(B, t, other(p, covariance=[1.0] * 3))),
    "no weight": with_leading(lambda B, t, p: leading(B, t, p) / p["weight"]),
    "sign": with_leading(lambda B, t, p: -leading(B, t, p)),
    "t^2 for t^2/2": with_leading(lambda B, t, p: 2 * leading(B, t, p)),
    "no 2": with_leading(lambda B, t, p: leading(B, t, p) / 2),
}


def roughness_by_solver(p):
    """All partial products anew, and an adaptive solver."""
    S, c = np.diag(p["covariance"]), p["weight"]

    def answer(B, depth, time):
        eye = np.eye(len(B))

        def velocity(t, flat):
            layers = eye + flat.reshape(depth, 3, 3) / depth

            def product(low, high):
                return np.linalg.multi_dot([eye, eye, *layers[low:high][::-1]])

            E = product(0, depth) - B
            rows = [
                -2 * c * product(k + 1, depth).T @ E @ S @ product(0, k).T for k in range(depth)
            ]
            return np.ravel(rows)

        end = solve_ivp(velocity, (0, time), np.zeros(9 * depth), rtol=1e-6, atol=1e-9).y[:, -1]
        theta = end.reshape(depth, 3, 3)
        G = -2 * c * (B - eye) @ S  # the gradient at the start, nearly the same for all layers
        velocity_of_increments = (-G).T @ G - G @ (-G).T  # times t
        return depth * (theta[1:] - theta[:-1]), velocity_of_increments * time**2 / 2

    return answer


# 2.5


def time_by_quadrature(p):
    C, beta = p["target"], p["exponent"]

    def answer(depth, fraction):
        h = C - (C - 1) * np.sqrt(fraction)
        plain = quad(lambda h: h ** (2 / depth - 2) / (2 * (C - h)), 1, h, epsabs=0, epsrel=1e-10)[
            0
        ]
        limit = np.log(h) / (2 * C**2) - np.log(fraction) / (4 * C**2) + (1 - 1 / h) / (2 * C)
        return depth ** (1 - beta) * plain, limit

    return answer


def time_by_event(p):
    C, beta = p["target"], p["exponent"]

    def until(fraction, exponent):
        # The logarithm of the loss, e = -log(loss / start), is a clock that runs faster than t.
        def slope(e, tau):
            h = C - (C - 1) * np.exp(-e / 2)
            return 1 / (4 * h**exponent)

        end = -np.log(fraction)
        return solve_ivp(slope, (0, end), [0.0], rtol=1e-10, atol=1e-12).y[0, -1]

    def answer(depth, fraction):
        time = until(fraction, 2 - 2 / depth) * depth ** (1 - beta)
        return time, until(fraction, 2)

    return answer


def with_time(other_time):
    """Other times, functions of the right ones, the depth, the part of the loss and the class."""

    def factory(p):
        right = time_by_quadrature(p)
        return lambda depth, fraction: other_time(*right(depth, fraction), depth, fraction, p)

    return factory


TIME_WRONG = {
    "power upside down": with_time(
        lambda time, limit, L, part, p: (time * L ** (2 * p["exponent"] - 2), limit)
    ),
    "power without the norm": with_time(lambda time, limit, L, part, p: (time / L, limit)),
    "power of the plain gradient": with_time(
        lambda time, limit, L, part, p: (
            (time * L ** p["exponent"], limit) if p["exponent"] else (2 * time, limit)
        )
    ),
    "limit at once": with_time(
        lambda time, limit, L, part, p: (limit * L ** (1 - p["exponent"]), limit)
    ),
    "fraction of the residual": lambda p: lambda L, part: time_by_quadrature(p)(L, part**2),
    "no 2": with_time(lambda time, limit, L, part, p: (2 * time, 2 * limit)),
    "rate at the end": with_time(
        lambda time, limit, L, part, p: (time, -np.log(part) / (4 * p["target"] ** 2))
    ),
    "this depth": with_time(
        lambda time, limit, L, part, p: (time, time * L ** (p["exponent"] - 1))
    ),
    "no square": with_time(lambda time, limit, L, part, p: (time, limit * p["target"])),
}


# 2.8

SIGMA = {
    "tanh": jnp.tanh,
    "arctan": jnp.arctan,
    "sin": jnp.sin,
    "softplus": lambda u: jax.nn.softplus(u) - jnp.log(2.0),
}


class Residuals(nnx.Module):
    """All layers, one after the other in plain Python."""

    def __init__(self, V, W, activation):
        self.V, self.W, self.activation = nnx.Param(V), nnx.Param(W), activation

    def __call__(self, h):
        """The last state."""
        L, d, m = self.V.shape
        for V, W in zip(self.V[...], self.W[...], strict=True):
            h = h + SIGMA[self.activation](h @ W.T / d**0.5) @ V.T / (L * m**0.5)
        return h


def mean_square(network, x, y):
    return jnp.mean(jnp.sum((network(x) - y) ** 2, axis=1))


@nnx.jit
def update(network, optimizer, x, y, factor):
    value, gradient = nnx.value_and_grad(mean_square)(network, x, y)
    optimizer.update(network, jax.tree.map(lambda g: factor * g, gradient))
    return value


def lipschitz(V, W):
    rows = np.concatenate([np.reshape(V, (len(V), -1)), np.reshape(W, (len(W), -1))], axis=1)
    return len(V) * np.linalg.norm(np.diff(rows, axis=0), axis=1).max()


def starts_by_flax(p):
    def answer(W, x, y, steps):
        def run(factor):
            start = jnp.zeros(np.transpose(W, (0, 2, 1)).shape)
            network = Residuals(start, jnp.asarray(W), p["activation"])
            descent = optax.sgd(p["rate"], momentum=p["momentum"])
            optimizer = nnx.Optimizer(network, descent, wrt=nnx.Param)
            losses = [update(network, optimizer, x, y, factor) for _ in range(steps)]
            return [*losses, mean_square(network, x, y)], network

        losses, network = run(1.0 * len(W))
        ends = (0 * network.V[...], W), (network.V[...], network.W[...])
        return losses, run(1.0)[0][-1], [lipschitz(*end) for end in ends]

    return answer


@partial(jax.jit, static_argnames=("activation", "steps"))
def descended_layers(W, x, y, rate, kept, factor, parts, activation, steps):
    """Losses and weights at the end, by a loop without an optimiser."""
    L, m, d = W.shape

    def loss(theta):
        def layer(h, theta):
            V, W = theta
            return h + SIGMA[activation](h @ W.T / d**0.5) @ V.T / (L * m**0.5), None

        return jnp.mean(jnp.sum((jax.lax.scan(layer, x, theta)[0] - y) ** 2, axis=1))

    def move(state, _):
        theta, velocity = state
        value, gradient = jax.value_and_grad(loss)(theta)
        velocity = [
            kept * v + factor * part * g
            for v, g, part in zip(velocity, gradient, parts, strict=True)
        ]
        theta = tuple(t - rate * v for t, v in zip(theta, velocity, strict=True))
        return (theta, velocity), value

    start = (jnp.zeros((L, d, m)), W)
    resting = [jnp.zeros_like(weights) for weights in start]
    (theta, _), losses = jax.lax.scan(move, (start, resting), length=steps)
    return jnp.append(losses, loss(theta)), *theta


def starts_by_scan(p, factor=None, parts=(1.0, 1.0), shown=lambda *results: results):
    def answer(W, x, y, steps):
        def run(factor):
            numbers = (1.0 * p["rate"], 1.0 * p["momentum"], 1.0 * factor, parts)
            return descended_layers(W, x, y, *numbers, activation=p["activation"], steps=steps)

        losses, *end = run(len(W) if factor is None else factor(len(W)))
        start = np.zeros(np.transpose(W, (0, 2, 1)).shape), W
        numbers = np.array([lipschitz(*start), lipschitz(*end)])
        return shown(np.array(losses), float(run(1.0)[0][-1]), numbers)

    return answer


def shown(results):
    return lambda p: starts_by_scan(p, shown=results)


STARTS_WRONG = {
    "no factor L": lambda p: starts_by_scan(p, factor=lambda L: 1),
    "factor L twice": lambda p: starts_by_scan(p, factor=lambda L: L**2),
    "no momentum": lambda p: starts_by_scan(other(p, momentum=0.0)),
    "only V is trained": lambda p: starts_by_scan(p, parts=(1.0, 0.0)),
    "half the gradient": lambda p: starts_by_scan(p, factor=lambda L: L / 2),
    "the last loss twice": shown(lambda a, b, c: (a, a[-1], c)),
    "nothing trained": shown(lambda a, b, c: (np.full_like(a, a[0]), a[0], [c[0], c[0]])),
    "no factor L in the Lipschitz number": shown(lambda a, b, c: (a, b, c / 6)),
    "a guess: the start is smooth": shown(lambda a, b, c: (a, b, [0.0, c[1]])),
    "another class's rate": lambda p: starts_by_scan(other(p, rate=p["rate"] + 0.03)),
}


RIGHT = {
    "2.1": [backward, by_jax],
    "2.2": [end_by_bisection, end_by_training],
    "2.3": [extrapolated, by_neville],
    "2.4": [roughness, roughness_by_solver],
    "2.5": [time_by_quadrature, time_by_event],
    "2.8": [starts_by_flax, starts_by_scan],
}

WRONG = {
    "2.1": {
        "plain gradient, no factor L": lambda p: backward(p, "plain gradient"),
        "no leak in the costates": lambda p: backward(p, "no leak on the way back"),
        "no leak at all": lambda p: backward(p, "no leak"),
        "costate p_k for p_{k+1}": lambda p: backward(p, "late costate"),
        "state h_{k+1} for h_k": lambda p: backward(p, "late state"),
        "gradient of the squared error": lambda p: backward(p, "squared"),
        "root upside down": lambda p: backward(p, "no root"),
        "sum over samples": lambda p: backward(p, "sum"),
        "sign of G_W": lambda p: backward(p, "sign"),
        "another class's loss": lambda p: backward(other(p, delta=p["delta"] + 0.5)),
        "another class's leak": lambda p: backward(other(p, leak=p["leak"] + 0.2)),
    },
    "2.2": {
        **END_WRONG,
        "another class's target": lambda p: end_by_bisection(other(p, target=p["target"] + 0.3)),
        "another class's slope": lambda p: end_by_bisection(other(p, slope=p["slope"] + 0.2)),
    },
    "2.3": {
        "weights for doubling": extrapolated_wrong(lambda q: [1 / 3, -2, 8 / 3]),
        "runs that double": extrapolated_wrong(multipliers=(1, 2, 4)),
        "two runs only": extrapolated_wrong(
            lambda q: [0, -q[1] / (q[2] - q[1]), q[2] / (q[2] - q[1])]
        ),
        "the finest run": extrapolated_wrong(lambda q: [0, 0, 1]),
        "the mean": extrapolated_wrong(lambda q: [1 / 3, 1 / 3, 1 / 3]),
        "weights for even powers": extrapolated_wrong(lambda q: weights_by_formula(q**2)),
        "weights do not sum to one": extrapolated_wrong(lambda q: 2 * weights_by_formula(q)),
        "no factor L": extrapolated_wrong(**{"no factor": True}),
        "steps of the same length": extrapolated_wrong(**{"same length": True}),
        "another integrator": by_runge_kutta,
        "another class's target": lambda p: extrapolated(other(p, target=p["target"] + 0.2)),
    },
    "2.4": {
        **ROUGHNESS_WRONG,
        "another class's weight": lambda p: roughness(other(p, weight=p["weight"] + 0.2)),
    },
    "2.5": {
        **TIME_WRONG,
        "another class's target": lambda p: time_by_quadrature(other(p, target=p["target"] + 0.2)),
        "another class's power": lambda p: time_by_quadrature(
            other(p, exponent=p["exponent"] + 0.25)
        ),
    },
    "2.8": STARTS_WRONG,
}
