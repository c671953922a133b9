"""The figure in which the reader draws: its mathematics, its first picture, its errors."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

from resode_course import drawing
from resode_course.drawing import DrawnNetwork, euler_states, ode_states
from resode_lib import continuous, integrators

KNOTS = (1.0, -2.0, 0.5, 3.0, -1.0)
START = 0.7


def field(s, h):
    return jnp.interp(s, jnp.linspace(0, 1, len(KNOTS)), jnp.array(KNOTS)) * jnp.tanh(h)


def make(**changes):
    arguments = {"curves": {"bent": KNOTS, "flat": (1.0,) * 5}, "depths": (4, 8), **changes}
    return DrawnNetwork(**arguments)


@pytest.mark.parametrize("s", [0.0, 0.1, 0.25, 0.6, 1.0])
def test_the_curve_goes_through_the_knots_in_straight_lines(s):
    expected = np.interp(s, np.linspace(0, 1, len(KNOTS)), KNOTS)
    np.testing.assert_allclose(drawing.theta(KNOTS, s), expected, atol=1e-15)


@pytest.mark.parametrize("depth", [1, 4, 7, 64])
def test_the_network_is_eulers_scheme(depth):
    expected = integrators.integrate(field, jnp.array([START]), depth=depth)[:, 0]
    np.testing.assert_allclose(euler_states(KNOTS, START, depth), expected, rtol=1e-13)


def test_the_ode_has_its_closed_form():
    times = jnp.linspace(0, 1, 129)
    expected = continuous.solve(field, jnp.array([START]), times=times)[:, 0]
    # The tolerance of the reference solution; it steps over the knots.
    np.testing.assert_allclose(ode_states(KNOTS, START), expected, rtol=1e-7)


def test_the_network_tends_to_the_ode():
    end = ode_states(KNOTS, START)[-1]
    errors = [abs(euler_states(KNOTS, START, depth)[-1] - end) for depth in (64, 128, 256)]
    assert 1.8 < errors[0] / errors[1] < 2.2
    assert 1.8 < errors[1] / errors[2] < 2.2


def test_the_first_picture_says_what_it_shows():
    figure = make(depth=8, start=START)
    network, ode = euler_states(KNOTS, START, 8)[-1], ode_states(KNOTS, START)[-1]
    says = re.search(r'aria-live="polite">(.*?)</p>', figure._repr_html_()).group(1)
    assert says == (
        f"The network of 8 layers ends at {network:.2f}, the ODE at {ode:.2f}: "
        f"{abs(network - ode):.2f} apart."
    )


def test_a_figure_names_its_curves_and_depths():
    assert repr(make()) == "Drawable figure: curves bent, flat; depth L in 4, 8"


def test_a_name_cannot_end_the_script():
    text = make(curves={"</script>": KNOTS})._repr_html_()
    assert text.count("</script>") == 2
    assert '<button type="button">&lt;/script&gt;</button>' in text


def test_every_knot_is_a_named_slider():
    knots = re.findall(r'<circle class="knot".*?>', make()._repr_html_())
    assert len(knots) == len(KNOTS)
    assert all('role="slider"' in knot and "aria-label=" in knot for knot in knots)
    assert [knot.count('tabindex="0"') for knot in knots] == [1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"curves": {"a": (1, 2, 3), "b": (1, 2)}}, r"got curves with \[2, 3\] knots"),
        ({"curves": {"a": (1, 2, 3, 4)}}, "expected one number for all, one more than a divisor"),
        ({"curves": {"a": (1, 5, 1)}}, "got a knot of size 5; expected at most limit=3"),
        ({"depth": 5}, r"got depth=5; expected one of depths=\(4, 8\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)
