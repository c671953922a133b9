"""Right and wrong answers to problem set 3; each takes the parameters of a class."""

import pickle
from functools import partial, wraps
from itertools import combinations_with_replacement

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from scipy.linalg import expm, null_space
from scipy.optimize import minimize_scalar


def other(p, **changes):
    return {**p, **changes}


# 3.1


def wave_ratio(r, wave):
    return (2 * r + wave * np.sin(2 * r)) ** 2 / (r**2 + wave * np.sin(r) ** 2)


def wave_constant(wave):
    """Newton's method on ``4 phi'' phi - phi'^2 / ... = 0`` is not needed: a bounded search is."""
    return minimize_scalar(wave_ratio, bounds=(1.2, 2.6), args=(wave,), options={"xatol": 1e-9}).fun


def steps_for(part, quotient, step):
    return int(np.ceil(np.log(part) / np.log(1 - quotient * step * (1 - step / 2))))


def certificate(p):
    r = np.linspace(1e-3, 20, 200_001)
    smallest = wave_ratio(r, p["wave"]).min()

    def answer(A, part):
        values = np.linalg.eigvalsh(A @ A.T)
        mu, beta = smallest * values[0], (2 + 2 * p["wave"]) * values[-1]
        return mu, beta, steps_for(part, mu / beta, p["step"])

    return answer


def by_singular_values(p):
    smallest = wave_constant(p["wave"])

    def answer(A, part):
        s = np.linalg.svd(A, compute_uv=False)
        mu, beta = smallest * s[-1] ** 2, 2 * (1 + p["wave"]) * s[0] ** 2
        rate = 1 - (mu / beta) * p["step"] * (1 - p["step"] / 2)
        count, loss = 0, 1.0
        while loss > part and count < 10**6:
            jump = max(1, int(0.9 * np.log(part / loss) / np.log(rate)))
            loss, count = loss * rate**jump, count + jump
        return mu, beta, count

    return answer


def with_certificate(change):
    """Other numbers, given the right ones, the singular values, the part and the class."""

    def factory(p):
        right = certificate(p)

        def answer(A, part):
            s = np.linalg.svd(A, compute_uv=False)
            return change(*right(A, part), s, part, p)

        return answer

    return factory


CERTIFICATE_WRONG = {
    "largest eigenvalue": with_certificate(
        lambda mu, beta, j, s, part, p: (mu * (s[0] / s[-1]) ** 2, beta, j)
    ),
    "singular value": with_certificate(lambda mu, beta, j, s, part, p: (mu / s[-1], beta, j)),
    "convention with 1/2": with_certificate(lambda mu, beta, j, s, part, p: (mu / 2, beta, j)),
    "ratio at the minimum": with_certificate(
        lambda mu, beta, j, s, part, p: (4 * (1 + p["wave"]) * s[-1] ** 2, beta, j)
    ),
    "wave ignored": with_certificate(lambda mu, beta, j, s, part, p: (4 * s[-1] ** 2, beta, j)),
    "A^T A": with_certificate(lambda mu, beta, j, s, part, p: (0.0, beta, j)),
    "smoothness of r^2": with_certificate(lambda mu, beta, j, s, part, p: (mu, 2 * s[0] ** 2, j)),
    "trace": with_certificate(
        lambda mu, beta, j, s, part, p: (mu, beta * np.sum(s**2) / s[0] ** 2, j)
    ),
    "step 1/beta": with_certificate(
        lambda mu, beta, j, s, part, p: (mu, beta, steps_for(part, mu / beta, 1.0))
    ),
    "the flow's time": with_certificate(
        lambda mu, beta, j, s, part, p: (
            mu,
            beta,
            int(np.ceil(-np.log(part) * beta / mu / p["step"])),
        )
    ),
    "one step less": with_certificate(lambda mu, beta, j, s, part, p: (mu, beta, int(0.9 * j) - 1)),
    "not a whole number": with_certificate(lambda mu, beta, j, s, part, p: (mu, beta, j + 0.5)),
    "another class's wave": lambda p: certificate(other(p, wave=p["wave"] + 0.3)),
}

