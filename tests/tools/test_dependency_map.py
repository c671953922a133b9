"""What rests on what is read from the chapters as they are, and has no circle."""

from graphlib import TopologicalSorter

import dependency_map
import pytest

from resode_course import claims

PAGE = """# A page

````{prf:theorem} First, of size $\\sqrt L$
:label: thm-first
See {prf:ref}`thm-second` and {ref}`elsewhere`.
````

*Proof.* By {prf:ref}`def-all` and {prf:ref}`thm-first`. $\\square$ Later, {prf:ref}`thm-nowhere`.

## A section that is no proof: {prf:ref}`def-all`

```{prf:definition} All
:label: def-all
Nothing.
```

```{prf:theorem} Second
:label: thm-second
Everything.
```
"""


@pytest.fixture
def course(tmp_path):
    (tmp_path / "_toc.yml").write_text("parts:\n  - chapters:\n      - file: page\n")
    (tmp_path / "page.md").write_text(PAGE)
    return tmp_path


def test_a_statement_uses_what_it_and_its_proof_refer_to(course):
    found = dependency_map.statements(course)
    assert {statement.label: statement.uses for statement in found} == {
        "thm-first": ("thm-second", "def-all"),
        "def-all": (),
        "thm-second": (),
    }


def test_the_drawing_links_and_tells(course):
    drawing = dependency_map.drawing(dependency_map.statements(course), course)
    assert 'href="../../page.html#thm-first"' in drawing
    assert "First, of size √L. Refers to: Second; All." in drawing
    assert drawing.count("<path") == 2
    assert ">A page</text>" in drawing


def test_no_statement_rests_on_itself():
    graph = {s.label: s.uses for s in dependency_map.statements()}
    assert list(TopologicalSorter(graph).static_order())


def test_every_claim_is_on_the_map():
    found = {s.label for s in dependency_map.statements()}
    assert set(claims.CLAIMS) <= found
