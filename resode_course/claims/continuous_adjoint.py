"""The costate equation of the ODE, and the costates of networks that approach it."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from resode_course.claims import _costates
from resode_course.claims._claim import Check, Claim
from resode_course.claims._measure import StepSize, no_factor, one_over_depth, slope_or_infinity
from resode_lib import continuous, integrators, resnet, stacks
from resode_lib._types import Array, Block, Scalar
from resode_lib.blocks import TwoLayer

__all__ = ["CLAIM", "Config", "Result"]


@dataclass(frozen=True)
class Config:
    """A smooth path of two-layer blocks of width 4, ``l = sum ||h_L||^2 / 2``.

    ``sign`` and ``transposed`` are those of the costate equation ``P' = -Df^T P``.
    """

    depths: tuple[int, ...] = (32, 64, 128, 256)
    sign: int = -1
    transposed: bool = True
    step_size: StepSize = one_over_depth


@dataclass(frozen=True)
class Result:
    """Largest distance over layers to costate and gradient of the ODE, relative, per depth."""

    depths: tuple[int, ...]
    costates: np.ndarray
    gradients: np.ndarray


def _path(s: Scalar) -> Block:
    draw = partial(TwoLayer.gaussian, width=4, hidden=8)
    ends = [draw(key) for key in jax.random.split(jax.random.key(0))]
    c, d = jnp.cos(2 * s), jnp.sin(2 * s)
    return jax.tree.map(lambda a, b: c * a + d * b, *ends)


@partial(jax.jit, static_argnames=("transposed", "finest"))
def _limit(start: Array, sign: Scalar, transposed: bool, finest: int) -> Array:
    """Return ``H`` and ``P`` of the ODE at ``k / finest``: errors of RK4 are below ``1e-9``."""
    rk4 = partial(integrators.integrate, integrator=integrators.rk4, depth=finest)

    def back(r: Scalar, pair: Array) -> Array:  # r = 1 - s
        H, P = pair
        block = _path(1 - r)
        f, pull = jax.vjp(block, H)
        move = pull(P)[0] if transposed else jax.jvp(block, (H,), (P,))[1]
        return jnp.stack([-f, -sign * move])

    H = rk4(continuous.field_of(_path), start)
    return rk4(back, jnp.stack([H[-1], H[-1]]))[::-1]


@partial(jax.jit, static_argnames="depth")
def _gaps(start: Array, limit: Array, step: Scalar, depth: int) -> tuple[Array, Array]:
    """Return the largest distances of costates and gradients, relative to the largest values."""
    stack, (H, P) = stacks.sample(_path, depth), jnp.moveaxis(limit, 1, 0)
    states = resnet.trajectory(stack, start, step_size=step)
    p = _costates.costates(stack, states, states[-1], step)
    of_network = jax.tree.leaves(_costates.gradient(stack, states, p))
    of_ode = jax.tree.leaves(_costates.gradient(stack, H, P, late=0))
    relative = lambda a, b: jnp.abs(a - b).max() / jnp.abs(b).max()  # noqa: E731
    return relative(p, P), jnp.stack([*map(relative, of_network, of_ode)]).max()


def run(config: Config) -> Result:
    """Compare on the grid of each depth, with one solution on the finest."""
    start = jax.random.normal(jax.random.key(1), (3, 4))
    finest = max(config.depths)
    limit = np.asarray(_limit(start, float(config.sign), config.transposed, finest))
    gaps = [
        _gaps(start, limit[:: finest // depth], config.step_size(depth), depth)
        for depth in config.depths
    ]
    costates, gradients = np.array(gaps, float).T
    return Result(config.depths, costates, gradients)


def judge(result: Result) -> tuple[Check, ...]:
    """Order one, as for states; a tenth allowed."""
    named = {"costates": result.costates, "gradients": result.gradients}
    return tuple(
        Check(f"slope of the error of the {name}", slope_or_infinity(result.depths, e), high=-0.9)
        for name, e in named.items()
    )


CLAIM = Claim(
    label="thm-continuous-adjoint",
    chapter="remember/adjoints",
    statement="The derivative of the loss of a neural ODE is an integral against the costate "
    "P' = -Df^T P, and costates and depth gradients of networks on a Lipschitz path are O(1/L) "
    "away from it.",
    source="after Chen, Rubanova, Bettencourt, Duvenaud 2018; proof in the chapter",
    kind="theorem",
    config=Config(),
    run=run,
    judge=judge,
    dropped={
        "the minus sign": {"sign": 1},
        "the transpose": {"transposed": False},
        "the factor 1/L": {"step_size": no_factor},
    },
)
