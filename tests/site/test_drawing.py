"""The figure in which the reader draws the weights: by pointer, by keys, from a stored curve."""

import json

import numpy as np
import pytest

from resode_course import drawing

pytestmark = pytest.mark.site


@pytest.fixture(scope="module")
def opened(drawn_name, open_page):
    page = open_page(drawn_name)
    yield page
    page.context.close()


@pytest.fixture
def figure(opened):
    """The figure as it is at first."""
    opened.reload()
    return opened.locator(".drawable").first


@pytest.fixture(scope="module")
def still(drawn_name, open_page):
    """The figure where no script runs."""
    return open_page(drawn_name, java_script_enabled=False).locator(".drawable").first


def data(figure):
    return json.loads(figure.locator("script[type='application/json']").text_content())


def attributes(elements, name):
    return elements.evaluate_all(f"all => all.map(element => element.getAttribute('{name}'))")


def knots(figure):
    return np.array(attributes(figure.locator(".knot"), "aria-valuenow"), float)


def says(figure):
    return figure.locator(".drawable-says").text_content()


def heights(figure, panel):
    """The values that the dots of a panel show."""
    stored = data(figure)
    axes = {"weights": (-stored["limit"], stored["limit"]), "states": (0, stored["top"])}
    low, high = axes[panel]
    y = np.array(attributes(figure.locator(f".{panel} .dots circle"), "cy"), float)
    return low + (drawing.BOTTOM - y) / (drawing.BOTTOM - drawing.TOP) * (high - low)


def test_every_stored_curve_is_computed_as_in_python(figure):
    """The script and the library agree, for every stored curve at every depth."""
    stored = data(figure)
    for name, curve in stored["curves"].items():
        figure.get_by_role("button", name=name, exact=True).click()
        for place, depth in enumerate(stored["depths"]):
            figure.locator("input").fill(str(place))
            states = drawing.euler_states(curve, stored["start"], depth)
            slices = [drawing.theta(curve, k / depth) for k in range(depth)]
            np.testing.assert_allclose(heights(figure, "states"), states, atol=1e-9)
            np.testing.assert_allclose(heights(figure, "weights"), slices, atol=1e-9)
            ode = drawing.ode_states(curve, stored["start"])[-1]
            end = f"of {depth} layers ends at {states[-1]:.2f}, the ODE at {ode:.2f}"
            assert end in says(figure)


def test_the_first_picture_is_the_one_of_python(figure, still):
    assert says(still) == says(figure)
    for panel in ("weights", "states"):
        # Python writes pixels with one digit.
        np.testing.assert_allclose(heights(still, panel), heights(figure, panel), atol=0.01)


def test_a_pointer_draws(figure):
    page, panel = figure.page, figure.locator(".weights")
    before = says(figure)
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    scale = box["width"] / drawing.WIDTH
    middle = box["y"] + scale * (drawing.TOP + drawing.BOTTOM) / 2
    page.mouse.move(box["x"] + scale * drawing.LEFT, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + scale * drawing.RIGHT, middle, steps=3)  # faster than the knots
    page.mouse.up()
    np.testing.assert_allclose(knots(figure), 0, atol=0.05)
    assert says(figure) != before
    page.mouse.move(box["x"] + scale * drawing.RIGHT, box["y"])
    np.testing.assert_allclose(knots(figure), 0, atol=0.05)  # nothing is drawn without pressing


def test_keys_draw(figure):
    limit = data(figure)["limit"]
    figure.locator(".knot").first.focus()
    keys = figure.page.keyboard
    for key, place, expected in (
        ("End", 0, limit),
        ("ArrowUp", 0, limit),  # stays within the panel
        ("ArrowDown", 0, limit - drawing.STEP),
        ("Home", 0, -limit),
    ):
        keys.press(key)
        assert knots(figure)[place] == expected
    keys.press("ArrowRight")
    keys.press("Home")
    np.testing.assert_array_equal(knots(figure)[:2], -limit)
    focused, second = figure.locator(".knot:focus"), figure.locator(".knot").nth(1)
    assert focused.get_attribute("aria-label") == second.get_attribute("aria-label")
    keys.press("Tab")  # one stop for the whole curve
    assert figure.locator(".knot:focus").count() == 0


def test_nothing_is_offered_without_scripts(still):
    assert still.locator(".curve").first.is_visible()
    for control in still.locator(".knot, button, input").all():
        assert control.is_hidden()


def test_a_finger_draws_on_a_phone(drawn_name, open_page):
    page = open_page(drawn_name, viewport={"width": 375, "height": 800}, has_touch=True)
    figure = page.locator(".drawable").first
    panel = figure.locator(".weights")
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    assert box["width"] > 300  # one panel above the other
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 2)
    assert knots(figure)[7:10].max() == data(figure)["limit"]