# 3.2

DERIVATIVES = {
    "tanh": (np.tanh, lambda u: 1 - np.tanh(u) ** 2),
    "arctan": (np.arctan, lambda u: 1 / (1 + u**2)),
    "sin": (np.sin, np.cos),
    "softplus": (lambda u: np.logaddexp(0, u) - np.log(2), lambda u: 1 / (1 + np.exp(-u))),
}


def tangent_kernel(p, change=""):
    """Sums of entrywise products of Gram matrices, with one typical mistake if it is named."""
    sigma, slope = DERIVATIVES[p["activation"]]

    def answer(V, W, x):
        L, d, m = V.shape
        n = len(x)
        states = [x]
        for k in range(L):
            u = states[-1] @ W[k].T / np.sqrt(d)
            states.append(states[-1] + sigma(u) @ V[k].T / L / np.sqrt(m))
        costate, K = np.tile(p["readout"], (n, 1)), np.zeros((n, n))
        for k in reversed(range(L)):
            h = states[k + 1] if change == "late state" else states[k]
            u = h @ W[k].T / np.sqrt(d)
            inner = slope(u) * (costate @ V[k]) / np.sqrt(m)
            used = costate + inner @ W[k] / L / np.sqrt(d) if change == "early costate" else costate
            outer = np.ones((n, n)) if change == "no costates" else used @ used.T
            K += outer * (sigma(u) @ sigma(u).T) / m / L
            if change == "all pairs once":
                K += inner @ inner.T / d / L
            elif change != "V only":
                K += (inner @ inner.T) * (h @ h.T) / d / L
            if change != "costates stay":
                costate = costate + inner @ W[k] / L / np.sqrt(d)
        K = K / L if change == "no factor L" else K
        K = K * L if change == "sum over layers" else K
        factor = {"no 4": 1 / 4, "no 1/n": n}.get(change, 1)
        place = -1 if change == "largest" else 0
        return K, factor * 4 / n * np.linalg.eigvalsh(K)[place]

    return answer


def by_forward_derivatives(p):
    """Derivatives carried forward, one direction at a time; dense but for V = 0 at no cost."""
    sigma, slope = DERIVATIVES[p["activation"]]
    b = np.array(p["readout"])

    def answer(V, W, x):
        L, d, m = V.shape
        n = len(x)
        states, jacobians = [x], []
        for k in range(L):
            u = states[-1] @ W[k].T / np.sqrt(d)
            # One matrix for each sample: how the next state depends on this one.
            inner = np.einsum("ij,nj,jl->nil", V[k], slope(u), W[k]) / np.sqrt(m * d)
            jacobians.append(np.eye(d) + inner / L)
            states.append(states[-1] + sigma(u) @ V[k].T / L / np.sqrt(m))
        after, J = np.tile(b, (n, 1)), []
        for k in reversed(range(L)):
            u = states[k] @ W[k].T / np.sqrt(d)
            to_V = np.einsum("ni,nj->nij", after, sigma(u)) / np.sqrt(m) / np.sqrt(L)
            rows = np.einsum("ni,ij,nj->nj", after, V[k], slope(u)) / np.sqrt(m * d)
            to_W = np.einsum("nj,nl->njl", rows, states[k]) / np.sqrt(L)
            J.append(np.concatenate([to_V.reshape(n, -1), to_W.reshape(n, -1)], axis=1))
            after = np.einsum("ni,nij->nj", after, jacobians[k])
        J = np.concatenate(J, axis=1)
        K = J @ J.T
        return K, 4 / n * np.linalg.svd(K, compute_uv=False)[-1]

    return answer


# 3.3


