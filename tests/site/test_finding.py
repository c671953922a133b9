"""The search does what a student expects: forty queries, and what each must lead to."""

from pathlib import Path
from urllib.parse import quote

import pytest
from finding import words
from labels import read_book

NUMBERED = {
    "Theorem {}": "thm-euler-bound",
    "theorem {}": "thm-integrator-order",
    "thm {}": "thm-turnpike",
    "Proposition {}": "prop-tight-bound",
    "prop {}": "prop-attached-ode",
    "Corollary {}": "cor-perturbed-weights",
    "Exercise {}": "ex-network-train",
    "ex {}": "ex-euler-leading",
    "Fig. {}": "fig-euler-step",
    "figure {}": "fig-network-layer",
    "Equation {}": "eq-network-layer",
}
FIRST = {
    # names
    "The bound cannot be improved": "euler#prop-tight-bound",
    "network and its ODE": "euler#thm-euler-bound",
    "order of the integrators": "euler#thm-integrator-order",
    "batch normalization": "glossary#term-batch-normalisation",
    "batch normalisation": "glossary#term-batch-normalisation",
    "costate": "glossary#term-costate",
    "commutator": "glossary#term-commutator",
    "turnpike": "glossary#term-turnpike",
    "checkpoint": "glossary#term-checkpoint",
    "clipping": "glossary#term-clipping",
    # chapters and pages
    "Polyak-Łojasiewicz": "polyak-lojasiewicz",
    "Polyak-Lojasiewicz": "polyak-lojasiewicz",
    "lojasiewicz condition": "polyak-lojasiewicz",
    "implicit regularization": "implicit-regularization",
    "implicit regularisation": "implicit-regularization",
    "gradient flow": "gradient-flow",
    "linear networks": "linear-networks",
    "overparameterization": "overparameterization",
    "overparameterisation": "overparameterization",
    "adjoints": "adjoints",
    "training without memory": "training-without-memory",
    "long horizons": "turnpike#thm-long-horizon",
    "real images": "images",
    "how to run": "how-to-run",
    "notation": "notation",
}
AMONG_THE_FIRST = {
    "Grönwall": "implicit-regularization#ex-implicit-gronwall",
    "gronwall": "implicit-regularization#ex-implicit-gronwall",
    "lambda_min": "overparameterization",
    "λ_min": "overparameterization",
    "1/L": "euler",
    "holder": "euler",
}


@pytest.fixture(scope="module")
def results(open_page):
    """The results of a query, such as "euler#thm-euler-bound"."""
    page = open_page("search.html")

    def results_of(query):
        page.goto(page.url.partition("?")[0] + f"?q={quote(query)}")
        page.locator("#search-results .search-summary:not(:empty)").wait_for()
        page.locator("#search-results ul.search > li > a").first.wait_for()
        links = page.eval_on_selector_all(
            "#search-results ul.search > li > a", "links => links.map(link => link.href)"
        )
        return [link.rpartition("/")[2].replace(".html", "") for link in links]

    return results_of


def place(link):
    """An address without the words to be marked there."""
    page, _, anchor = link.partition("#")
    return page.partition("?")[0] + (f"#{anchor}" if anchor else "")


@pytest.fixture(scope="module")
def labels():
    """What the book's labels are called and where they are."""
    return read_book(Path(__file__).parents[2]).labels


@pytest.mark.parametrize("query", NUMBERED)
def test_a_number_finds_first(results, labels, query):
    label = labels[NUMBERED[query]]
    expected = f"{label.page.rpartition('/')[2]}#{label.anchor}"
    assert place(results(query.format(label.number))[0]) == expected


@pytest.mark.parametrize("query", FIRST)
def test_a_query_finds_first(results, query):
    assert place(results(query)[0]) == FIRST[query]


@pytest.mark.parametrize("query", AMONG_THE_FIRST)
def test_a_query_finds_among_the_first(results, query):
    assert AMONG_THE_FIRST[query] in [place(link) for link in results(query)[:5]]


def test_each_place_is_found_once(results):
    found = results("turnpike")
    assert len(found) == len(set(map(place, found)))


TEXTS = {
    "Polyak-Łojasiewicz": ["polyak", "lojasiewicz"],
    "λ_min and μ": ["lambda", "min", "and", "mu"],
    "Initialisation, normalised; this is noise": [
        *("initialization", "normalized", "this", "is", "noise"),
    ],
    "the factor 1/L, Theorem 3.1. In 2018, 1/lambda": [
        *("the", "factor", "1/l", "theorem", "3.1", "in", "2018", "1", "lambda"),
    ],
    "Grönwall's Hölder-½ façade": ["gronwall", "s", "holder", "1", "2", "facade"],
}


@pytest.mark.parametrize("text", TEXTS)
def test_text_and_query_are_read_alike(open_page, text):
    page = open_page("search.html")
    assert words(text) == TEXTS[text]
    assert page.evaluate("text => wordsOf(text)", text) == TEXTS[text]


def test_a_single_letter_is_marked_nowhere(open_page):
    page = open_page("search.html?q=the+factor+L")
    page.locator("#search-results ul.search > li > a").first.wait_for()
    assert page.evaluate("localStorage.getItem('sphinx_highlight_terms')") == "factor"
