import jax.numpy as jnp
import numpy as np
import pytest

from resode_lib import continuous
from resode_lib.claims._problems import EXACT

TIMES = np.linspace(0, 1, 5)


@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
def test_the_reference_agrees_with_the_closed_form(make):
    problem = make()
    field = continuous.field_of(problem.path)
    states = continuous.solve(field, problem.start, times=jnp.asarray(TIMES))
    # Tolerance 1e-11 a step and tens of steps, amplified by at most e.
    np.testing.assert_allclose(states, problem.exact(jnp.asarray(TIMES)), atol=1e-9)


def test_a_loose_tolerance_is_seen():
    problem = EXACT["swinging"]()
    field = continuous.field_of(problem.path)
    states = continuous.solve(field, problem.start, times=jnp.asarray(TIMES), tolerance=1e-3)
    assert np.abs(states - problem.exact(jnp.asarray(TIMES))).max() > 1e-9


def test_float32_is_refused():
    with pytest.raises(TypeError, match="needs float64, got float32; call"):
        continuous.solve(lambda s, h: h, jnp.ones(1, jnp.float32), times=jnp.asarray(TIMES))
