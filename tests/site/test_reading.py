"""Every page in a real browser, in the light, in the dark and on a phone."""

import pytest

pytestmark = pytest.mark.site

MAX_MIB = 5  # uncompressed: the theme 2.4 (icons 1.7), MathJax 1.3, the rest is the page's own


def test_no_error_and_no_foreign_request(read_name, visit):
    seen = visit(read_name)
    assert not seen.errors
    assert not seen.foreign


def test_every_formula_is_typeset(read_name, visit):
    seen = visit(read_name)
    assert seen.typeset == seen.formulas
    assert not seen.broken_formulas


@pytest.mark.parametrize("theme", ("light", "dark"))
def test_accessible(read_name, theme, visit):
    findings = visit(read_name).findings[theme]
    assert not findings, "\n".join(findings)


def test_phone_scrolls_down_only(read_name, visit):
    assert visit(read_name).phone_width <= 375


def test_weight(read_name, visit, record_property):
    weight = visit(read_name).loaded_bytes
    record_property("weight", (weight, read_name))
    assert weight <= MAX_MIB * 2**20, f"{read_name} loads {weight / 2**20:.2f} MiB"


def test_search_finds_euler(open_page):
    page = open_page("search.html?q=Euler")
    hits = page.locator("#search-results ul.search li a")
    hits.first.wait_for()
    assert any("euler" in link.get_attribute("href") for link in hits.all())


def test_switch_turns_the_theme(open_page):
    page = open_page("book/index.html", color_scheme="light")
    backgrounds = {}
    for _ in range(3):  # auto, light, dark, in some order
        page.locator("button.theme-switch-button:visible").first.click()
        theme = page.locator("html").get_attribute("data-theme")
        backgrounds[theme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert set(backgrounds) == {"light", "dark"}
    assert backgrounds["light"] != backgrounds["dark"]
