"""Right and wrong answers to problem set 4; each takes the parameters of a class."""

from functools import cache, partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from scipy.integrate import solve_ivp
from scipy.linalg import schur
from scipy.optimize import brentq


def other(p, **changes):
    return {**p, **changes}


# 4.1


def behind_and_before(theta):
    """The products behind and before each layer, and of all layers."""
    L, d, _ = theta.shape
    M = np.eye(d) + theta / L
    P = [np.linalg.multi_dot([np.eye(d), *M[:k:-1], np.eye(d)]) for k in range(L)]
    Q = [np.linalg.multi_dot([np.eye(d), *M[:k][::-1], np.eye(d)]) for k in range(L)]
    return P, Q, M[-1] @ Q[-1]


def linear_gradient(theta, B, S):
    P, Q, end = behind_and_before(theta)
    return np.array([2 * a.T @ (end - B) @ S @ b.T for a, b in zip(P, Q, strict=True)])


def linear_form(theta, S):
    """The squared gradient as a quadratic form in E, and the loss as one."""
    P, Q, _ = behind_and_before(theta)
    maps = [2 * np.kron(a.T, b @ S) for a, b in zip(P, Q, strict=True)]
    return sum(m.T @ m for m in maps) / len(theta), np.kron(np.eye(len(S)), S)


def smallest_ratio(theta, S):
    above, below = linear_form(theta, S)
    return np.linalg.eigvals(np.linalg.solve(below, above)).real.min()


def loss_at(theta, B, S):
    E = behind_and_before(theta)[2] - B
    return np.trace(E @ S @ E.T)


def radii(theta, B, S):
    """All R <= 1 with equality in the theorem's condition, and R = 1 if it is allowed."""
    low, high = np.linalg.eigvalsh(S)
    start = np.linalg.norm(theta, ord=2, axis=(1, 2)).max()
    c = np.sqrt(high * loss_at(theta, B, S)) / low
    R = np.linspace(start, 1, 2001)
    room = R - start - c * np.exp(3 * R)
    found = [
        brentq(lambda r: r - start - c * np.exp(3 * r), R[j], R[j + 1])
        for j in np.nonzero(room[:-1] * room[1:] < 0)[0]
    ]
    return [*found, *([1.0] if room[-1] >= 0 else [])]


def linear_time(theta, B, part, S, which=0):
    found = radii(theta, B, S)
    low = np.linalg.eigvalsh(S)[0]
    return -np.log(part) / (4 * np.exp(-2 * found[which]) * low) if found else -1


def certify(p):
    S = np.array(p["covariance"])

    def answer(theta, B, part):
        return (
            linear_gradient(theta, B, S),
            smallest_ratio(theta, S),
            linear_time(theta, B, part, S),
        )

    return answer


def certify_by_jax(p):
    S = jnp.array(p["covariance"])

    @jax.jit
    def loss(theta, B):
        end = jnp.eye(2)
        for layer in theta:
            end = end + layer @ end / len(theta)
        return jnp.trace((end - B) @ S @ (end - B).T)

    slope = jax.jit(jax.grad(loss))

    def answer(theta, B, part):
        L = len(theta)
        end = behind_and_before(theta)[2]
        root = np.linalg.inv(np.linalg.cholesky(p["covariance"]))
        rows = [
            np.ravel(slope(theta, end - np.eye(4)[j].reshape(2, 2) @ root)) * np.sqrt(L)
            for j in range(4)
        ]
        low, high = np.linalg.eigvalsh(p["covariance"])
        start = np.linalg.norm(theta, ord=2, axis=(1, 2)).max()
        c = np.sqrt(high * float(loss(theta, B))) / low
        # On the way up from R0 the first crossing is the smallest root.
        R, top = start, min(1.0, max(start, -np.log(3 * c) / 3))
        if start + c * np.exp(3 * top) > top:
            time = -1.0
        else:
            R = brentq(lambda r: r - start - c * np.exp(3 * r), start, top)
            time = np.log(1 / part) * np.exp(2 * R) / 4 / low
        return L * slope(theta, B), np.linalg.svd(np.array(rows))[1][-1] ** 2, time

    return answer


def with_certificate(change):
    """Other numbers, given the right ones and the case."""

    def factory(p):
        right, S = certify(p), np.array(p["covariance"])

        def answer(theta, B, part):
            return change(*right(theta, B, part), theta, B, part, S)

        return answer

    return factory


