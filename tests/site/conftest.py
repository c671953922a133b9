"""The built book, a server for it and a browser that reads it.

``RESODE_SITE`` names another folder than ``_build/html``. Without a built book or without a browser
the tests are skipped and say so; with ``CI=true`` they fail, because a check that did not run is
not a check that passed. ``RESODE_SCREENSHOTS`` names a folder for pictures of every page in the
light, in the dark and on a phone: for people, so they are not made otherwise.
"""

import gzip
import http.server
import importlib.util
import os
import re
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Error, sync_playwright

REPOSITORY = Path(__file__).parents[2]
ROOT = Path(os.environ.get("RESODE_SITE") or REPOSITORY / "_build" / "html").resolve()
SCREENSHOTS = os.environ.get("RESODE_SCREENSHOTS")
NOTHING_BUILT = "nothing-built"

BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    # A page that asks another server gets no answer, wherever the tests run.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def _names(keep):
    pages = [path for path in ROOT.rglob("*.html") if "_static" not in path.parts]
    return sorted(name for path in pages if keep(name := path.relative_to(ROOT).as_posix()))


PAGES = _names(lambda name: True)
# A redirect shows nothing to read, and listings of the library's source are made by Sphinx alone.
READ = _names(lambda name: name != "index.html" and not name.startswith("_modules/"))
DRAGGED = [name for name in READ if 'class="draggable"' in (ROOT / name).read_text("utf8")]
DRAWN = [name for name in READ if 'class="drawable"' in (ROOT / name).read_text("utf8")]


def pytest_generate_tests(metafunc):
    """Run a test for every page that its argument names."""
    names_of = {
        "page_name": PAGES,
        "read_name": READ,
        "dragged_name": DRAGGED,
        "drawn_name": DRAWN,
    }
    for argument, names in names_of.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, names or [NOTHING_BUILT], scope="session")


def pytest_terminal_summary(terminalreporter):
    """Tell the weight of the heaviest pages."""
    reports = terminalreporter.stats.get("passed", [])
    weights = sorted(
        (value for report in reports for name, value in report.user_properties if name == "weight"),
        reverse=True,
    )
    if weights:
        heaviest = ", ".join(f"{page} {size / 2**20:.2f} MiB" for size, page in weights[:3])
        terminalreporter.write_line(f"Heaviest of {len(weights)} pages, uncompressed: {heaviest}")


def skip_or_fail(reason):
    """Skip on a laptop; fail where nobody would notice a skipped test."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="session")
def site():
    """The folder of the built book."""
    if not DRAGGED:
        skip_or_fail(f"no built book with draggable figures in {ROOT}: run `make book` first")
    return ROOT


@pytest.fixture(scope="session")
def soup(site):
    """A parsed page by name; parsed once."""
    parsed = {}

    def parse(name):
        if name not in parsed:
            parsed[name] = BeautifulSoup((site / name).read_text("utf8"), "html.parser")
        return parsed[name]

    return parse


@pytest.fixture(scope="session")
def prefix(soup):
    """The folder under which the book is published: 404.html uses it, since it has no place."""
    style = soup("404.html").find("link", rel="stylesheet")["href"]
    return style[: style.index("_static")]


@pytest.fixture(scope="session")
def server(site, prefix):
    """The address at which the book is served, with and without its prefix."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __init__(self, *args):
            super().__init__(*args, directory=str(site))

        def translate_path(self, path):
            return super().translate_path(path.removeprefix(prefix.rstrip("/")))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(scope="session")
