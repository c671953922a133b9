"""Cards of theorems and tables that one sorts, in the pages as they are built."""

import pytest

from resode_course import claims

pytestmark = pytest.mark.site

EULER, LEDGER = "book/discretize/euler.html", "book/back/claims.html"


@pytest.fixture(scope="module")
def euler(open_page):
    page = open_page(EULER)
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def ledger(open_page):
    page = open_page(LEDGER)
    yield page
    page.context.close()


def shown(card):
    """The settings that a reader sees."""
    return card.locator(".claim-setting").evaluate_all(
        "all => all.map(s => getComputedStyle(s).display !== 'none')"
    )


def test_every_chapter_shows_the_cards_of_its_claims(soup):
    for page in claims.CHAPTERS:
        cards = soup(f"book/{page}.html").select("form.claim-card")
        name = page.rsplit("/", 1)[-1]
        assert len(cards) == sum(claim.chapter == name for claim in claims.CLAIMS.values()), page


def test_a_switch_shows_its_setting_by_mouse_and_by_keys(euler):
    card = euler.locator("form.claim-card").first
    assert shown(card) == [True, False, False, False]
    card.get_by_text("a jump in depth", exact=True).click()
    assert shown(card) == [False, False, True, False]
    card.locator("input:checked").focus()
    euler.keyboard.press("ArrowRight")
    assert shown(card) == [False, False, False, True]
    assert "must fail, and does" in card.locator(".setting-3").inner_text()


def test_cards_do_not_switch_each_other(euler):
    first, second = (euler.locator("form.claim-card").nth(n) for n in (0, 1))
    before = shown(first)
    second.locator("label").nth(1).click()
    assert shown(first) == before
    assert shown(second)[1]


def test_cards_work_without_scripts(open_page):
    page = open_page(EULER, java_script_enabled=False)
    card = page.locator("form.claim-card").first
    card.locator("label").nth(1).click()
    assert shown(card)[1]
    page.context.close()


def test_paper_shows_all_settings(open_page):
    page = open_page(EULER)
    page.emulate_media(media="print")
    assert all(shown(page.locator("form.claim-card").first))
    page.context.close()


def test_the_ledger_has_numbers_links_order_and_a_filter(ledger):
    table = ledger.locator(".sortable").first
    rows = table.locator("tbody tr")
    assert rows.count() == len(claims.CLAIMS)
    row = rows.filter(has=ledger.locator('a[href$="#thm-euler-bound"]'))
    assert row.locator("a").first.inner_text().startswith("Theorem ")
    table.locator("th button").filter(has_text="kind").click()
    kinds = rows.locator("td:nth-child(4)").all_inner_texts()
    assert kinds == sorted(kinds)
    table.locator("input").fill("heun")
    visible = table.locator("tbody tr:visible").all_inner_texts()
    assert 0 < len(visible) < len(claims.CLAIMS)
    assert all("heun" in text.lower() for text in visible)
