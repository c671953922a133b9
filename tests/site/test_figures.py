"""Figures that a reader drags: with keys, with a mouse, playing, on paper, without scripts."""

import io
import json

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.site

PLAY_MS = 700


@pytest.fixture(scope="module")
def page(dragged_name, open_page):
    """A page with figures, opened once for the tests that only drag."""
    opened = open_page(dragged_name, clock=True)
    yield opened
    opened.context.close()


@pytest.fixture
def stopped(page):
    """The same page; its clock goes on only when the test says so."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
    yield page
    page.clock.resume()


def figures(page):
    found = page.locator(".draggable").all()
    assert found
    return found


def sliders(figure):
    return figure.locator("input[type=range]").all()


def stored(figure):
    """What the script reads: pictures with their alternative texts, and texts of the values."""
    return json.loads(figure.locator("script").text_content())


def state(figure, slider):
    """What a reader sees and hears: picture, alternative text, value spoken, value shown."""
    image = figure.locator("img")
    return (
        image.get_attribute("src"),
        image.get_attribute("alt"),
        slider.get_attribute("aria-valuetext"),
        slider.locator("xpath=following-sibling::span").text_content(),
    )


def assert_all_changed(before, after):
    for what, old, new in zip(("picture", "alt", "spoken", "shown"), before, after, strict=True):
        assert old != new, f"the {what} did not follow the slider"
    assert after[2] == after[3]


def pixels(locator):
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")) / 255


def luminance(colours):
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    """The contrast ratio of two luminances, as WCAG defines it."""
    return (np.maximum(one, other) + 0.05) / (np.minimum(one, other) + 0.05)


def test_every_slider_follows_the_keys(page):
    for figure in figures(page):
        for k, slider in enumerate(sliders(figure)):
            slider.press("Home")
            for key, index in (("End", -1), ("Home", 0), ("ArrowRight", 1), ("ArrowLeft", 0)):
                before = state(figure, slider)
                slider.press(key)
                after = state(figure, slider)
                assert_all_changed(before, after)
                assert after[2] == stored(figure)["texts"][k][index]


def test_every_slider_follows_the_mouse(page):
    for figure in figures(page):
        for k, slider in enumerate(sliders(figure)):
            slider.press("Home")
            seen = figure.locator("img").screenshot()  # scrolls there
            before, place = state(figure, slider), figure.bounding_box()
            drag_to_the_end(page, slider)
            assert_all_changed(before, state(figure, slider))
            assert figure.locator("img").screenshot() != seen
            assert slider.get_attribute("aria-valuetext") == stored(figure)["texts"][k][-1]
            assert figure.bounding_box() == place, "the page jumps while the reader drags"


def drag_to_the_end(page, slider):
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, middle, steps=5)
    page.mouse.move(box["x"] + box["width"] + 20, middle, steps=5)
    page.mouse.up()


def test_every_position_shows_its_own_picture(page):
    """The order in which the script counts positions is the order in which they are stored."""
    for figure in figures(page):
        controls, data = sliders(figure), stored(figure)
        counts = [len(texts) for texts in data["texts"]]
        for flat, picture in enumerate(data["pictures"]):
            for slider, value in zip(controls, np.unravel_index(flat, counts), strict=True):
                slider.fill(str(value))
            assert figure.locator("img").get_attribute("alt") == picture["alt"]
            assert figure.locator("img").get_attribute("src") == picture["src"]


def test_play_goes_to_the_end_and_pauses(stopped):
    for figure in figures(stopped):
        slider, button = sliders(figure)[0], figure.get_by_role("button")
        slider.press("Home")
        before = state(figure, slider)
        button.click()
        assert button.text_content() == "Pause"
        assert button.get_attribute("aria-label").startswith("Pause")
        stopped.clock.run_for(PLAY_MS)
        assert_all_changed(before, state(figure, slider))
        button.click()
        paused = slider.input_value()
        stopped.clock.run_for(5 * PLAY_MS)
        assert slider.input_value() == paused, "the figure does not pause"
        button.click()
        stopped.clock.run_for(100 * PLAY_MS)
        assert slider.input_value() == slider.get_attribute("max")
        assert button.text_content() == "Play"


def test_controls_are_named(page):
    for figure in figures(page):
        for slider in sliders(figure):
            label = slider.locator("xpath=preceding-sibling::span").text_content()
            assert figure.get_by_role("slider", name=label, exact=True).count() == 1
        assert figure.get_by_role("button", name="Play").count() == 1


def test_focus_is_visible(page):
    slider = sliders(figures(page)[0])[0]
    slider.press("Home")
    assert slider.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_nothing_plays_for_readers_who_want_no_motion(page):
    page.emulate_media(reduced_motion="reduce")
    for figure in figures(page):
        assert figure.locator("button").is_hidden()
        assert sliders(figure)[0].is_visible()
    page.emulate_media(reduced_motion="no-preference")
    assert figure.locator("button").is_visible()


def test_start_picture_without_scripts(dragged_name, open_page):
    for figure in figures(open_page(dragged_name, java_script_enabled=False)):
        assert pixels(figure.locator("img")).std() > 0.02, "the picture is blank"
        assert figure.locator("img").get_attribute("alt")
        assert figure.locator("button, input, label").all()
        for control in figure.locator("button, input, label").all():
            assert control.is_hidden(), "a control that does nothing is shown"


def start_picture(figure):
    texts = stored(figure)["texts"]
    positions = [int(slider.get_attribute("value")) for slider in sliders(figure)]
    flat = np.ravel_multi_index(positions, [len(values) for values in texts])
    return stored(figure)["pictures"][flat]["src"]


def test_paper_shows_the_start_picture(page):
    for figure in figures(page):
        image, slider = figure.locator("img"), sliders(figure)[0]
        start = start_picture(figure)
        slider.press("End" if slider.get_attribute("value") == "0" else "Home")
        moved = image.get_attribute("src")
        assert moved != start
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert image.get_attribute("src") == start
        assert figure.locator("button, input").first.is_hidden()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        assert image.get_attribute("src") == moved


def test_folded_solutions_stay_folded_on_paper(page):
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for solution in page.locator("div.solution.toggle").all():
        hidden = solution.locator("> :not(.admonition-title):not(button)").all()
        assert hidden
        assert all(part.is_hidden() for part in hidden)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_legible(page, theme, turn):
    """Numbers, names and words stand in every figure: some of their pixels must contrast.

    Only text has the full contrast; curves have less. A drawing has no axes, so all of it counts.
    """
    turn(page, theme)
    shown = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ground = np.array([int(part) for part in shown[4:-1].split(",")]) / 255
    images = page.locator("div.cell_output img").all()
    assert images
    for image in images:
        seen = pixels(image)
        corner = seen[2, 2]
        assert np.abs(corner - ground).max() < 0.03, f"a sheet of {corner} on a page of {ground}"
        text = contrast(luminance(seen), luminance(ground))
        assert text.max() >= 7, "the text is hard to read"