def browser(site):
    """A Chromium: the system's, or else Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            running = playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        except Error as error:
            skip_or_fail(
                f"no browser: got {str(error).splitlines()[0]!r}; install Chromium, or run "
                "`python -m playwright install chromium`"
            )
        yield running
        running.close()


@pytest.fixture(scope="module")
def open_page(browser, server):
    """Open a page of the book; other keyword arguments are those of a browser context.

    With ``clock`` its time obeys the test. Formulas stay as they are written: to typeset them takes
    most of a page's time, and only the tests that read a page look at them.
    """
    contexts = []

    def open_it(name, clock=False, **options):
        contexts.append(browser.new_context(**{"viewport": DESK} | options))
        page = contexts[-1].new_page()
        page.route("**/tex-mml-chtml.js*", lambda route: route.fulfill(body=""))
        page.set_default_timeout(10_000)
        if clock:
            page.clock.install()
        page.goto(f"{server}/{name}")
        if options.get("java_script_enabled", True):
            assert not page.evaluate("window.MathJax?.version"), "formulas are typeset after all"
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def turn():
    """The function ``turn(page, theme)``."""
    return _turn


@dataclass(frozen=True)
class Visit:
    """What a browser saw on one page, in every look."""

    errors: list  # of the console, of scripts, of requests
    foreign: list  # requests to other servers
    formulas: int  # in the source of the page
    typeset: int  # by MathJax
    broken_formulas: list
    phone_width: dict  # of what the page needs on a phone, by font
    cut: dict  # formulas, and on paper code, that lie right of their box, by look
    loaded_bytes: int
    sent_bytes: int  # compressed, as servers do
    findings: dict  # of axe, serious or critical, by theme


DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
AXE_FAST = {"preload": False, "resultTypes": ["violations"]}
# Both themes share their structure, and the check of contrasts is the slow one.
AXE_OPTIONS = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
# Docutils marks the entries of a bibliography with a role that ARIA 1.2 no longer counts as a list
# item. They are read well all the same.
KNOWN_FINDING = '<div role="list" class="citation-list">'


@pytest.fixture(scope="session")
def visit(browser, server):
    """Read a page in every look, once, and keep what was seen.

    It is loaded once: typesetting its formulas takes longer than all that is looked at.
    """
    seen = {}

    def visit_once(name):
        if name not in seen:
            context = browser.new_context(viewport=DESK)
            try:
                seen[name] = _visit(context.new_page(), server, name)
            finally:
                context.close()
        return seen[name]

    return visit_once


def _visit(page, server, name):
    errors, foreign = [], []
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", lambda answer: answer.status >= 400 and errors.append(answer.url))
    page.on(
        "request",
        lambda request: (
            request.url.startswith(("data:", "blob:", server)) or foreign.append(request.url)
        ),
    )
    files = set()
    page.on("request", lambda request: files.add(urlsplit(request.url).path))
    page.goto(f"{server}/{name}")
    page.evaluate("async () => { await window.typesetAllFormulas?.(); }")
    page.add_style_tag(content="*, ::before, ::after { transition: none !important }")
    return Visit(
        errors=errors,
        foreign=foreign,
        formulas=page.locator(".math").count(),
        typeset=page.locator(".math mjx-container").count(),
        broken_formulas=page.locator("mjx-merror").all_inner_texts(),
        loaded_bytes=page.evaluate(LOADED_BYTES),
        sent_bytes=sum(_compressed(path) for path in files),
        phone_width={font: _width_on_a_phone(page, name, font) for font in FONTS},
        cut=_cut(page),
        findings=_findings(page, name),
    )


def _compressed(path):
    """The size in which a file of the site is sent."""
    file = ROOT / path.lstrip("/")
    if not file.is_file():
        return 0
    content = file.read_bytes()
    return (
        len(content) if file.suffix in (".woff2", ".woff", ".png") else len(gzip.compress(content))
    )


# A reader's fonts are not ours: the default of the machine, and the widest that every machine has.
FONTS = ("sans-serif", "monospace")
SET_FONT = """font => ["base", "heading"].forEach(use =>
    document.documentElement.style.setProperty(`--pst-font-family-${use}`, font))"""


def _width_on_a_phone(page, name, font):
    page.set_viewport_size(PHONE)
    page.evaluate(SET_FONT, font)
    width = page.evaluate("document.documentElement.scrollWidth")
    if font == FONTS[0]:
        _screenshot(page, name, "phone")
    page.evaluate(SET_FONT, FONTS[0])
    page.set_viewport_size(DESK)
    return width


SCREENS, PAPER = (320, 360, 412, 1440), 718  # pixels; A4 without margins of a centimetre
# What is folded is opened, looked at and folded again. A table on a screen scrolls, so that its
# cells are its formulas' boxes; on paper all must lie within the page's.
CUT = """paper => {
    const all = selector => [...document.querySelectorAll(`.bd-article ${selector}`)];
    const shut = all("details:not([open])"), hidden = all(".toggle-hidden");
    shut.forEach(box => box.open = true);
    hidden.forEach(box => box.classList.remove("toggle-hidden"));
    const inner = box =>
        box.getBoundingClientRect().right - parseFloat(getComputedStyle(box).paddingRight);
    const end = inner(document.querySelector(".bd-article") ?? document.body);
    const around = box => {
        while (getComputedStyle(box).display.startsWith("inline")) box = box.parentElement;
        return paper ? Math.min(inner(box), end) : inner(box);
    };
    const right = formula => Math.max(...[formula, ...formula.querySelectorAll(".part")]
        .flatMap(part => [...part.getClientRects()]).map(box => box.right));
    const isCut = formula => right(formula) > around(formula.closest(".math")) + 1;
    const cut = all("mjx-math").filter(isCut);
    const words = cut.map(formula => formula.parentElement.textContent.slice(0, 80));
    const wide = paper ? all("pre").filter(code => code.scrollWidth > code.clientWidth + 1) : [];
    shut.forEach(box => box.open = false);
    hidden.forEach(box => box.classList.add("toggle-hidden"));
    return [...words, ...wide.map(code => code.textContent.slice(0, 80))];
}"""


def _cut(page):
    """What is cut at each width, and on paper."""
    cut = {}
    for width in SCREENS:
        page.set_viewport_size({**PHONE, "width": width})
        cut[width] = page.evaluate(CUT, False)
    page.emulate_media(media="print")
    page.set_viewport_size({**DESK, "width": PAPER})
    cut["A4"] = page.evaluate(CUT, True)
    page.emulate_media(media="screen")
    page.set_viewport_size(DESK)
    return cut


# Most of a page is what MathJax made of formulas, which is not ours, coloured words of code and
# entries of the library, which are all alike: axe reads a letter for a formula, one word of each
# kind in each place, and the entries in which some kind of element is new.
ONE_OF_A_KIND = """() => {
    document.querySelectorAll("mjx-container").forEach(e => e.textContent = "x");
    const seen = new Set();
    for (const word of document.querySelectorAll("pre span, dt.sig span:not(a span)")) {
        const kind = `${word.parentElement?.tagName} ${word.className}`;
        seen.has(kind) ? word.remove() : seen.add(kind);
    }
    const named = e => `${e.tagName}.${e.className}`;
    for (const entry of document.querySelectorAll("dl.py:not(dl.py dl.py)")) {
        const kinds = [...entry.querySelectorAll("*")].map(e => named(e.parentElement) + named(e));
        if (kinds.every(kind => seen.has(kind))) entry.remove();
        kinds.forEach(kind => seen.add(kind));
    }
}"""


def _findings(page, name):
    for theme in AXE_OPTIONS:
        _turn(page, theme)
        _screenshot(page, name, theme)
    page.evaluate(ONE_OF_A_KIND)
    return {theme: _axe(_turn(page, theme), options) for theme, options in AXE_OPTIONS.items()}


def _turn(page, theme):
    """Turn a page light or dark, as its reader's system would."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    return page


LOADED_BYTES = """() => [...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource")].reduce((sum, e) => sum + e.decodedBodySize, 0)"""


def _screenshot(page, name, look):
    if SCREENSHOTS:
        file = f"{re.sub('[^a-z0-9-]+', '-', name.removesuffix('.html'))}-{look}.jpg"
        page.screenshot(path=Path(SCREENSHOTS) / file, full_page=True, quality=80)


def _axe(page, options):
    """The serious and critical findings of axe, one line each."""
    folder = Path(importlib.util.find_spec("axe_playwright_python").origin).parent
    page.add_script_tag(path=folder / "axe.min.js")
    run = "async (options) => (await axe.run(options)).violations"
    return [
        f"{found['id']}: {node['html'][:120]} ({' '.join(node['failureSummary'].split())[:300]})"
        for found in page.evaluate(run, AXE_FAST | options)
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
        if node["html"] != KNOWN_FINDING
    ]