def ball(theta, M, p):
    a, x, L = p["slope"], p["input"], len(theta)
    low, high = 1 + a * (theta - M) / L, 1 + a * (theta + M) / L
    mu = 4 * (a * x) ** 2 / L * sum(np.prod(np.delete(low, k)) ** 2 for k in range(L))
    return mu, 2 * a * x * max(np.prod(np.delete(high, k)) for k in range(L))


def certify(p):
    a, x = p["slope"], p["input"]

    def answer(theta, target, radius):
        L = len(theta)
        mu, c = ball(theta, radius, p)
        gap = abs(x * np.prod(1 + a * theta / L) - target)
        radii = np.linspace(0, min(np.min(theta + L / a), 3 / a), 1500)[1:-1]
        low = 1 + a * (theta - radii[:, None]) / L
        high = 1 + a * (theta + radii[:, None]) / L
        ratio = 4 * (a * x) ** 2 * np.prod(low, axis=1) ** 2 * np.mean(low**-2.0, axis=1)
        speed = 2 * a * x * np.prod(high, axis=1) / np.min(high, axis=1)
        best = radii * ratio / 2 / speed
        j = np.argmax(best)
        curve = np.polyfit(radii[j - 2 : j + 3] - radii[j], best[j - 2 : j + 3], 2)
        return mu, 2 * c * gap / mu, curve[2] - curve[1] ** 2 / 4 / curve[0]

    return answer


def certify_by_search(p):
    def answer(theta, target, radius):
        mu, c = ball(theta, radius, p)
        start = p["input"] * np.exp(np.sum(np.log1p(p["slope"] * theta / len(theta))))

        def lost(M):
            mu, c = ball(theta, M, p)
            return -mu * M / 2 / c

        top = min(np.min(theta + len(theta) / p["slope"]), 2 / p["slope"])
        best = minimize_scalar(lost, bounds=(0, top), options={"xatol": 1e-7})
        return mu, 2 * c * abs(start - target) / mu, -best.fun

    return answer


def with_ball(change):
    """Other numbers, given the right ones and the case."""

    def factory(p):
        right = certify(p)
        return lambda theta, target, M: change(*right(theta, target, M), theta, M, p)

    return factory


def certified(theta, M, p):
    mu, c = ball(theta, M, p)
    return mu * M / 2 / c


BALL_WRONG = {
    "constant of the start": with_ball(
        lambda mu, need, gap, theta, M, p: (ball(theta, 0.0, p)[0], need, gap)
    ),
    "largest ratio": with_ball(
        lambda mu, need, gap, theta, M, p: (ball(theta, -M, p)[0], need, gap)
    ),
    "Euclidean norm": with_ball(lambda mu, need, gap, theta, M, p: (mu / len(theta), need, gap)),
    "sum over layers": with_ball(lambda mu, need, gap, theta, M, p: (mu * len(theta), need, gap)),
    "radius not divided by L": with_ball(
        lambda mu, need, gap, theta, M, p: (ball(theta, M / 2, p)[0], need, gap)
    ),
    "exponential of infinite depth": with_ball(
        lambda mu, need, gap, theta, M, p: (
            4 * (p["slope"] * p["input"]) ** 2 * np.exp(-2 * p["slope"] * M),
            need,
            gap,
        )
    ),
    "rate mu for the root": with_ball(lambda mu, need, gap, theta, M, p: (mu, need / 2, gap)),
    "speed of the start": with_ball(
        lambda mu, need, gap, theta, M, p: (
            mu,
            need * ball(theta, 0.0, p)[1] / ball(theta, M, p)[1],
            gap,
        )
    ),
    "way of the mean": with_ball(
        lambda mu, need, gap, theta, M, p: (mu, need * mu**0.5 / ball(theta, M, p)[1], gap)
    ),
    "the radius given": with_ball(
        lambda mu, need, gap, theta, M, p: (mu, need, certified(theta, M, p))
    ),
    "radius 1 / (3 a)": with_ball(
        lambda mu, need, gap, theta, M, p: (mu, need, certified(theta, 1 / 3 / p["slope"], p))
    ),
    "infinite depth from zero": with_ball(
        lambda mu, need, gap, theta, M, p: (mu, need, p["input"] / 3 / np.e)
    ),
    "another class's input": lambda p: certify(other(p, input=p["input"] + 0.2)),
}