CERTIFICATE_WRONG = {
    "no factor L": with_certificate(lambda g, r, t, w, B, part, S: (g / len(w), r, t)),
    "no covariance": with_certificate(
        lambda g, r, t, w, B, part, S: (linear_gradient(w, B, np.eye(2)), r, t)
    ),
    "no factor 2": with_certificate(lambda g, r, t, w, B, part, S: (g / 2, r, t)),
    "velocity": with_certificate(lambda g, r, t, w, B, part, S: (-g, r, t)),
    "transposed": with_certificate(lambda g, r, t, w, B, part, S: (g.mT, r, t)),
    "no transposes of the products": with_certificate(
        lambda g, r, t, w, B, part, S: (
            np.array(
                [
                    2 * a @ (behind_and_before(w)[2] - B) @ S @ b
                    for a, b in zip(*behind_and_before(w)[:2], strict=True)
                ]
            ),
            r,
            t,
        )
    ),
    "no factor 4": with_certificate(lambda g, r, t, w, B, part, S: (g, r / 4, t)),
    "form of E against |E|^2": with_certificate(
        lambda g, r, t, w, B, part, S: (g, np.linalg.eigvalsh(linear_form(w, S)[0])[0], t)
    ),
    "this target": with_certificate(
        lambda g, r, t, w, B, part, S: (g, np.sum(g**2) / len(w) / loss_at(w, B, S), t)
    ),
    "constant at zero": with_certificate(
        lambda g, r, t, w, B, part, S: (g, 4 * np.linalg.eigvalsh(S)[0], t)
    ),
    "rate kappa": with_certificate(lambda g, r, t, w, B, part, S: (g, r, 2 * t if t > 0 else t)),
    "largest R": with_certificate(
        lambda g, r, t, w, B, part, S: (g, r, linear_time(w, B, part, S, -1))
    ),
    "R = 1": with_certificate(
        lambda g, r, t, w, B, part, S: (
            g,
            r,
            -np.log(part) * np.exp(2.0) / 4 / np.linalg.eigvalsh(S)[0] if t > 0 else t,
        )
    ),
    "always a time": with_certificate(lambda g, r, t, w, B, part, S: (g, r, t if t > 0 else 1.0)),
    "never a time": with_certificate(lambda g, r, t, w, B, part, S: (g, r, -1)),
    "time from the constant": with_certificate(
        lambda g, r, t, w, B, part, S: (g, r, -np.log(part) / r if t > 0 else t)
    ),
    "another class's covariance": lambda p: certify(
        other(p, covariance=(np.array(p["covariance"]) + 0.1 * np.eye(2)).tolist())
    ),
}

# 4.2


def segment(b, time, speed, power):
    """The eigenvalues of the product after a time."""
    b = np.asarray(b, dtype=complex)

    def velocity(t, tau):
        return speed * np.abs(1 + tau * (b - 1)) ** power * (1 - tau)

    tau = solve_ivp(velocity, (0, time), np.zeros(len(b)), rtol=1e-8, atol=1e-9).y[:, -1]
    return 1 + tau * (b - 1)


def matrix_of(U, values):
    return ((U * values) @ U.conj().T).real


def ends_of(b, change):
    """Where the eigenvalues of the product end."""
    stuck = (b.real < 0) & (b.imag == 0)
    if change == "negative real parts stop":
        stuck = b.real < 0
    if change == "all are reached" or (change == "determinant" and np.prod(b).real > 0):
        stuck = b != b
    return np.where(stuck, np.abs(b) if change == "moduli" else 0, b)


def floor_of(b, end, s, change):
    """The limit of the loss."""
    if change == "smallest singular value":
        return s * np.abs(b).min() ** 2 if np.prod(b).real < 0 else 0.0
    return (1 if change == "floor without variance" else s) * np.sum(np.abs(b - end) ** 2)


