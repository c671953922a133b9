"""Every page in a real browser, in the light, in the dark and on a phone."""

import pytest
from fontTools.ttLib import TTFont

pytestmark = pytest.mark.site

MAX_MIB = 3.5  # uncompressed: the theme 0.8 (icons 0.2), MathJax 1.3, the rest is the page's own
MAX_SENT_MIB = 1  # compressed


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
    wide = {font: width for font, width in visit(read_name).phone_width.items() if width > 375}
    assert not wide


@pytest.mark.parametrize("look", (320, 360, 412, 1440, "A4"))
def test_no_formula_is_cut_and_no_code_on_paper(read_name, look, visit):
    assert not visit(read_name).cut[look]


def test_weight(read_name, visit, record_property):
    weight = visit(read_name).loaded_bytes
    record_property("weight", (weight, read_name))
    assert weight <= MAX_MIB * 2**20, f"{read_name} loads {weight / 2**20:.2f} MiB"


def test_weight_as_sent(read_name, visit):
    sent = visit(read_name).sent_bytes
    assert sent <= MAX_SENT_MIB * 2**20, f"{read_name} is sent as {sent / 2**20:.2f} MiB"


def test_every_icon_shows(open_page, site):
    """The font of the icons in use is loaded and has each of them; other fonts are the theme's."""
    page = open_page("book/discretize/euler.html")
    page.evaluate("document.fonts.ready")
    signs = page.evaluate("""[...document.querySelectorAll("[class*='fa-']")]
        .filter(icon => icon.getClientRects().length).map(icon => {
            const {content, fontFamily, fontWeight} = getComputedStyle(icon, "::before");
            const font = `${fontWeight} 16px ${fontFamily}`, sign = content.replaceAll('"', "");
            return [icon.className, sign, fontFamily, fontWeight, document.fonts.check(font, sign)];
        })""")
    ours = set(TTFont(site / "_static" / "icons.woff").getBestCmap())
    loaded = page.evaluate("""[...document.fonts].some(face => face.status === "loaded"
        && face.family.includes("Font Awesome 6 Free") && face.weight === "900")""")
    assert len(signs) > 5
    assert loaded
    for name, sign, family, weight, shown in signs:
        assert "Awesome" in family, name
        assert ord(sign) in ours if weight == "900" else shown, name


SOLUTION = ".solution.dropdown"


def test_the_title_of_a_solution_opens_it(open_page):
    page = open_page("book/discretize/euler.html")
    solution = page.locator(SOLUTION).first
    solution.locator(".admonition-title a").click()
    assert "toggle-hidden" not in solution.get_attribute("class")
    assert "#" not in page.url


def test_a_link_into_a_fold_opens_it(open_page):
    page = open_page("book/discretize/euler.html")
    name = page.locator(SOLUTION).nth(1).get_attribute("id")
    page.goto(f"{page.url}#{name}")
    page.wait_for_function(
        "name => !document.getElementById(name).matches('.toggle-hidden')", arg=name
    )


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
