"""The networks that the grader trains in numpy: their gradients, and the rules of optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from resode_grader.sets import _draws, _networks, rng

from resode_lib import diagnostics
from resode_lib.blocks import TwoLayer
from resode_lib.resnet import forward


def network():
    draws = rng("network")
    weights = draws.normal(size=(3, 2, 4)), draws.normal(size=(3, 4, 2))
    return weights, draws.normal(size=(5, 2)), draws.normal(size=(5, 2))


def test_the_states_are_those_of_the_library():
    (V, W), x, _ = network()
    stack = jax.vmap(TwoLayer)(jnp.asarray(V), jnp.asarray(W))
    last = np.asarray(forward(stack, jnp.asarray(x)))
    assert _networks.states((V, W), x, "tanh")[-1] == pytest.approx(last)
    measured = float(diagnostics.depth_lipschitz(stack))
    assert _networks.roughness((V, W)) == pytest.approx(measured)


@pytest.mark.parametrize("activation", sorted(_draws.ACTIVATIONS))
def test_the_gradient_is_that_of_differences(activation):
    weights, x, y = network()
    words = ("outer", "inner")
    direction = [rng(word).normal(size=w.shape) for word, w in zip(words, weights, strict=True)]

    def loss(t):
        moved = tuple(w + t * v for w, v in zip(weights, direction, strict=True))
        return _networks.fitted(moved, x, y, activation)[0]

    slope = sum(
        np.sum(g * v)
        for g, v in zip(_networks.fitted(weights, x, y, activation)[1], direction, strict=True)
    )
    assert slope == pytest.approx((loss(1e-6) - loss(-1e-6)) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("rule", "descent"),
    [
        (lambda: _networks.momentum(0.2, 0.7), optax.sgd(0.2, momentum=0.7)),
        (lambda: _networks.momentum(0.1, factor=3.0), optax.sgd(0.3)),
        (lambda: _networks.adam(0.05), optax.adam(0.05)),
    ],
    ids=["momentum", "factor", "adam"],
)
def test_the_rules_are_those_of_optax(rule, descent):
    weights, x, y = network()

    def gradient(weights):
        return _networks.fitted(weights, x, y, "sin")

    theirs = tuple(map(jnp.asarray, weights))
    state = descent.init(theirs)
    for _ in range(6):
        moves, state = descent.update(gradient(tuple(map(np.asarray, theirs)))[1], state)
        theirs = optax.apply_updates(theirs, moves)
    losses, ours = _networks.trained(gradient, weights, 6, rule())
    assert len(losses) == 7
    assert losses[-1] == pytest.approx(gradient(tuple(map(np.asarray, theirs)))[0])
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(np.asarray(other), abs=1e-12)


def test_mistakes_that_diverge_are_left_out():
    found = _networks.finite({"far": np.array([1.0, np.inf]), "near": 2.0, "none": np.nan})
    assert found == {"near": 2.0}