def train_normal(p, change=""):
    L, s = p["depth"], p["variance"]
    power = {"infinite depth": 2.0, "linear": 0.0, "1 - 1/L": 1 - 1 / L}.get(change, 2 - 2 / L)
    speed = {"no variance": 2.0, "no factor 2": s, "no factor L": 2 * s / L}.get(change, 2 * s)

    def answer(B, time):
        T, U = schur(B, output="complex")
        b = np.diag(T)
        b = np.where(np.abs(b.imag) < 1e-9, b.real + 0j, b)
        z = b if change == "limit" else segment(b, time, speed, power)
        weights = (L if change != "M - I" else 1) * (z ** (1 / L) - 1)
        weights = np.log(z) if change == "logarithm" else weights
        end = ends_of(b, change)
        return matrix_of(U, weights), matrix_of(U, end), floor_of(b, end, s, change)

    return answer


def train_by_matrices(p, rtol=1e-8, atol=1e-9):
    """The flow of M itself; the limits from a symmetric matrix made of B."""
    L, s = p["depth"], p["variance"]

    def answer(B, time):
        def velocity(t, flat):
            M = flat.reshape(B.shape)
            power = np.linalg.matrix_power(M, L - 1)
            return (-2 * s / L * power.T @ (power @ M - B)).ravel()

        M = solve_ivp(velocity, (0, time), np.eye(len(B)).ravel(), rtol=rtol, atol=atol).y[:, -1]
        # Negative eigenvalues belong to the symmetric part of B where the antisymmetric one is 0.
        symmetric, antisymmetric = (B + B.T) / 2, (B - B.T) / 2
        values, vectors = np.linalg.eigh(symmetric - 100 * antisymmetric @ antisymmetric)
        stuck = vectors[:, values < -1e-9]
        product = B - stuck @ stuck.T @ B
        return L * (M.reshape(B.shape) - np.eye(len(B))), product, s * np.sum((B - product) ** 2)

    return answer


# 4.3

SLOPES = {
    "tanh": lambda u: 1 - np.tanh(u) ** 2,
    "arctan": lambda u: 1 / (1 + u**2),
    "sin": np.cos,
    "softplus": lambda u: 1 / (1 + np.exp(-u)),
}
VALUES = {
    "tanh": np.tanh,
    "arctan": np.arctan,
    "sin": np.sin,
    "softplus": lambda u: np.logaddexp(0, u) - np.log(2),
}
JAX = {
    "tanh": jnp.tanh,
    "arctan": jnp.arctan,
    "sin": jnp.sin,
    "softplus": lambda u: jnp.logaddexp(0, u) - jnp.log(2),
}


def two_stages(p, theta, x):
    """The states, and for each layer what it looked at."""
    a, sigma = p["alpha"], VALUES[p["activation"]]
    L, h, seen = len(theta) - 1, x, []
    for k in range(L):
        middle = (1 - a) * theta[k] + a * theta[k + 1]
        u = h @ theta[k].T
        ahead = h + a / L * sigma(u)
        v = ahead @ middle.T
        seen.append((h, u, ahead, v, middle))
        h = h + sigma(u) / L + (sigma(v) - sigma(u)) / (2 * a * L)
    return h, seen


def back(p, change=""):
    """The backward pass, with one typical mistake if it is named."""
    a, sigma, slope = p["alpha"], VALUES[p["activation"]], SLOPES[p["activation"]]
    place = 0 if change == "weights of layer k only" else a
    twice = change != "stage not entered twice"
    counted = [change != f"{name} fixed" for name in ("coefficients", "length", "place")]

    def answer(theta, x, y):
        L = len(theta) - 1
        end, seen = two_stages(p, theta, x)
        q = (1 if change == "half the square" else 2) * (end - y)
        q = q if change == "sum over inputs" else q / len(x)
        gradient, by_alpha = np.zeros(theta.shape), 0.0
        for k in range(L)[::-1]:
            h, u, ahead, v, middle = seen[k]
            late = slope(v) * q / (2 * a * L)
            back_ahead = late @ (middle.T if change == "no transpose" else middle)
            early = slope(u) * (q * (1 - 1 / (2 * a)) + twice * a * back_ahead) / L
            gradient[k] += early.T @ h + (1 - place) * late.T @ ahead
            gradient[k + 1] += place * late.T @ ahead
            three = (
                np.sum(q * (sigma(u) - sigma(v))) / (2 * a**2 * L),
                np.sum(back_ahead * sigma(u)) / L,
                np.sum((late.T @ ahead) * (theta[k + 1] - theta[k])),
            )
            by_alpha += np.dot(counted, three)
            q = q + back_ahead + (change != "first stage not crossed") * early @ theta[k]
        return {"factor L": L, "1/L twice": 1 / L}.get(change, 1) * gradient, q, by_alpha

    return answer