# 3.4


def told_apart(p):
    def answer(x, m):
        n = len(x)
        products = sum((x @ x.T) ** r for r in p["powers"])
        rank = int(np.linalg.matrix_rank(products, hermitian=True))
        vectors = np.linalg.eigh(products)[1]
        return min(m, rank), n if rank == n else 0, vectors[:, : n - rank]

    return answer


def by_monomials(p):
    """The values of all monomials of the class's degrees."""

    def answer(x, m):
        n, d = x.shape
        columns = [
            np.prod(x[:, list(index)], axis=1)
            for r in p["powers"]
            for index in combinations_with_replacement(range(d), r)
        ]
        values = np.array(columns)
        rank = np.linalg.matrix_rank(values)
        return int(min(m, rank)), int(n * (rank == n)), null_space(values)

    return answer


def by_random_neurons(p):
    """Features of many random neurons: what almost all weights do, one draw does."""

    def answer(x, m):
        w = np.random.default_rng(0).normal(size=(60, x.shape[1]))
        features = sum((w @ x.T) ** r for r in p["powers"])
        rank = np.linalg.matrix_rank(features, rtol=1e-9)
        full = np.linalg.svd(features.T @ features)[2]
        return min(m, int(rank)), len(x) if rank == len(x) else 0, full[rank:].T

    return answer


def with_rank(change):
    """Other numbers, given the right ones and the case."""

    def factory(p):
        right = told_apart(p)
        return lambda x, m: change(*right(x, m), x, m)

    return factory


RANK_WRONG = {
    "always n": with_rank(lambda rank, width, blind, x, m: (min(m, len(x)), width, blind)),
    "rank of the inputs": with_rank(
        lambda rank, width, blind, x, m: (min(m, np.linalg.matrix_rank(x)), width, blind)
    ),
    "infinitely many neurons": lambda p: (
        lambda x, m: (
            told_apart(p)(x, 99)[0],
            *told_apart(p)(x, m)[1:],
        )
    ),
    "always width n": with_rank(lambda rank, width, blind, x, m: (rank, len(x), blind)),
    "width of the largest rank": lambda p: (
        lambda x, m: (
            told_apart(p)(x, m)[0],
            told_apart(p)(x, 99)[0],
            told_apart(p)(x, m)[2],
        )
    ),
    "directions seen": lambda p: (
        lambda x, m: (
            *told_apart(p)(x, m)[:2],
            np.linalg.eigh(sum((x @ x.T) ** r for r in p["powers"]))[1][
                :, told_apart(p)(x, 99)[0] :
            ],
        )
    ),
    "not orthonormal": with_rank(lambda rank, width, blind, x, m: (rank, width, 2 * blind)),
    "kernel of the inputs": with_rank(
        lambda rank, width, blind, x, m: (rank, width, null_space(x.T)[:, : blind.shape[1]])
    ),
    "none": with_rank(lambda rank, width, blind, x, m: (rank, width, blind[:, :0])),
    "another class's powers": lambda p: told_apart(
        other(p, powers=[1] if p["powers"] != [1] else [2])
    ),
}

# 3.5


def remembered(function):
    """Mistakes differ in what they make of the same outputs: compute those once."""
    known = {}

    @wraps(function)
    def call(*arguments):
        key = pickle.dumps(arguments)
        if key not in known:
            known[key] = function(*arguments)
        return known[key].copy()

    return call


