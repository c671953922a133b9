"""Integrators: the claims of the chapter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims import _problems
from resode_course.claims._claim import Check, Claim, Control, Measured, Picture
from resode_course.claims._measure import slope
from resode_course.claims.euler import growth_factor
from resode_lib import integrators, resnet, stacks
from resode_lib._types import Array, Key, Path, Scalar, State
from resode_lib.blocks import Linear, TwoLayer
from resode_lib.integrators import CellField, Integrator

__all__ = [
    "REAL_LIMITS",
    "ContractingBlocks",
    "OneStep",
    "SliceCap",
    "StabilityFunction",
    "pulling",
    "stability_function",
]

ROUNDOFF = 2.0**-53


class Rotating(NamedTuple):
    """The flow ``H' = Q(s) A Q(-s) H``, whose weights do not commute.

    In the frame that turns along, weights are constant: ``H(s) = Q(s) exp(s (A - J)) H(0)`` with
    ``Q(s) = exp(s J)``.

    Attributes:
        A: the weights in that frame.
        turn: the generator of the rotation, ``J`` over its speed; ``turn^3 = -turn``.
        speed: of the rotation.
        start: the state at ``s = 0``.
    """

    A: Array
    turn: Array
    speed: float
    start: Array

    def rotation(self, s: Scalar) -> Array:
        """Return ``Q(s)``, by Rodrigues' formula."""
        a = self.speed * jnp.asarray(s)
        square = self.turn @ self.turn
        return jnp.eye(len(square)) + jnp.sin(a) * self.turn + (1 - jnp.cos(a)) * square

    def weights(self, s: Scalar) -> Array:
        """Return ``Q(s) A Q(-s)``."""
        Q = self.rotation(s)
        return Q @ self.A @ Q.T

    def exact(self, s: np.ndarray) -> np.ndarray:
        """Return the solution at the places ``s``, shape (n, d)."""
        return self._along(np.eye(len(self.start)), s)

    def largest_derivatives(self) -> tuple[float, float]:
        """Return the largest norms of the second and of the third derivative of the solution.

        The derivative of ``Q(s) M exp(s B) H(0)``, ``B = A - J``, has ``J M + M B`` in the place of
        ``M``, and ``H'`` has ``A``.
        """
        A, J, s = np.asarray(self.A), self.speed * np.asarray(self.turn), np.linspace(0, 1, 4001)
        second = J @ A + A @ (A - J)
        third = J @ second + second @ (A - J)
        return largest(self._along(second, s)), largest(self._along(third, s))

    def _along(self, M: np.ndarray, s: np.ndarray) -> np.ndarray:
        """Return ``Q(s) M exp(s B) H(0)``."""
        from scipy.linalg import expm  # here: it is slow to import

        B = np.asarray(self.A - self.speed * self.turn)
        moved = expm(np.asarray(s)[:, None, None] * B) @ np.asarray(self.start)
        turned = np.asarray(jax.vmap(self.rotation)(jnp.asarray(s)))
        return (turned @ (M @ moved[..., None]))[..., 0]