def back_by_jax(p):
    """Products with derivatives from JAX, one layer at a time."""
    sigma = JAX[p["activation"]]

    def layer(h, left, right, alpha, L):
        one = sigma(h @ left.T)
        two = sigma((h + alpha / L * one) @ ((1 - alpha) * left + alpha * right).T)
        return h + ((1 - 1 / (2 * alpha)) * one + two / (2 * alpha)) / L

    @jax.jit
    def loss(theta, x, y, alpha):
        def step(h, pair):
            return layer(h, *pair, alpha, len(theta) - 1), None

        end, _ = jax.lax.scan(step, x, (theta[:-1], theta[1:]))
        return jnp.sum((end - y) ** 2) / len(x)

    slopes = jax.jit(jax.grad(loss, argnums=(0, 1, 3)))
    return lambda theta, x, y: slopes(theta, x, y, p["alpha"])


# 4.4


def best_plans(costs, change):
    """The least cost of a stretch of layers, with the first state to keep; 0 for none."""

    def run(i, j):
        return sum(costs[k % 3] for k in range(i, j))

    @cache
    def best(i, j, free):
        ways = [(sum(run(i, k) for k in range(i, j)), 0)]
        before = free - (change == "slots not used again")
        for m in range(i + 1, j) if free > 0 else ():
            ways.append((run(i, m) + best(m, j, free - 1)[0] + best(i, m, before)[0], m))
        if change == "in the middle" and len(ways) > 1:
            return ways[(j - i) // 2]
        return min(ways)

    return best


def plan_memory(p, change=""):
    best = best_plans([1, 1, 1] if change == "equal costs" else p["costs"], change)

    def actions(i, j, free, slot):
        m = best(i, j, free)[1]
        if m:
            runs = [("run", k) for k in range(i, m)]
            behind = actions(m, j, free - 1, slot + 1)
            before = actions(i, m, free - (change == "slots not used again"), slot)
            return [*runs, ("keep", slot + 1), *behind, ("load", slot), *before]
        out = []
        for k in range(i, j)[::-1]:
            out += [*(("run", n) for n in range(i, k)), ("back", k)]
            out += [("load", slot)] if k > i and change != "no load" else []
        return out

    def answer(depth, slots):
        free = slots + (change == "one slot too many")
        return best(0, depth, free)[0], actions(0, depth, free, 0)

    return answer


def tables(costs, depth, slots):
    """Least costs and first states to keep, for all stretches of layers and numbers of slots."""
    start = np.cumsum([0] + [costs[k % 3] for k in range(depth)])
    table = np.zeros((slots + 1, depth + 1, depth + 1), dtype=int)
    split = np.zeros_like(table)
    for free, i in np.ndindex(slots + 1, depth):
        i = depth - 1 - i
        for j in range(i + 1, depth + 1):
            table[free, i, j] = np.sum(start[i:j] - start[i])
            m = np.arange(i + 1, j)
            if not free or not len(m):
                continue
            ways = start[m] - start[i] + table[free - 1, m, j] + table[free, i, m]
            if ways.min() < table[free, i, j]:
                table[free, i, j], split[free, i, j] = ways.min(), m[ways.argmin()]
    return table, split


def plan_from_the_end(p):
    """Tables in place of recursion, and a plan as lists."""

    def answer(depth, slots):
        table, split = tables(p["costs"], depth, slots)
        plan, todo = [], [(0, depth, 0)]
        while todo:
            i, j, slot = todo.pop()
            m = split[slots - slot, i, j]
            if m:
                plan += [["load", slot], *(["run", k] for k in range(i, m)), ["keep", slot + 1]]
                todo += [(i, m, slot), (m, j, slot + 1)]
                continue
            for k in reversed(range(i, j)):
                plan += [["load", slot], *(["run", n] for n in range(i, k)), ["back", k]]
        return int(table[slots, 0, depth]), plan

    return answer


def with_plan(change):
    """Another cost or plan, given the right ones and the case."""

    def factory(p):
        right = plan_memory(p)
        return lambda depth, slots: change(*right(depth, slots), depth, slots, p)

    return factory


PLAN_WRONG = {
    **{
        title: lambda p, title=title: plan_memory(p, title)
        for title in (
            "equal costs",
            "one slot too many",
            "slots not used again",
            "in the middle",
            "no load",
        )
    },
    "runs of the way back counted": with_plan(
        lambda cost, plan, L, m, p: (cost + sum(p["costs"][k % 3] for k in range(L)), plan)
    ),
    "no slots used": with_plan(lambda cost, plan, L, m, p: plan_memory(p)(L, 0)),
    "number of runs": with_plan(
        lambda cost, plan, L, m, p: (sum(name == "run" for name, _ in plan), plan)
    ),
    "last layer forgotten": with_plan(lambda cost, plan, L, m, p: (cost, plan[:-1])),
    "from the first layer on": with_plan(
        lambda cost, plan, L, m, p: (
            cost,
            [item for k in range(L) for item in (("back", k), ("run", k))],
        )
    ),
    "another word": with_plan(
        lambda cost, plan, L, m, p: (
            cost,
            [(name.replace("back", "reverse"), n) for name, n in plan],
        )
    ),
    "another class's costs": lambda p: plan_memory(other(p, costs=p["costs"][::-1])),
}

# 4.5


def way_back(p, change=""):
    """The equation of the error, solved from the end to the start."""
    beta, sigma, slope = p["beta"], VALUES[p["activation"]], SLOPES[p["activation"]]
    factor = {"beta": beta, "plain step": 1, "1 + beta": 1 + beta, "half": (1 - beta) / 2}.get(
        change, 1 - beta
    )

    def answer(A, B, x, tolerance):
        d = len(x)

        def parts(s, h):
            theta = A + (0 if change == "weights at the start" else s) * B
            return sigma(theta @ h), slope(theta @ h)[:, None] * theta

        def forwards(s, state):
            f, J = parts(s, state[:d])
            return np.concatenate([f, (J @ state[d:].reshape(d, d)).ravel()])

        def backwards(s, state):
            f, J = parts(s, state[:d])
            carried = 0 if change == "just added" else J @ state[d:]
            return np.concatenate([f, carried + factor * J @ f])

        rtol = 1e-2 if change == "coarse steps" else 1e-8
        options = {"rtol": rtol, "atol": rtol / 10}
        there = solve_ivp(forwards, (0, 1), np.concatenate([x, np.eye(d).ravel()]), **options)
        end, D = there.y[:d, -1], there.y[d:, -1].reshape(d, d)
        state = np.concatenate([end, np.zeros(d)])
        leading = solve_ivp(backwards, (1, 0), state, **options).y[d:, -1]
        leading = -leading if change == "sign" else leading
        layers = np.linalg.norm(leading) / tolerance
        layers = {"second order": np.sqrt(layers), "ten": layers / 10}.get(change, layers)
        values = np.linalg.svd(D, compute_uv=False)
        growth = {
            "on the way there": values[0],
            "best direction": 1 / values[0],
            "not inverted": values[-1],
            "eigenvalue": 1 / np.abs(np.linalg.eigvals(D)).min(),
            "all entries": np.linalg.norm(np.linalg.inv(D)),
        }.get(change, 1 / values[-1])
        return leading, max(1, int(np.ceil(layers))), growth

    return answer


def way_back_by_networks(p):
    """Errors of networks, extrapolated to infinitely many layers."""
    beta, sigma, slope = p["beta"], VALUES[p["activation"]], SLOPES[p["activation"]]

    def measured(A, B, x, L):
        h, D = x, np.eye(len(x))
        for k in range(L):
            theta = A + k / L * B
            u = theta @ h
            h, D = h + sigma(u) / L, D + slope(u)[:, None] * theta @ D / L
        for k in range(L)[::-1]:
            theta = A + k / L * B
            h = h - sigma(theta @ (h - beta / L * sigma(theta @ h))) / L
        return np.column_stack([L * (h - x), D])

    def answer(A, B, x, tolerance):
        levels = [measured(A, B, x, L) for L in (128, 256, 512, 1024)]
        for order in (1, 2, 3):
            levels = [
                (2**order * fine - rough) / (2**order - 1) for rough, fine in pairwise(levels)
            ]
        leading, D = levels[0][:, 0], levels[0][:, 1:]
        layers = int(np.ceil(np.linalg.norm(leading) / tolerance))
        return leading, max(1, layers), np.linalg.norm(np.linalg.inv(D), ord=2)

    return answer


def titled(answer, titles):
    """One factory for each named mistake."""
    return {title: lambda p, title=title: answer(p, title) for title in titles}


# 4.8

SIGMA = {
    "tanh": jnp.tanh,
    "arctan": jnp.arctan,
    "sin": jnp.sin,
    "softplus": lambda u: jax.nn.softplus(u) - jnp.log(2.0),
}


class Pair(nnx.Module):
    """Both arrays of weights."""

    def __init__(self, V, W):
        self.V, self.W = nnx.Param(jnp.asarray(V)), nnx.Param(jnp.asarray(W))


def residual_of(theta, h, activation):
    V, W = theta
    return SIGMA[activation](h @ W.T / V.shape[0] ** 0.5) @ V.T / V.shape[1] ** 0.5


def square(last, y):
    return jnp.mean(jnp.sum((last - y) ** 2, axis=1))


@partial(jax.jit, static_argnames=("activation", "corrections", "exact", "late"))
def reverse_gradient(V, W, x, y, activation, corrections, exact=False, late=False):
    """The loss and the gradient of depth, layer by layer from the last one."""
    L, kept = len(V), [x]
    for theta in zip(V, W, strict=True):
        kept.append(kept[-1] + residual_of(theta, kept[-1], activation) / L)
    loss, costate = jax.value_and_grad(square)(kept[-1], y)
    after, moves = kept[-1], []
    for k in reversed(range(L)):
        before = after
        for _ in range(1 + corrections):
            before = after - residual_of((V[k], W[k]), before, activation) / L
        before = kept[k] if exact else before
        seen = after if late else before
        _, pull = jax.vjp(lambda t, h: residual_of(t, h, activation), (V[k], W[k]), seen)
        move, to_state = pull(costate)
        costate, after = costate + to_state / L, before
        moves.append(move)
    return loss, tuple(jnp.stack(arrays[::-1]) for arrays in zip(*moves, strict=True))


def relative(one, other):
    a, b = (np.concatenate([np.ravel(array) for array in both]) for both in (one, other))
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def forgetful(p, shown=lambda losses, errors: (losses, errors), factor=1.0, **change):
    """Descent without an optimiser."""

    def answer(V, W, x, y, steps):
        numbers = p["activation"], p["corrections"]

        def error(theta):
            ours, exact = (reverse_gradient(*theta, x, y, *numbers, exact=e) for e in (False, True))
            return relative(ours[1], exact[1])

        theta, losses = (V, W), []
        for _ in range(steps):
            loss, moves = reverse_gradient(*theta, x, y, *numbers, **change)
            losses.append(float(loss))
            theta = tuple(t - factor * p["rate"] * g for t, g in zip(theta, moves, strict=True))
        losses.append(float(reverse_gradient(*theta, x, y, *numbers)[0]))
        return shown(np.array(losses), np.array([error((V, W)), error(theta)]))

    return answer


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def reversible(V, W, x, activation, corrections):
    """The last states; going back, their inputs are recovered."""

    def layer(h, theta):
        return h + residual_of(theta, h, activation) / len(V), None

    return jax.lax.scan(layer, x, (V, W))[0]


def remember_last(V, W, x, activation, corrections):
    last = reversible(V, W, x, activation, corrections)
    return last, (V, W, last)


def recover(activation, corrections, kept, costate):
    V, W, last = kept

    def layer(carry, theta):
        after, costate = carry
        before = after
        for _ in range(1 + corrections):
            before = after - residual_of(theta, before, activation) / len(V)
        _, pull = jax.vjp(lambda t, h: h + residual_of(t, h, activation) / len(V), theta, before)
        moves, costate = pull(costate)
        return (before, costate), moves

    (_, costate), moves = jax.lax.scan(layer, (last, costate), (V, W), reverse=True)
    return *moves, costate


reversible.defvjp(remember_last, recover)


def forgetful_loss(pair, x, y, activation, corrections):
    return square(reversible(pair.V[...], pair.W[...], x, activation, corrections), y)


@partial(nnx.jit, static_argnames=("activation", "corrections"))
def forgetful_step(pair, optimizer, x, y, activation, corrections):
    value, gradient = nnx.value_and_grad(forgetful_loss)(pair, x, y, activation, corrections)
    optimizer.update(pair, gradient)
    return value, gradient


def forgetful_by_flax(p):
    """A derivative of one's own, and the optimiser of Flax."""

    def answer(V, W, x, y, steps):
        numbers = p["activation"], p["corrections"]
        pair = Pair(V, W)
        optimizer = nnx.Optimizer(pair, optax.sgd(p["rate"] * len(V)), wrt=nnx.Param)

        def error():
            resting = nnx.Optimizer(pair, optax.sgd(0.0), wrt=nnx.Param)
            _, ours = forgetful_step(pair, resting, x, y, *numbers)
            _, exact = reverse_gradient(pair.V[...], pair.W[...], x, y, *numbers, exact=True)
            return relative([len(V) * g for g in (ours.V[...], ours.W[...])], exact)

        first, losses = error(), []
        for _ in range(steps):
            losses.append(forgetful_step(pair, optimizer, x, y, *numbers)[0])
        losses.append(forgetful_loss(pair, x, y, *numbers))
        return [float(loss) for loss in losses], [first, error()]

    return answer


def forgetful_shown(results):
    """Other results, a function of the right ones."""
    return lambda p: forgetful(p, shown=results)


FORGETFUL_WRONG = {
    "states are kept": lambda p: forgetful(p, exact=True),
    "the state behind the layer": lambda p: forgetful(p, late=True),
    "one correction more": lambda p: forgetful(other(p, corrections=p["corrections"] + 1)),
    "no factor L": lambda p: forgetful(p, factor=1 / 5),
    "factor L twice": lambda p: forgetful(p, factor=5.0),
    "half the gradient": lambda p: forgetful(p, factor=0.5),
    "half the loss": forgetful_shown(lambda a, b: (a / 2, b)),
    "squares of the errors": forgetful_shown(lambda a, b: (a, b**2)),
    "the end first": forgetful_shown(lambda a, b: (a, b[::-1])),
    "a guess: no error": forgetful_shown(lambda a, b: (a, 0 * b)),
    "another class's rate": lambda p: forgetful(other(p, rate=p["rate"] + 0.05)),
}


RIGHT = {
    "4.1": [certify, certify_by_jax],
    "4.2": [train_normal, train_by_matrices],
    "4.3": [back, back_by_jax],
    "4.4": [plan_memory, plan_from_the_end],
    "4.5": [way_back, way_back_by_networks],
    "4.8": [forgetful_by_flax, forgetful],
}

WRONG = {
    "4.1": CERTIFICATE_WRONG,
    "4.2": {
        **titled(
            train_normal,
            (
                "no variance",
                "no factor 2",
                "no factor L",
                "infinite depth",
                "linear",
                "1 - 1/L",
                "limit",
                "M - I",
                "logarithm",
                "negative real parts stop",
                "determinant",
                "all are reached",
                "moduli",
                "smallest singular value",
                "floor without variance",
            ),
        ),
        "coarse steps": lambda p: train_by_matrices(p, 1e-3, 1e-6),
        "another class's depth": lambda p: train_normal(other(p, depth=p["depth"] + 1)),
    },
    "4.3": {
        **titled(
            back,
            (
                "weights of layer k only",
                "half the square",
                "sum over inputs",
                "no transpose",
                "stage not entered twice",
                "coefficients fixed",
                "length fixed",
                "place fixed",
                "first stage not crossed",
                "factor L",
                "1/L twice",
            ),
        ),
        "another class's alpha": lambda p: back(other(p, alpha=p["alpha"] + 0.05)),
    },
    "4.4": PLAN_WRONG,
    "4.5": {
        **titled(
            way_back,
            (
                "beta",
                "plain step",
                "1 + beta",
                "half",
                "sign",
                "just added",
                "weights at the start",
                "second order",
                "ten",
                "on the way there",
                "best direction",
                "not inverted",
                "eigenvalue",
                "all entries",
                "coarse steps",
            ),
        ),
        "another class's beta": lambda p: way_back(other(p, beta=p["beta"] + 0.1)),
    },
    "4.8": FORGETFUL_WRONG,
}