@remembered
def flow(W, x, y, depth, p, time):
    """The outputs of the network after training."""
    sigma, slope = DERIVATIVES[p["activation"]]
    n, m, d = len(x), *W.shape
    h0 = np.hstack([x, np.zeros((n, 1))])

    def passes(flat):
        V, U = flat.reshape(2, depth, d * m)
        V, U = V.reshape(depth, d, m), U.reshape(depth, m, d)
        states, inner = [h0], []
        for k in range(depth):
            inner.append(states[-1] @ U[k].T / np.sqrt(d))
            states.append(states[-1] + sigma(inner[k]) @ V[k].T / depth / np.sqrt(m))
        return V, U, states, inner

    def velocity(flat):
        V, U, states, inner = passes(flat)
        costate = np.zeros((n, d))
        costate[:, -1] = 2 / n * (states[-1][:, -1] - y)
        moves = np.zeros((2, depth, d * m))
        for k in reversed(range(depth)):
            back = slope(inner[k]) * (costate @ V[k]) / np.sqrt(m)
            moves[0, k] = -(costate.T @ sigma(inner[k])).ravel() / np.sqrt(m)
            moves[1, k] = -(back.T @ states[k]).ravel() / np.sqrt(d)
            costate = costate + back @ U[k] / depth / np.sqrt(d)
        return moves.ravel()

    state, dt = np.concatenate([np.zeros(depth * d * m), np.tile(W.ravel(), depth)]), time / 14
    for _ in range(14):  # the classical Runge-Kutta method
        k1 = velocity(state)
        k2 = velocity(state + dt / 2 * k1)
        k3 = velocity(state + dt / 2 * k2)
        state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + velocity(state + dt * k3))
    return passes(state)[2][-1][:, -1]


def features(W, x, p):
    return DERIVATIVES[p["activation"]][0](x @ W[:, :-1].T / np.sqrt(W.shape[1]))


def train_both(p):
    def answer(W, x, y, depth):
        S = features(W, x, p)
        K = S @ S.T / len(W)
        lazy = y - expm(-2 / len(x) * p["time"] * K) @ y
        return lazy, flow(W, x, y, depth, p, p["time"]), 2 if depth == 1 else 1

    return answer


def frozen(W, x, y, depth, p):
    """The flow for targets so small that features rest; it errs like the flow in its steps."""
    small = 1e-6
    return flow(W, x, small * y, depth, p, p["time"]) / small


def by_descent(p):
    """Both models step by step, and the order from two measurements."""

    def lazy_outputs(W, x, y, steps):
        S = features(W, x, p) / np.sqrt(len(W))
        v, rate = np.zeros(len(W)), p["time"] / steps
        for _ in range(steps):
            middle = v - rate / 2 * 2 / len(x) * S.T @ (S @ v - y)
            v = v - rate * 2 / len(x) * S.T @ (S @ middle - y)
        return S @ v

    def answer(W, x, y, depth):
        lazy = lazy_outputs(W, x, y, 2000)
        gaps = []
        for scale in (0.004, 0.002):
            small = flow(W, x, scale * y, depth, p, p["time"])
            linear = frozen(W, x, scale * y, depth, p)
            gaps.append(np.linalg.norm(small - linear) / scale)
        order = round(np.log2(gaps[0] / gaps[1]))
        return lazy, flow(W, x, y, depth, p, p["time"]), order

    return answer


def with_both(change):
    """Other outputs, given the right ones and the case."""

    def factory(p):
        right = train_both(p)
        return lambda W, x, y, depth: change(*right(W, x, y, depth), W, x, y, depth, p)

    return factory


def relaxed(W, x, y, p, factor):
    S = features(W, x, p)
    return y - expm(-factor * p["time"] * S @ S.T / len(W)) @ y


