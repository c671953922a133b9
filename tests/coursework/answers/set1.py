"""Right and wrong answers to problem set 1, as functions of a class's parameters."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from scipy.integrate import cumulative_trapezoid, quad
from scipy.optimize import brentq

from resode_lib import integrators, stacks
from resode_lib.blocks import TwoLayer
from resode_lib.resnet import forward

# 1.1


def layers_by_loop(p, *, second=None, reach=None, mix=None, mu=None, ds=None, update=True):
    alpha = p["alpha"]
    second = 1 / (2 * alpha) if second is None else second
    reach = alpha if reach is None else reach
    mix = alpha if mix is None else mix
    mu = p["mu"] if mu is None else mu

    def layer_states(thetas, h):
        L = len(thetas) - 1
        step = 1 / L if ds is None else ds(L)
        states = [h]
        for k in range(L):
            k1 = np.tanh(thetas[k] @ h) - mu * h
            inner = h + reach * step * k1
            theta = (1 - mix) * thetas[k] + mix * thetas[k + 1]
            k2 = np.tanh(theta @ inner) - mu * inner
            following = h + step * ((1 - second) * k1 + second * k2)
            states.append(following)
            h = following if update else h
        return np.array(states)

    return layer_states


def layers_by_scan(p):
    alpha, mu = p["alpha"], p["mu"]

    def f(theta, h):
        return jnp.tanh(theta @ h) - mu * h

    def layer_states(thetas, h):
        L = len(thetas) - 1

        def layer(h, cell):
            left, right = cell
            k1 = f(left, h)
            k2 = f(left + alpha * (right - left), h + alpha / L * k1)
            h = h + (k1 + (k2 - k1) / (2 * alpha)) / L
            return h, h

        h = jnp.asarray(h)
        states = jax.lax.scan(layer, h, (jnp.asarray(thetas[:-1]), jnp.asarray(thetas[1:])))[1]
        return jnp.concatenate([h[None], states])

    return layer_states


def layers_of_mixed_residuals(p):
    alpha, mu = p["alpha"], p["mu"]

    def layer_states(thetas, h):
        states, L = [h], len(thetas) - 1
        for left, right in zip(thetas[:-1], thetas[1:], strict=True):
            k1 = np.tanh(left @ h) - mu * h
            x = h + alpha / L * k1
            k2 = (1 - alpha) * np.tanh(left @ x) + alpha * np.tanh(right @ x) - mu * x
            h = h + ((1 - 1 / (2 * alpha)) * k1 + k2 / (2 * alpha)) / L
            states.append(h)
        return np.array(states)

    return layer_states


def layers_of_library_heun(p):
    def layer_states(thetas, h):
        L = len(thetas) - 1

        def f(s, h):
            k = jnp.clip(jnp.floor(s * L + 1e-9).astype(int), 0, L)
            return jnp.tanh(jnp.asarray(thetas)[k] @ h) - p["mu"] * h

        return integrators.integrate(f, jnp.asarray(h), depth=L, integrator=integrators.heun)

    return layer_states


def last_state_only(p):
    return lambda thetas, h: layers_by_loop(p)(thetas, h)[-1]


# 1.2


def correction_by_hand(p, *, c=None, half=0.5, mu=None, sign=1.0, drift=True, slope=True):
    c = p["c"] if c is None else c
    leak = p["mu"] if mu is None else mu

    def correction(coefficients, s, h):
        d = h.shape[1]
        rows = []
        for depth, state in zip(s, h, strict=True):
            A = sum(a * depth**j for j, a in enumerate(coefficients))
            dA = sum(j * a * depth ** (j - 1) for j, a in enumerate(coefficients) if j)
            dA = np.zeros((d, d)) if np.ndim(dA) == 0 else dA
            z = np.tanh(A @ state)
            curve = 1 - z**2 if slope else np.ones(d)
            f = z - p["mu"] * state
            bend = curve * (A @ f) - leak * f
            row = -half * bend
            if drift:
                row = row + (c - half) * (1 - z**2) * (dA @ state)
            rows.append(sign * row)
        return np.array(rows)

    return correction


def correction_by_jvp(p):
    c, mu = p["c"], p["mu"]

    def correction(coefficients, s, h):
        coefficients = jnp.asarray(coefficients)

        def f(s, h):
            A = jnp.tensordot(s ** jnp.arange(len(coefficients)), coefficients, 1)
            return jnp.tanh(A @ h) - mu * h

        def at(s, h):
            one, zero = jnp.ones_like(s), jnp.zeros_like(s)
            drift = jax.jvp(f, (s, h), (one, 0 * h))[1]
            bend = jax.jvp(f, (s, h), (zero, f(s, h)))[1]
            return (c - 0.5) * drift - 0.5 * bend

        return jax.vmap(at)(jnp.asarray(s), jnp.asarray(h))

    return correction


def correction_transposed(p):
    def correction(coefficients, s, h):
        rows = []
        for depth, state in zip(s, h, strict=True):
            A = sum(a * depth**j for j, a in enumerate(coefficients))
            z = np.tanh(A @ state)
            J = np.diag(1 - z**2) @ A - p["mu"] * np.eye(len(state))
            rows.append(-0.5 * J.T @ (z - p["mu"] * state))
        return np.array(rows)

    return correction


# 1.3


def graded(p, *, root=2.0, amplify=1.0, power=None, gain=None, points=20001):
    """Nodes of the density ``w^(1/root)`` from a table of its integral, fine near zero."""
    q, epsilon = p["q"], p["epsilon"]
    power = q - 2 if power is None else power

    def graded_layers(rate, depth):
        s = np.geomspace(epsilon, 1 + epsilon, points) - epsilon
        s[0], s[-1] = 0.0, 1.0
        density = ((epsilon + s) ** power * np.exp(amplify * rate * (1 - s))) ** (1 / root)
        table = cumulative_trapezoid(density, s, initial=0.0)
        nodes = np.interp(np.arange(depth + 1) / depth * table[-1], table, s)
        w = (epsilon + s) ** (q - 2) * np.exp(rate * (1 - s))
        squared = np.trapezoid(np.sqrt(w), s) ** 2
        value = np.trapezoid(w, s) / squared
        return nodes, value if gain is None else gain(value, squared)

    return graded_layers


def graded_by_roots(p):
    """Nodes as roots, the integrals by quadrature in ``x = log(epsilon + s)``."""
    q, epsilon = p["q"], p["epsilon"]
    low, high = np.log(epsilon), np.log(1 + epsilon)

    def integral(x, rate, share):
        def f(x):
            w = np.exp((q - 2) * x + rate * (1 + epsilon - np.exp(x)))
            return w**share * np.exp(x)

        return quad(f, low, x, epsrel=1e-9)[0]

    def graded_layers(rate, depth):
        total = integral(high, rate, 0.5)
        nodes, x = [0.0], low
        for k in range(1, depth):
            x = brentq(lambda x, k=k: integral(x, rate, 0.5) - k / depth * total, x, high)
            nodes.append(np.exp(x) - epsilon)
        return np.array([*nodes, 1.0]), integral(high, rate, 1.0) / total**2

    return graded_layers


def graded_by_power(p):
    """The closed form of rate zero, for every rate."""
    q, epsilon = p["q"], p["epsilon"]

    def graded_layers(rate, depth):
        low, high = epsilon ** (q / 2), (1 + epsilon) ** (q / 2)
        nodes = (low + np.arange(depth + 1) / depth * (high - low)) ** (2 / q) - epsilon
        nodes[[0, -1]] = 0.0, 1.0
        return nodes, graded(p)(rate, depth)[1]

    return graded_layers


def equal_steps(p):
    return lambda rate, depth: (np.linspace(0, 1, depth + 1), graded(p)(rate, depth)[1])


def equal_table(p):
    """A table on equal steps that are too long near zero."""
    q, epsilon = p["q"], p["epsilon"]

    def graded_layers(rate, depth):
        s = np.linspace(0, 1, 200)
        density = np.sqrt((epsilon + s) ** (q - 2) * np.exp(rate * (1 - s)))
        table = cumulative_trapezoid(density, s, initial=0.0)
        return np.interp(np.linspace(0, table[-1], depth + 1), table, s), graded(p)(rate, depth)[1]

    return graded_layers


def inner_nodes(p):
    return lambda rate, depth: (graded(p)(rate, depth)[0][:-1], graded(p)(rate, depth)[1])


# 1.4


def moments(p, *, half=0.5, slope=2, v=2, scale=2, cross=4.0, trace=2.0, kurtosis=3.0, m=None):
    def answer(width, hidden, depth, beta):
        second = half * p["v"] ** v * (1 + p["a"] ** slope)
        fourth = 0.5 * kurtosis * p["v"] ** (2 * v) * (1 + p["a"] ** (2 * slope))
        neurons = hidden if m is None else m
        square = fourth / neurons + (1 - 1 / neurons) * second**2
        c2 = depth ** (-scale * beta)
        mean = 1 + c2 * second
        factor = 1 + c2 * second * (2 + cross / width) + c2**2 * (1 + trace / width) * square
        return mean**depth, np.expm1(depth * np.log(factor / mean**2))

    return answer


def moments_by_steps(p):
    """Two numbers carried from layer to layer: ``E|h|^2`` and the relative variance."""

    def answer(width, hidden, depth, beta):
        a, v, d, c = p["a"], p["v"], width, depth**-beta
        kept = v**2 * (1 + a**2) / 2
        spread = v**4 * (3 * (1 + a**4) / 2 - ((1 + a**2) / 2) ** 2) / hidden
        mean = 1 + c**2 * kept
        # The variance of |h + c r|^2, |h| = 1: along h, of |r|^2 given W, of its mean over W.
        noise = 4 * c**2 * kept / d + c**4 * (2 / d * (kept**2 + spread) + spread)
        log_mean = depth * np.log1p(mean - 1)
        return np.exp(log_mean), np.expm1(depth * np.log1p(noise / mean**2))

    return answer


def moments_changed(p, change):
    """The right moments, then a change of the pair."""
    return lambda width, hidden, depth, beta: change(
        moments(p)(width, hidden, depth, beta), moments(p)(width, hidden, 1, 0.5), depth
    )


def layers_add_up(p):
    def answer(width, hidden, depth, beta):
        mean, spread = moments(p)(width, hidden, depth, beta)
        return mean, depth * np.expm1(np.log1p(spread) / depth)

    return answer


# 1.5


def on_the_line(p, *, Lambda=None, deepest=10**4, slack=0, ordered=True, impossible=True):
    Lambda = p["Lambda"] if Lambda is None else Lambda

    def layers(x, y):
        x, y = np.asarray(x, float), np.asarray(y, float)
        order = np.argsort(x) if ordered else np.arange(len(x))
        gaps, targets = np.diff(x[order]), np.diff(y[order])
        factors = targets / gaps
        if impossible and (factors <= 0).any():
            return np.zeros((0, len(x)))
        for L in range(int(np.floor(Lambda)) + 1, deepest):
            low, high = (1 - Lambda / L) ** L, (1 + Lambda / L) ** L
            if (factors <= high).all() and (not impossible or (factors >= low).all()):
                break
        else:
            return np.zeros((0, len(x)))
        L = L + slack
        # Every gap changes by the same factor in each layer; the first point moves evenly.
        steps = np.arange(L + 1)[:, None]
        gaps_then = gaps * np.abs(factors) ** (steps / L)
        first = x[order][0] + steps / L * (y[order][0] - x[order][0])
        states = np.concatenate([first, first + np.cumsum(gaps_then, axis=1)], axis=1)
        residuals = np.empty((L, len(x)))
        residuals[:, order] = L * np.diff(states, axis=0)
        return residuals

    return layers


def on_the_line_greedily(p):
    """Each gap changes as fast as it may until it is right; the first point moves in layer 0."""
    Lambda = p["Lambda"]

    def fits(gaps, targets, L):
        return (targets <= gaps * (1 + Lambda / L) ** L).all() and (
            targets >= gaps * (1 - Lambda / L) ** L
        ).all()

    def layers(x, y):
        order = np.argsort(x)
        gaps, targets = np.diff(x[order]), np.diff(y[order])
        nothing = np.zeros((0, len(x)))
        if (targets <= 0).any() or (targets >= gaps * np.exp(Lambda)).any():
            return nothing
        L = int(Lambda) + 1
        while (targets > gaps * (1 + Lambda / L) ** L).any():
            L += 1
        if not fits(gaps, targets, L):
            return nothing
        rows = []
        for k in range(L):
            new = np.clip(targets, gaps * (1 - Lambda / L), gaps * (1 + Lambda / L))
            start = L * (y[order][0] - x[order][0]) if k == 0 else 0.0
            row = np.empty(len(x))
            row[order] = start + L * np.concatenate([[0.0], np.cumsum(new - gaps)])
            rows.append(row)
            gaps = new
        return np.array(rows)

    return layers


def straight_lines(p):
    def layers(x, y):
        L = max(len(on_the_line(p)(x, y)), 0)
        return np.tile(y - x, (L, 1))

    return layers


def nothing_if_impossible(p):
    def layers(x, y):
        residuals = on_the_line(p)(x, y)
        return residuals if len(residuals) else None

    return layers


def scaled_residuals(p):
    def layers(x, y):
        residuals = on_the_line(p)(x, y)
        return residuals / max(len(residuals), 1)

    return layers


def flow_limit(p):
    """Asks for e^-Lambda <= factor <= e^Lambda, which is right at infinite depth only."""

    def layers(x, y):
        order = np.argsort(x)
        factors = np.diff(y[order]) / np.diff(x[order])
        if (factors <= 0).any() or (abs(np.log(factors)) > p["Lambda"]).any():
            return np.zeros((0, len(x)))
        return on_the_line(p)(x, y)

    return layers


# 1.8

SIGMA = {
    "tanh": jnp.tanh,
    "arctan": jnp.arctan,
    "sin": jnp.sin,
    "softplus": lambda u: jax.nn.softplus(u) - jnp.log(2.0),
}


def square(last, y):
    return jnp.mean(jnp.sum((last - y) ** 2, axis=1))


def stack_loss(stack, x, y):
    return square(forward(stack, x), y)


@nnx.jit
def stack_step(stack, optimizer, x, y):
    value, gradient = nnx.value_and_grad(stack_loss)(stack, x, y)
    optimizer.update(stack, gradient)
    return value


def refine_by_library(p):
    """Blocks and stacks of the library, trained by Flax."""

    def answer(V, W, x, y, steps):
        x, y = jnp.asarray(x), jnp.asarray(y)
        block = partial(TwoLayer, activation=SIGMA[p["activation"]])
        stack = jax.vmap(lambda V, W: block(V, W))(jnp.asarray(V), jnp.asarray(W))
        optimizer = nnx.Optimizer(stack, optax.adam(p["rate"]), wrt=nnx.Param)
        losses = [float(stack_step(stack, optimizer, x, y)) for _ in range(steps)]
        losses.append(float(stack_loss(stack, x, y)))
        again = jax.tree.map(lambda leaf: jnp.repeat(leaf, p["times"], axis=0), stack)
        finer = stacks.resample(stack, p["times"] * len(V))
        return losses, float(stack_loss(again, x, y)), float(stack_loss(finer, x, y))

    return answer


def plain_loss(theta, x, y, activation):
    L, d, m = theta[0].shape
    for V, W in zip(*theta, strict=True):
        x = x + SIGMA[activation](x @ W.T / d**0.5) @ V.T / (L * m**0.5)
    return square(x, y)


plain_loss_and_gradient = jax.jit(jax.value_and_grad(plain_loss), static_argnames="activation")


def between(w, times):
    """Weights on lines between neighbours, the last one repeated."""
    rows = []
    for k in range(times * len(w)):
        j, rest = divmod(k, times)
        rows.append(w[j] + rest / times * (w[min(j + 1, len(w) - 1)] - w[j]))
    return np.array(rows)


def refine_by_loop(p, descent=None, shown=lambda *results: results[:3]):
    def answer(V, W, x, y, steps):
        theta, losses = (np.asarray(V), np.asarray(W)), []
        rule = (optax.adam if descent is None else descent)(p["rate"])
        state = rule.init(theta)
        for _ in range(steps):
            value, gradient = plain_loss_and_gradient(theta, x, y, p["activation"])
            losses.append(float(value))
            moves, state = rule.update(gradient, state)
            theta = optax.apply_updates(theta, moves)

        def loss(*theta):
            return float(plain_loss(theta, x, y, p["activation"]))

        theta, times = [np.asarray(w) for w in theta], p["times"]
        losses = np.array([*losses, loss(*theta)])
        again = loss(*(np.repeat(w, times, axis=0) for w in theta))
        finer = loss(*(between(w, times) for w in theta))
        return shown(losses, again, finer, theta, loss, times)

    return answer


def refine_shown(results):
    """Other results, a function of the right ones and of what they are made of."""
    return lambda p: refine_by_loop(p, shown=results)


REFINE_WRONG = {
    "gradient descent": lambda p: refine_by_loop(p, descent=optax.sgd),
    "another rate": lambda p: refine_by_loop({**p, "rate": 0.01}),
    "sum over samples": refine_shown(lambda a, b, c, *_: (4 * a, 4 * b, 4 * c)),
    "a guess: refining changes nothing": refine_shown(lambda a, b, c, *_: (a, a[-1], a[-1])),
    "the network repeated": refine_shown(
        lambda a, b, c, theta, loss, r: (a, loss(*(np.tile(w, (r, 1, 1)) for w in theta)), c)
    ),
    "interpolated for repeated": refine_shown(lambda a, b, c, *_: (a, c, c)),
    "repeated for interpolated": refine_shown(lambda a, b, c, *_: (a, b, b)),
    "the length of layers stays": refine_shown(
        lambda a, b, c, theta, loss, r: (
            a,
            loss(r * np.repeat(theta[0], r, axis=0), np.repeat(theta[1], r, axis=0)),
            loss(r * between(theta[0], r), between(theta[1], r)),
        )
    ),
    "the last line goes on": refine_shown(
        lambda a, b, c, theta, loss, r: (
            a,
            b,
            loss(*(between(np.concatenate([w, [2 * w[-1] - w[-2]]]), r)[:-r] for w in theta)),
        )
    ),
    "nothing trained": refine_shown(lambda a, b, c, *_: (np.full_like(a, a[0]), a[0], a[0])),
    "another class's number": lambda p: refine_by_loop({**p, "times": p["times"] + 1}),
}


RIGHT = {
    "1.1": [layers_by_loop, layers_by_scan],
    "1.2": [correction_by_hand, correction_by_jvp],
    "1.3": [graded, graded_by_roots],
    "1.4": [moments, moments_by_steps],
    "1.5": [on_the_line, on_the_line_greedily],
    "1.8": [refine_by_library, refine_by_loop],
}

WRONG = {
    "1.1": {
        "both stages weigh one half": partial(layers_by_loop, second=0.5),
        "the weights are exchanged": lambda p: layers_by_loop(p, second=1 - 0.5 / p["alpha"]),
        "the second stage alone": partial(layers_by_loop, second=1.0),
        "the second weight is alpha": lambda p: layers_by_loop(p, second=p["alpha"]),
        "Euler": partial(layers_by_loop, second=0.0),
        "the inner state goes a whole step": partial(layers_by_loop, reach=1.0),
        "frozen slices": partial(layers_by_loop, mix=0.0),
        "the next slice": partial(layers_by_loop, mix=1.0),
        "slices mixed the wrong way round": lambda p: layers_by_loop(p, mix=1 - p["alpha"]),
        "residuals are mixed": layers_of_mixed_residuals,
        "no decay": partial(layers_by_loop, mu=0.0),
        "as many layers as slices": partial(layers_by_loop, ds=lambda L: 1 / (L + 1)),
        "no factor 1/L": partial(layers_by_loop, ds=lambda L: 1.0),
        "the state is not updated": partial(layers_by_loop, update=False),
        "the last state only": last_state_only,
        "the library's Heun": layers_of_library_heun,
    },
    "1.2": {
        "slices at the left ends": partial(correction_by_hand, c=0.0),
        "slices at the right ends": partial(correction_by_hand, c=1.0),
        "the wrong sign": partial(correction_by_hand, sign=-1.0),
        "no factor one half": partial(correction_by_hand, half=1.0),
        "no derivative in depth": partial(correction_by_hand, drift=False),
        "the sign of c": lambda p: correction_by_hand(p, c=-p["c"]),
        "the Jacobian lacks the decay": partial(correction_by_hand, mu=0.0),
        "no slope of tanh": partial(correction_by_hand, slope=False),
        "the Jacobian transposed": correction_transposed,
        "no correction": lambda p: lambda coefficients, s, h: 0 * h,
        "one state only": lambda p: lambda *x: correction_by_hand(p)(*x)[0],
    },
    "1.3": {
        "equal steps": equal_steps,
        "equal shares of w": partial(graded, root=1.0),
        "the cube root": partial(graded, root=3.0),
        "no amplification": partial(graded, amplify=0.0),
        "no amplification, by a closed form": graded_by_power,
        "amplification turned round": partial(graded, amplify=-1.0),
        "no root of the amplification": partial(graded, amplify=2.0),
        "the slope, not the bend": lambda p: graded(p, power=p["q"] - 1),
        "long where it bends": lambda p: graded(p, power=2 - p["q"], amplify=-1.0),
        "too coarse a table": equal_table,
        "inner nodes only": inner_nodes,
        "the gain turned round": partial(graded, gain=lambda value, square: 1 / value),
        "the root of the gain": partial(graded, gain=lambda value, square: value**0.5),
        "one over the root's integral": partial(graded, gain=lambda value, sq: value * sq**0.5),
        "nodes without a gain": lambda p: lambda rate, depth: graded(p)(rate, depth)[0],
    },
    "1.4": {
        "no left half": lambda p: moments({**p, "a": 0.0}),
        "the slope not squared": partial(moments, slope=1),
        "no factor one half": partial(moments, half=1.0),
        "the deviation not squared": partial(moments, v=1),
        "no deviation": partial(moments, v=0),
        "the scale not squared": partial(moments, scale=1),
        "one layer": lambda p: lambda d, m, L, beta: moments(p)(d, m, 1, beta),
        "no part along h": partial(moments, cross=0.0),
        "|r|^2 is not random": partial(moments, trace=0.0),
        "the fourth moment of a Gaussian is one": partial(moments, kurtosis=1.0),
        "infinitely many hidden neurons": partial(moments, m=1e12),
        "one hidden neuron": partial(moments, m=1),
        "the fourth moment": lambda p: moments_changed(p, lambda x, one, L: (x[0], x[1] + 1)),
        "the root": lambda p: moments_changed(p, lambda x, one, L: (x[0], x[1] ** 0.5)),
        "the variance": lambda p: moments_changed(p, lambda x, one, L: (x[0], x[1] * x[0] ** 2)),
        "layers add up": layers_add_up,
    },
    "1.5": {
        "straight lines": straight_lines,
        "residuals divided by L": scaled_residuals,
        "the flow's limits": flow_limit,
        "one layer more": partial(on_the_line, slack=1),
        "Lambda is taken for one": partial(on_the_line, Lambda=1.0),
        "Lambda is taken for three": partial(on_the_line, Lambda=3.0),
        "the points are taken for sorted": partial(on_the_line, ordered=False),
        "stretching only": partial(on_the_line, impossible=False),
        "one jump": lambda p: lambda x, y: np.array([y - x]),
        "no motion": lambda p: lambda x, y: 0 * on_the_line(p)(x, y),
        "nothing where it is impossible": nothing_if_impossible,
        "always impossible": lambda p: lambda x, y: np.zeros((0, len(x))),
        "shapes exchanged": lambda p: lambda x, y: on_the_line(p)(x, y).T,
    },
    "1.8": REFINE_WRONG,
}
