"""Every built page without a browser: links, names, languages, foreign origins, references."""

import re
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from address import PLACEHOLDER

pytestmark = pytest.mark.site

ROOT = Path(__file__).parents[2]

LOADING_TAGS = ["script", "img", "iframe", "source", "video", "audio", "embed"]
LOADING_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "manifest"}
FOREIGN_IN_CSS = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])(https?:|//)[^)'\"]*")


def is_foreign(url):
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") or bool(parts.netloc)


def is_internal(url):
    return not is_foreign(url) and not url.startswith(("data:", "mailto:", "javascript:"))


def loads(soup):
    """The addresses that a page loads by itself."""
    sources = [tag["src"] for tag in soup.find_all(LOADING_TAGS, src=True)]
    linked = [tag for tag in soup.find_all("link") if LOADING_LINKS & set(tag.get("rel", []))]
    return sources + [tag["href"] for tag in linked]


def links(soup):
    """The addresses that a reader or a page may follow."""
    refresh = soup.find("meta", attrs={"http-equiv": "refresh"})
    target = [refresh["content"].partition("url=")[2]] if refresh else []
    return target + [tag["href"] for tag in soup.find_all("a", href=True)] + loads(soup)


def target_of(url, page, site, prefix):
    """The file that an internal address names."""
    path = unquote(urlsplit(url).path)
    if not path:
        return page
    target = site / path.removeprefix(prefix) if path.startswith(prefix) else page.parent / path
    target = target.resolve()
    return target / "index.html" if target.is_dir() else target


def has_anchor(soup, fragment):
    return bool(soup.find(id=fragment) or soup.find(attrs={"name": fragment}))


def is_dead(url, page, site, prefix, soup):
    target = target_of(url, page, site, prefix)
    if not target.is_file():
        return True
    fragment = unquote(urlsplit(url).fragment)
    if not fragment or target.suffix != ".html":
        return False
    return not has_anchor(soup(target.relative_to(site).as_posix()), fragment)


def test_links_lead_somewhere(page_name, site, prefix, soup):
    page = site / page_name
    schemes = ("data:", "mailto:", "javascript:")
    internal = {
        u for u in links(soup(page_name)) if not is_foreign(u) and not u.startswith(schemes)
    }
    dead = sorted(url for url in internal if is_dead(url, page, site, prefix, soup))
    assert not dead, f"{page_name} points at nothing: {dead}"


def test_nothing_comes_from_another_server(page_name, soup):
    foreign = [url for url in loads(soup(page_name)) if is_foreign(url)]
    styles = [style.get_text() for style in soup(page_name).find_all("style")]
    foreign += [match[0] for text in styles for match in FOREIGN_IN_CSS.finditer(text)]
    assert not foreign, f"{page_name} loads {foreign}"


def test_no_page_names_a_folder_of_the_machine_that_built_it(site, page_name):
    text = (site / page_name).read_text(encoding="utf8")
    assert [folder for folder in (f"{Path.home()}/", f"{ROOT}/") if folder in text] == []


def test_style_sheets_load_nothing_foreign(site):
    foreign = {
        f"{sheet.relative_to(site)}: {match[0]}"
        for sheet in site.rglob("*.css")
        for match in FOREIGN_IN_CSS.finditer(sheet.read_text("utf8"))
    }
    assert not foreign


def lacks_words(text):
    """No text, or the name of a file, which tells a listener nothing."""
    return not text or not text.strip() or re.fullmatch(r"\S+\.(png|svg|webp|jpe?g)", text.strip())


def test_every_image_has_words(page_name, soup):
    images = soup(page_name).find_all("img")
    drawings = soup(page_name).find_all("svg", role="img")
    wordless = [image for image in images if lacks_words(image.get("alt"))]
    wordless += [svg for svg in drawings if lacks_words(svg.get("aria-label")) and not svg.title]
    assert not wordless, f"{page_name}: {[str(image)[:160] for image in wordless]}"


def test_every_stored_picture_has_words(dragged_name, soup):
    figures = soup(dragged_name).select(".draggable script")
    assert figures
    for script in figures:
        alts = re.findall(r'"alt": "((?:[^"\\]|\\.)*)"', script.string)
        assert alts
        assert not any(lacks_words(alt) for alt in alts)
        assert len(set(alts)) == len(alts), "the alternative text does not follow the value"


def test_one_title_and_a_language(read_name, soup):
    page = soup(read_name)
    # the theme repeats the title in a box that shows only in print
    titles = [h1.get_text() for h1 in page.find_all("h1") if not h1.find_parent(class_="onlyprint")]
    assert len(titles) == 1, f"{read_name} has the titles {titles}"
    assert page.html.get("lang") == "en"
    assert page.title.get_text().strip()


RAW_ROLE = re.compile(r"\{[a-z:]+\}`|:[a-z:]+:`|\[\?\]|\?\?")


def test_no_reference_is_left_unresolved(page_name, soup):
    page = soup(page_name)
    article = page.find("article") or page
    marked = article.select(".problematic, .system-message")
    dangling = [
        tag for tag in article.select(".xref.std, .xref.myst, .xref.eq") if not in_link(tag)
    ]
    prose = [
        text
        for text in article.find_all(string=RAW_ROLE)
        if not text.find_parent(["code", "pre", "script", "style"])
    ]
    left = [str(found)[:120] for found in (*marked, *dangling, *prose)]
    assert not left, f"{page_name}: {left}"


def in_link(tag):
    return tag.name == "a" or tag.find_parent("a")


def test_the_download_is_the_notebook_beside_the_page(page_name, site, soup):
    beside = (ROOT / page_name).with_suffix(".ipynb")
    button = soup(page_name).find("a", class_="btn-download-notebook-button")
    assert bool(button) == beside.exists()
    if button:
        offered = (site / page_name).parent / button["href"]
        assert offered.read_bytes() == beside.read_bytes()


def test_the_archive_has_all_notebooks(site, soup):
    page = soup("book/how-to-run.html")
    link = page.find("a", href=re.compile(r"\.zip$"))
    with zipfile.ZipFile(site / "book" / link["href"]) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    notebooks = (ROOT / "book").rglob("*.ipynb")
    assert packed == {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in notebooks
        if ".ipynb_checkpoints" not in path.parts
    }


def test_no_page_names_the_placeholder_of_an_address(page_name, site):
    text = (site / page_name).read_text("utf8")
    assert f"{PLACEHOLDER.owner}/{PLACEHOLDER.name}" not in text
    assert PLACEHOLDER.site not in text


def test_the_set_up_is_not_the_first_thing_to_read(page_name, soup):
    found = soup(page_name).select_one("article details.hide > summary")
    aims = soup(page_name).find("strong", string="After this chapter you can")
    if aims:
        assert found.p.text == "Set-up"
        assert aims.sourceline < found.sourceline
        cells = nbformat.read((ROOT / page_name).with_suffix(".ipynb"), as_version=4).cells
        assert "google.colab" in next(c.source for c in cells if c.cell_type == "code")
        assert "`resode_lib`" in cells[0].source


def test_the_front_door_leads_to_the_first_page(site, soup):
    door = soup("index.html")
    target = door.find("meta", attrs={"http-equiv": "refresh"})["content"].partition("url=")[2]
    assert (site / target).is_file()
    assert door.html.get("lang")
    assert door.title.get_text().strip()


def test_the_favicon_is_there(soup, site):
    icon = soup("book/index.html").find("link", rel="icon")
    assert (site / "book" / Path(icon["href"])).is_file()