LAZY_WRONG = {
    "residuals for outputs": with_both(
        lambda lazy, true, order, W, x, y, L, p: (y - lazy, true, order)
    ),
    "rate of the loss": with_both(
        lambda lazy, true, order, W, x, y, L, p: (relaxed(W, x, y, p, 4 / len(x)), true, order)
    ),
    "no factor 2": with_both(
        lambda lazy, true, order, W, x, y, L, p: (relaxed(W, x, y, p, 1 / len(x)), true, order)
    ),
    "depth in the kernel": with_both(
        lambda lazy, true, order, W, x, y, L, p: (
            relaxed(W, x, y, p, 2 / len(x) / L),
            true,
            order,
        )
    ),
    "no 1/m": with_both(
        lambda lazy, true, order, W, x, y, L, p: (
            relaxed(W, x, y, p, 2 / len(x) * len(W)),
            true,
            order,
        )
    ),
    "true is lazy": with_both(lambda lazy, true, order, W, x, y, L, p: (lazy, lazy, order)),
    "no factor L in the flow": with_both(
        lambda lazy, true, order, W, x, y, L, p: (
            lazy,
            flow(W, x, y, L, p, p["time"] / L),
            order,
        )
    ),
    "half the time": with_both(
        lambda lazy, true, order, W, x, y, L, p: (lazy, flow(W, x, y, L, p, p["time"] / 2), order)
    ),
    "targets for outputs": with_both(lambda lazy, true, order, W, x, y, L, p: (lazy, y, order)),
    "order 2 always": with_both(lambda lazy, true, order, W, x, y, L, p: (lazy, true, 2)),
    "order 1 always": with_both(lambda lazy, true, order, W, x, y, L, p: (lazy, true, 1)),
    "another class's time": lambda p: train_both(other(p, time=p["time"] + 0.5)),
}

# 3.8

SIGMA = {
    "tanh": jnp.tanh,
    "arctan": jnp.arctan,
    "sin": jnp.sin,
    "softplus": lambda u: jax.nn.softplus(u) - jnp.log(2.0),
}


def last_states(V, W, h, activation):
    """The last states, layer by layer in plain Python."""
    L, d, m = V.shape
    for outer, inner in zip(V, W, strict=True):
        h = h + SIGMA[activation](h @ inner.T / d**0.5) @ outer.T / (L * m**0.5)
    return h


class Read(nnx.Module):
    """A network whose last coordinate is read."""

    def __init__(self, V, W, activation):
        self.V, self.W, self.activation = nnx.Param(V), nnx.Param(W), activation

    def __call__(self, x):
        """The outputs."""
        h = jnp.pad(x, ((0, 0), (0, 1)))
        return last_states(self.V[...], self.W[...], h, self.activation)[:, -1]


def mean_square(network, x, y):
    return jnp.mean((network(x) - y) ** 2)


@nnx.jit
def update(network, optimizer, x, y):
    value, gradient = nnx.value_and_grad(mean_square)(network, x, y)
    optimizer.update(network, gradient)
    return value


def slope_of(losses, p):
    ends = np.log(np.asarray(losses)[-p["window"] - 1 :])
    t = p["rate"] * np.arange(len(ends))
    return -np.sum((t - t.mean()) * ends) / np.sum((t - t.mean()) ** 2)


def wide_by_flax(p):
    """The constant from the Jacobian of the outputs, the factor L in the rate."""

    def answer(W, x, y, depth, steps):
        m, d = W.shape
        start = jnp.zeros((depth, d, m)), jnp.tile(W, (depth, 1, 1))
        network = Read(*start, p["activation"])
        optimizer = nnx.Optimizer(network, optax.sgd(p["rate"] * depth), wrt=nnx.Param)
        losses = [float(update(network, optimizer, x, y)) for _ in range(steps)]
        losses.append(float(mean_square(network, x, y)))
        h = np.pad(x, ((0, 0), (0, 1)))
        J = jax.jacobian(lambda V: last_states(V, start[1], h, p["activation"])[:, -1])(start[0])
        K = depth * np.reshape(J, (len(x), -1)) @ np.reshape(J, (len(x), -1)).T
        return losses, 4 / len(x) * np.linalg.eigvalsh(K)[0], slope_of(losses, p)

    return answer