def rotating(seed: int, width: int, speed: float) -> Rotating:
    """Return a rotating flow with a random matrix of norm 3/2 and a random start of norm one."""
    keys = jax.random.split(jax.random.key(seed))
    A, start = jax.random.normal(keys[0], (width, width)), jax.random.normal(keys[1], (width,))
    planes = jnp.kron(jnp.eye(width // 2), _problems.TURN)
    turn = jnp.zeros((width, width)).at[: len(planes), : len(planes)].set(planes)
    A *= 1.5 / jnp.linalg.norm(A, ord=2)
    return Rotating(A, turn, speed, start / jnp.linalg.norm(start))


def largest(states: np.ndarray) -> float:
    """Return the largest norm."""
    return float(np.linalg.norm(states, axis=-1).max())


class Scheme(NamedTuple):
    """A scheme.

    Attributes:
        order: what is claimed for it.
        steps: how many states a step needs, 1 or 2.
        step: ``(flow, k, ds, states) -> h``, the state after them, the first of which is ``h_k``.
    """

    order: int
    steps: int
    step: Callable[[Rotating, Scalar, Scalar, Array], Array]


def one_step(method: Integrator) -> Scheme:
    """Return a method of one step; the path is known wherever it is asked for."""

    def step(flow: Rotating, k: Scalar, ds: Scalar, states: Array) -> Array:
        return method.step(lambda r, h: flow.weights((k + r) * ds) @ h, states[0], ds)

    return Scheme(method.order, 1, step)


def two_step(flow: Rotating, k: Scalar, ds: Scalar, states: Array) -> Array:
    """Return ``h_{k+2} = -4 h_{k+1} + 5 h_k + (4 f_{k+1} + 2 f_k)/L``.

    Its defect is of fourth order, as for a method of order three. But its steps multiply a
    difference of neighbouring states by -5.
    """
    residual = 2 * flow.weights(k * ds) @ states[0] + 4 * flow.weights((k + 1) * ds) @ states[1]
    return 5 * states[0] - 4 * states[1] + ds * residual


def late_heun(cell: CellField, h: State, ds: Scalar) -> State:
    """Step like Heun, but with the weights of the left end in both evaluations."""
    left = cell(0, h)
    return h + 0.5 * ds * (left + cell(0, h + ds * left))


REGISTERED = {name: one_step(method) for name, method in integrators.INTEGRATORS.items()}
SCHEMES = {
    **REGISTERED,
    "late heun": one_step(integrators.heun._replace(step=late_heun)),
    "two-step": Scheme(3, 2, two_step),
}


@cache
def compiled(step: Callable) -> tuple[Callable, Callable, Callable]:
    """Return the step, compiled once for all depths, that of all layers, and its matrix norms."""

    def stretch(flow: Rotating, k: Scalar, ds: Scalar, unit: Array) -> Array:
        """The norm of the linear map from ``steps`` states to the next ``steps``."""
        after = jax.vmap(lambda states: step(flow, k, ds, states))(unit)
        moved = jnp.concatenate([unit[:, 1:], after[:, None]], axis=1)
        return jnp.linalg.norm(moved.reshape(len(unit), -1), ord=2)

    return (
        jax.jit(step),
        jax.jit(jax.vmap(step, in_axes=(None, 0, None, 0))),
        jax.jit(jax.vmap(stretch, in_axes=(None, 0, None, None))),
    )


@dataclass(frozen=True)
class OneStep(Claim, label="thm-one-step", source="classical; proved in the chapter"):
    """Steps that stretch by at most e^(Λ/L) and miss by at most K/L^(p+1) err by (e^Λ-1)/Λ K/L^p.

    A rotating linear flow with a random matrix, in closed form; Λ is its norm, and the constants of
    the defect are those of the chapter. All methods of the library.
    """

    width: int = 2
    speed: float = 2.0
    depths: tuple[int, ...] = (16, 32, 64, 128)
    schemes: tuple[str, ...] = tuple(REGISTERED)

    family: ClassVar = {"width": (2, 3, 6), "speed": (1.0, 2.0, 4.0)}
    controls: ClassVar = {
        "two steps that amplify": Control(
            "the methods of one step → h_{k+2} = -4h_{k+1} + 5h_k + (4f_{k+1} + 2f_k)/L",
            fails=("two-step: stretch / e^(Λ/L)", "two-step: error / bound"),
            why="Its defect is that of order three, but it multiplies differences of neighbouring "
            "states by -5 in each layer.",
            schemes=("two-step",),
        ),
        "Heun with one slice": Control(
            "Heun's method → the same with the weights of the left end in both evaluations",
            fails=("late heun: slope of the defect", "late heun: L^3 defect / K"),
            why="Every step is wrong by O(1/L²): it is stable, and no better than Euler's.",
            schemes=("late heun",),
        ),
    }

    def run(self) -> Measured:
        """Measure stretch, defect and error of every scheme at every depth."""
        flow = rotating(self.seed, self.width, self.speed)
        norm = float(jnp.linalg.norm(flow.A, ord=2))
        bend, twist = flow.largest_derivatives()
        schemes = {name: SCHEMES[name] for name in self.schemes}
        found = {
            name: np.array([_measure(scheme, flow, depth) for depth in self.depths]).T
            for name, scheme in schemes.items()
        }
        depths = np.array(self.depths)
        heun = twist / 12 + norm * bend / 4
        return Measured(
            orders={name: scheme.order for name, scheme in schemes.items()},
            stretches={name: rows[0] / np.exp(norm / depths) for name, rows in found.items()},
            defects={name: rows[1] for name, rows in found.items()},
            errors={name: rows[2] for name, rows in found.items()},
            bounds={name: growth_factor(norm) * depths * rows[1] for name, rows in found.items()},
            proved={
                "euler": bend / 2,
                "midpoint": twist / 24 + norm * bend / 8,
                "heun": heun,
                "late heun": heun,
            },
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """Stability, consistency of the claimed order, and the bound that follows.

        A tenth of the slope is left for finite depths. Stretches are rounded like their d^2
        entries.
        """
        checks = []
        for name, order in measured.orders.items():
            defects = measured.defects[name]
            stretch = float(measured.stretches[name].max())
            high = 1 + 50 * self.width**2 * ROUNDOFF
            checks.append(Check(f"{name}: stretch / e^(Λ/L)", stretch, high=high))
            observed = slope(self.depths, defects)
            checks.append(Check(f"{name}: slope of the defect", observed, high=-order - 0.9))
            if name in measured.proved:
                constant = float((defects * np.array(self.depths) ** (order + 1.0)).max())
                ratio = constant / measured.proved[name]
                checks.append(Check(f"{name}: L^{order + 1} defect / K", ratio, high=1))
            ratio = float((measured.errors[name] / measured.bounds[name]).max())
            checks.append(Check(f"{name}: error / bound", ratio, high=1))
        return tuple(checks)

    def picture(self, measured: Measured) -> Picture:
        """Errors beside their bounds; the midpoint rule is left out, near Heun's."""
        shown = [name for name in measured.errors if name != "midpoint"]
        return Picture(
            self.depths,
            {name: measured.errors[name] for name in shown},
            {f"bound for {name}": measured.bounds[name] for name in shown},
            ylabel="largest error over layers",
        )


def _measure(scheme: Scheme, flow: Rotating, depth: int) -> tuple[float, float, float]:
    """Return the largest stretch of a step, its largest defect, and the largest error."""
    step, steps, stretches = compiled(scheme.step)
    count, ds = depth + 1 - scheme.steps, 1 / depth
    solution = flow.exact(np.arange(depth + 1) / depth)
    windows = np.stack([solution[j : j + count] for j in range(scheme.steps)], axis=1)
    layers = jnp.arange(count, dtype=float)
    defects = np.asarray(steps(flow, layers, ds, jnp.asarray(windows))) - solution[scheme.steps :]
    states = list(solution[: scheme.steps])
    for k in range(count):
        seen = jnp.asarray(np.stack(states[k:]))
        states.append(np.asarray(step(flow, float(k), ds, seen)))
    size = scheme.steps * len(flow.start)
    unit = jnp.eye(size).reshape(size, scheme.steps, -1)
    stretch = float(stretches(flow, layers, ds, unit).max())
    return stretch, largest(defects), largest(np.stack(states) - solution)


@dataclass(frozen=True, eq=False)
class Flow:
    """What is followed: the weights as a function of depth, and the states at both ends."""

    path: Path
    start: np.ndarray
    end: np.ndarray


def turning(claim: "SliceCap") -> Flow:
    """Return the rotating flow of the first claim, whose weights do not commute.

    It carries all unit vectors, so that no error vanishes by chance of the start.
    """
    flow, unit = rotating(claim.seed, claim.width, speed=2.0), np.eye(claim.width)
    end = np.stack([flow._replace(start=start).exact(np.ones(1))[0] for start in unit])
    return Flow(lambda s: Linear(flow.weights(s)), unit, end)


def broken(claim: "SliceCap") -> Flow:
    """Return a drift with one jump."""
    problem = _problems.jump(place=claim.place_of_jump)
    end = np.asarray(problem.exact(jnp.ones(1)))[0, 0]
    return Flow(lambda s: problem.path(jnp.asarray(s)), np.zeros(1), end)


def exponential(claim: "SliceCap") -> tuple[Callable, float]:
    """Return ``e^(a s)`` and its integral."""
    return lambda s: jnp.exp(claim.rate * s), float(np.expm1(claim.rate)) / claim.rate


def bump(claim: "SliceCap") -> tuple[Callable, float]:
    """Return ``s^2 (1 - s)^2``, with slope 0 at both ends, and its integral."""
    return lambda s: s**2 * (1 - s) ** 2, 1 / 30


@dataclass(frozen=True)
class SliceCap(Claim, label="prop-slice-cap", source="proved in the chapter"):
    """One middle slice per layer, or interpolated slices, give every step order two, and not more.

    RK4 on a rotating linear flow with a random matrix; and f(h, θ) = θ with Θ(s) = e^(as), a = 1,
    where a network is a quadrature and the limits of L² times its error are known.
    """

    width: int = 2
    rate: float = 1.0
    method: str = "rk4"
    depths: tuple[int, ...] = (32, 64, 128, 256)
    flow: Callable[["SliceCap"], Flow] = turning
    drift: Callable[["SliceCap"], tuple[Callable, float]] = exponential
    place: float = 0.5  # of a slice in its cell, from the left end, 0, to the right one, 1
    place_of_jump: float = 1 / 3

    family: ClassVar = {
        "width": (2, 4),
        "rate": (1.0, 1.5, 2.0),
        "method": ("midpoint", "heun", "rk4"),
        "place_of_jump": (0.21, 1 / 3, 0.55),
    }
    controls: ClassVar = {
        "slices at the left ends": Control(
            "the slices in the middle of their cells → at the left ends",
            fails=("one slice: slope", "one slice, f = θ: |L² error - limit| / next term"),
            why="A frozen layer falls back to order one, whatever its step.",
            place=0.0,
        ),
        "a jump in depth": Control(
            "the rotating flow → h' = s + 4 [s > 1/3]",
            fails=("on the path: slope", "one slice: slope", "interpolated: slope"),
            why="Order two and more rests on smoothness: the layer with the jump errs by O(1/L).",
            flow=broken,
        ),
        "slopes of zero at both ends": Control(
            "Θ = e^(as) → s²(1 - s)²",
            fails=("one slice, f = θ: slope", "interpolated, f = θ: slope"),
            why="The limits are zero, and the sums converge faster than the cap allows.",
            drift=bump,
        ),
    }

    def run(self) -> Measured:
        """Run the method on what the networks know of the path."""
        flow, (weights, integral) = self.flow(self), self.drift(self)
        drift = Flow(
            lambda s: _problems.Drift(weights(jnp.asarray(s, float))),
            np.zeros(1),
            np.array([integral]),
        )
        method = integrators.get(self.method)

        def norms(errors: list[np.ndarray]) -> np.ndarray:
            return np.array([np.linalg.norm(error) for error in errors])

        return Measured(
            flow={
                "on the path": norms(by_steps(flow, method, self.depths, None)),
                "one slice": norms(by_steps(flow, method, self.depths, self.place)),
                "interpolated": norms(by_interpolation(flow, method, self.depths)),
            },
            drift={
                "one slice": np.ravel(by_steps(drift, method, self.depths, self.place)),
                "interpolated": np.ravel(by_interpolation(drift, method, self.depths)),
                "left ends": np.ravel(by_steps(drift, method, self.depths, 0.0)),
            },
            ends=derivatives_at_ends(weights),
        )

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The method's own order on the path, two on slices, and the limits that are not zero.

        Euler and Maclaurin give the next terms of the errors: 7/5760 L^-4 of the difference of
        Theta''' for middles, 1/4 L^-3 Theta''(1) for the repeated slice, 1/12 L^-2 of that of
        Theta' for left ends (and 1/720 L^-4 of that of Theta'''). What is behind them is O(1/L)
        relative to them, and so is rounding at these depths; a tenth is left.
        """
        order = integrators.get(self.method).order
        errors, drift = measured.flow, measured.drift
        checks = [
            Check(
                "on the path: slope", slope(self.depths, errors["on the path"]), high=-order + 0.1
            )
        ]
        for name in ("one slice", "interpolated"):
            observed = slope(self.depths, abs(drift[name]))
            checks += [
                Check(f"{name}: slope", slope(self.depths, errors[name]), high=-1.9),
                Check(f"{name}, f = θ: slope", observed, low=-2.1),
            ]
        deepest = self.depths[-1]
        for name, (power, limit, next_term) in self._limits(measured.ends).items():
            ratio = abs(deepest**power * drift[name][-1] - limit) / next_term
            said = f"{name}, f = θ: |L{'²' if power == 2 else ''} error - limit| / next term"
            checks.append(Check(said, float(ratio), high=1.1))
        return tuple(checks)

    def _limits(self, ends: np.ndarray) -> dict[str, tuple[int, float, float]]:
        """Return the power of ``L``, the limit and the next term at the largest depth."""
        (value, first, second, third), L = ends.T, self.depths[-1]
        rise, bend, twist = value[1] - value[0], first[1] - first[0], third[1] - third[0]
        left_next = abs(bend) / (12 * L) + abs(twist) / (720 * L**3)
        return {
            "one slice": (2, -bend / 24, 7 / 5760 * abs(twist) / L**2),
            "interpolated": (2, -(5 * first[1] + first[0]) / 12, abs(second[1]) / (4 * L)),
            "left ends": (1, -rise / 2, left_next),
        }

    def picture(self, measured: Measured) -> Picture:
        """The errors, and the rate of slices through their first point."""
        first = measured.flow["one slice"][0]
        rate = first * (self.depths[0] / np.array(self.depths)) ** 2
        return Picture(self.depths, measured.flow, {"rate 1/L²": rate}, ylabel="error at s = 1")


def derivatives_at_ends(weights: Callable) -> np.ndarray:
    """Return the value of the weights and three derivatives, at 0 and at 1: shape (2, 4)."""
    orders = [weights]
    for _ in range(3):
        orders.append(jax.grad(orders[-1]))
    return np.array([[float(d(jnp.asarray(s))) for d in orders] for s in (0.0, 1.0)])


def by_steps(
    flow: Flow, method: Integrator, depths: tuple[int, ...], place: float | None
) -> list[np.ndarray]:
    """Return the errors at ``s = 1`` with the path known, or with one slice per layer.

    Args:
        flow: what is followed.
        method: the step.
        depths: the depths ``L``.
        place: where in its cell a layer takes its slice, from 0 (left end) to 1; None: the path.
    """

    @jax.jit  # for all depths
    def step(k: Scalar, ds: Scalar, h: State) -> State:
        def field(r: Scalar | int, h: State) -> State:
            return flow.path((k + (r if place is None else place)) * ds)(h)

        return method.step(field, h, ds)

    def error(depth: int) -> np.ndarray:
        h = jnp.asarray(flow.start)
        for k in range(depth):
            h = step(float(k), 1 / depth, h)
        return np.asarray(h) - flow.end

    return [error(depth) for depth in depths]


def by_interpolation(flow: Flow, method: Integrator, depths: tuple[int, ...]) -> list[np.ndarray]:
    """Return the errors at ``s = 1`` of the library's networks."""

    def error(depth: int) -> np.ndarray:
        @jax.jit
        def network(h: Array) -> Array:
            return resnet.forward(stacks.sample(flow.path, depth), h, integrator=method)

        return np.asarray(network(jnp.asarray(flow.start))) - flow.end

    return [error(depth) for depth in depths]


REAL_LIMITS = {1: 2.0, 2: 2.0, 4: 2.785293563405282}
"""By order: ``|R(-x)| <= 1`` for real ``x`` from 0 to here; for order 4 the root of
``x^3 - 4 x^2 + 12 x - 24``."""


def stability_function(order: int, z: Array) -> Array:
    """Return ``R(z) = 1 + z + ... + z^p / p!``, the stability function of our methods of order p.

    Args:
        order: ``p``, 1, 2 or 4.
        z: complex numbers, ``lambda / L``.
    """
    value, term = jnp.ones_like(z), jnp.ones_like(z)
    for j in range(1, order + 1):
        term = term * z / j
        value = value + term
    return value


@dataclass(frozen=True)
class StabilityFunction(
    Claim, label="prop-stability-function", source="classical; proved in the chapter"
):
    """For a normal θ in all layers h_L = R(θ/L)^L h_0, and no state grows iff all |R(λ/L)| ≤ 1.

    Eight layers; the random real eigenvalues reach to the end of the real interval of each method,
    and a complex pair lies inside its region.
    """

    width: int = 6
    depth: int = 8
    reach: float = 1.0  # the largest |λ|/L, in units of the real limit
    shear: float = 0.0  # of what makes the matrix not normal

    family: ClassVar = {"width": (3, 6, 12), "depth": (4, 8, 16)}
    controls: ClassVar = {
        "one eigenvalue beyond": Control(
            "the largest |λ|/L at the real limit of a method → a tenth beyond it",
            fails=tuple(f"{name}: largest growth" for name in integrators.INTEGRATORS),
            why="Too few layers: the state along this eigenvector grows in each.",
            reach=1.1,
        ),
        "eigenvectors that are not orthogonal": Control(
            "the normal matrix → with a triangular part, and eigenvalues within 0.9 of the limit",
            fails=tuple(f"{name}: largest growth" for name in integrators.INTEGRATORS),
            why="All eigenvalues are inside, and yet a layer amplifies sums of eigenvectors.",
            shear=3.0,
            reach=0.9,
        ),
    }

    def run(self) -> Measured:
        """Run every method on states along and across the eigendirections."""
        rng = np.random.default_rng(self.seed)
        basis = np.linalg.qr(rng.standard_normal((self.width, self.width)))[0]
        part, upper = self._part(rng), self.shear * np.triu(np.ones_like(basis), 1)
        upper[-2, -1] = 0  # the complex pair keeps its eigenvalues
        differences, norms = {}, {}
        for name, method in integrators.INTEGRATORS.items():
            z = basis @ (self.reach * REAL_LIMITS[method.order] * part + upper) @ basis.T
            stack = stacks.tied(Linear(jnp.asarray(self.depth * z)), self.depth)
            R = _polynomial(method.order, z)
            # The eigendirections, and those which a layer stretches most.
            inputs = np.concatenate([basis.T, np.linalg.svd(R)[2]])
            states = np.asarray(resnet.trajectory(stack, jnp.asarray(inputs), integrator=method))
            exact = inputs @ np.linalg.matrix_power(R, self.depth).T
            norms[name] = np.linalg.norm(states, axis=2)
            gap = np.linalg.norm(states[-1] - exact, axis=1) / norms[name].max(axis=0)
            differences[name] = float(gap.max())
        return Measured(differences=differences, norms=norms)

    def _part(self, rng: np.random.Generator) -> np.ndarray:
        """Return ``theta/L`` in units of the real limit, in its basis."""
        matrix = np.diag(np.append(-1.0, -rng.random(self.width - 1)))
        matrix[-2:, -2:] = [[-0.3, -0.2], [0.2, -0.3]]
        return matrix

    def _rounding(self) -> float:
        """Return what a layer may round: 4 sums of d + 2 products, of norms up to e^2.8."""
        return 65 * (self.width + 2) * ROUNDOFF

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """The formula, with L layers rounded in two computations, and no state that grows."""
        rounding = 2 * self.depth * self._rounding()
        checks = []
        for name, norms in measured.norms.items():
            ratio = measured.differences[name] / rounding
            growth = float((norms[1:] / norms[:-1]).max())
            checks += [
                Check(f"{name}: |h_L - R(θ/L)^L h_0| / rounding", ratio, high=1),
                Check(f"{name}: largest growth", growth, high=1 + self._rounding()),
            ]
        return tuple(checks)

    def picture(self, measured: Measured) -> Picture:
        """The largest relative norm after each layer."""
        grown = {name: (norms / norms[0]).max(axis=1) for name, norms in measured.norms.items()}
        return Picture(
            np.arange(self.depth + 1),
            {name: grown[name] for name in ("euler", "heun", "rk4")},
            {"one": np.ones(self.depth + 1)},
            xlabel="layer k",
            ylabel="largest ‖h_k‖ / ‖h_0‖",
            log="" if max(values.max() for values in grown.values()) < 2 else "y",
        )


def _polynomial(order: int, z: np.ndarray) -> np.ndarray:
    """Return ``R(z)`` for a matrix."""
    value = term = np.eye(len(z))
    for j in range(1, order + 1):
        term = term @ z / j
        value = value + term
    return value


def pulling(key: Key, steepness: float, width: int = 6) -> TwoLayer:
    """Return ``f(h) = -U^T tanh(U h)``, ``U = W / sqrt(d)``: minus a gradient, for any ``W``.

    Args:
        key: random key.
        steepness: ``||U||^2``, the largest eigenvalue of minus its Jacobian.
        width: ``d``; there are twice as many neurons.
    """
    W = jax.random.normal(key, (2 * width, width))
    W *= jnp.sqrt(steepness * width) / jnp.linalg.norm(W, ord=2)
    return TwoLayer(-W.T * jnp.sqrt(2.0), W)


def pushing(key: Key, steepness: float, width: int) -> TwoLayer:
    """Return a block of the same size whose outer weights are drawn by themselves."""
    block, other = (pulling(k, steepness, width) for k in jax.random.split(key))
    return TwoLayer(other.V[...], block.W[...])


@dataclass(frozen=True)
class ContractingBlocks(
    Claim,
    label="prop-contracting-blocks",
    source="proved in the chapter; compare Haber and Ruthotto 2017",
):
    """If f = -∇φ with 0 ≤ ∇²φ ≤ λ in every layer and L ≥ λ/2, no two states move apart.

    Sixteen independent layers -Uᵀtanh(Uh) with ‖U‖² = λ = 2L, on pairs of states of four sizes. For
    φ = λ‖h‖²/2 with λ = 3L, a layer doubles every distance.
    """

    width: int = 6
    depth: int = 16
    excess: float = 1.0  # of λ over 2L
    block: Callable[[Key, float, int], TwoLayer] = pulling

    family: ClassVar = {"width": (2, 6, 12), "depth": (4, 16, 32)}
    controls: ClassVar = {
        "steeper than 2L": Control(
            "λ = 2L → 2.4 L",
            fails="largest stretch of a distance",
            why="A step beyond 2/λ overshoots: near zero, along the steepest direction, it "
            "stretches by 1.4.",
            excess=1.2,
        ),
        "outer weights of their own": Control(
            "V = -Wᵀ → V drawn independently, of the same norm",
            fails="largest stretch of a distance",
            why="The residual is no gradient: its Jacobian has eigenvalues on both sides of zero.",
            block=pushing,
        ),
    }

    def run(self) -> Measured:
        """Send pairs of inputs of several sizes through the network."""
        keys = jax.random.split(jax.random.key(self.seed))
        steepness = 2 * self.depth * self.excess
        stack = stacks.iid(lambda key: self.block(key, steepness, self.width), keys[0], self.depth)
        # The steepest direction of the first layer, and Gaussian ones.
        first = np.asarray(jnp.linalg.svd(stack.W[0])[2][:1])
        some = np.concatenate([first, jax.random.normal(keys[1], (40, self.width))])
        sizes = np.array([1e-3, 0.1, 1.0, 10.0])[:, None, None]
        left, right = sizes * some, sizes * np.roll(some, 1, axis=0) / 2
        states = resnet.trajectory(stack, jnp.asarray(np.stack([left, right])))
        states = np.asarray(states).reshape(self.depth + 1, 2, -1, self.width)
        quadratic = stacks.tied(Linear(-3.0 * self.depth * jnp.eye(self.width)), self.depth)
        distances = np.linalg.norm(resnet.trajectory(quadratic, jnp.asarray(some)), axis=-1)
        return Measured(
            distances=np.linalg.norm(states[:, 0] - states[:, 1], axis=-1),
            sizes=np.linalg.norm(states, axis=-1).max(axis=1),
            doubled=distances[1:] / distances[:-1],
        )

    def _stretches(self, measured: Measured) -> np.ndarray:
        """Return the largest stretch in each layer, less what sums of d + m products can round."""
        rounding = (3 * self.width) ** 2 * ROUNDOFF * measured.sizes[:-1]
        return ((measured.distances[1:] - rounding) / measured.distances[:-1]).max(axis=1)

    def judge(self, measured: Measured) -> tuple[Check, ...]:
        """No pair moves apart in any layer; the quadratic doubles, a few roundings a layer."""
        apart = float(np.abs(measured.doubled - 2).max())
        return (
            Check("largest stretch of a distance", float(self._stretches(measured).max()), high=1),
            Check("quadratic, L = λ/3: |stretch - 2| / rounding", apart / (16 * ROUNDOFF), high=1),
        )

    def picture(self, measured: Measured) -> Picture:
        """The largest stretch in each layer."""
        return Picture(
            np.arange(1, self.depth + 1),
            {"largest stretch of a distance": self._stretches(measured)},
            {"one": np.ones(self.depth)},
            xlabel="layer k",
            ylabel="stretch",
            log="",
        )