@partial(jax.jit, static_argnames=("activation", "depth", "steps"))
def falling(W, x, y, rate, part, activation, depth, steps):
    """The losses, by a loop without an optimiser."""
    m, d = W.shape
    h = jnp.pad(x, ((0, 0), (0, 1)))

    def loss(theta):
        return jnp.mean((last_states(*theta, h, activation)[:, -1] - y) ** 2)

    def move(theta, _):
        value, (V, U) = jax.value_and_grad(loss)(theta)
        return (theta[0] - rate * V, theta[1] - rate * part * U), value

    start = jnp.zeros((depth, d, m)), jnp.tile(W, (depth, 1, 1))
    theta, losses = jax.lax.scan(move, start, length=steps)
    return jnp.append(losses, loss(theta))


def wide_by_scan(p, factor=None, part=1.0, shown=lambda *results: results[:3]):
    def answer(W, x, y, depth, steps):
        rate = p["rate"] * (depth if factor is None else factor(depth))
        losses = np.array(falling(W, x, y, rate, part, p["activation"], depth, steps))
        S = features(W, x, p)
        constant = 4 / len(x) * np.linalg.eigvalsh(S @ S.T)[0] / len(W)
        return shown(losses, constant, slope_of(losses, p), p)

    return answer


def wide_shown(results):
    """Other results, a function of the right ones and the class."""
    return lambda p: wide_by_scan(p, shown=results)


WIDE_WRONG = {
    "no factor L": lambda p: wide_by_scan(p, factor=lambda L: 1),
    "factor L twice": lambda p: wide_by_scan(p, factor=lambda L: L**2),
    "lazy: W rests": lambda p: wide_by_scan(p, part=0.0),
    "half the gradient": lambda p: wide_by_scan(p, factor=lambda L: L / 2),
    "exponential at once": wide_shown(
        lambda a, b, c, p: (a[0] * np.exp(-b * p["rate"] * np.arange(len(a))), b, b)
    ),
    "constant for the rate": wide_shown(lambda a, b, c, p: (a, b, b)),
    "rate for the constant": wide_shown(lambda a, b, c, p: (a, c, c)),
    "rate per step": wide_shown(lambda a, b, c, p: (a, b, c * p["rate"])),
    "rate of the whole run": wide_shown(
        lambda a, b, c, p: (a, b, slope_of(a, {**p, "window": len(a) - 1}))
    ),
    "factor 2 / n": wide_shown(lambda a, b, c, p: (a, b / 2, c)),
    "another class's window": lambda p: wide_by_scan(other(p, window=p["window"] + 1)),
}


RIGHT = {
    "3.1": [certificate, by_singular_values],
    "3.2": [tangent_kernel, by_forward_derivatives],
    "3.3": [certify, certify_by_search],
    "3.4": [told_apart, by_monomials, by_random_neurons],
    "3.5": [train_both, by_descent],
    "3.8": [wide_by_flax, wide_by_scan],
}

WRONG = {
    "3.1": CERTIFICATE_WRONG,
    "3.2": {
        **{
            title: lambda p, title=title: tangent_kernel(p, title)
            for title in (
                "late state",
                "early costate",
                "no costates",
                "all pairs once",
                "V only",
                "costates stay",
                "no factor L",
                "sum over layers",
                "no 4",
                "no 1/n",
                "largest",
            )
        },
        "another class's readout": lambda p: tangent_kernel(
            other(p, readout=[b + 0.2 for b in p["readout"]])
        ),
    },
    "3.3": BALL_WRONG,
    "3.4": RANK_WRONG,
    "3.5": LAZY_WRONG,
    "3.8": WIDE_WRONG,
}
