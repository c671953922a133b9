"""One address, repeated where it must be, and one command that changes it everywhere."""

import shutil
from pathlib import Path

import pytest
import repository
from address import PLACEHOLDER
from repository import Repository, parse

ROOT = Path(__file__).parents[2]
NEW = "https://github.com/Ada-L/course-2"
INSTALL = "# One\n\n```{code-cell} ipython3\n# git+https://github.com/ORG/REPO@main\n```\n"


@pytest.fixture
def copy(tiny_book):
    """A tiny book with every file that repeats the address, still at the placeholder."""
    old = repository.current(ROOT)
    for name in ("pyproject.toml", "CITATION.cff", "README.md", "CONTRIBUTING.md", "_config.yml"):
        shutil.copy(ROOT / name, tiny_book.root / name)
    tiny_book.chapter("one", INSTALL.replace("https://github.com/ORG/REPO", old.url))
    return tiny_book


def test_every_place_names_the_same_repository():
    assert repository.disagreements() == []


def test_one_command_changes_every_place(copy, capsys):
    assert repository.main([NEW], copy.root) == 0
    assert repository.disagreements(copy.root) == []
    assert repository.current(copy.root).url == NEW
    assert "wrote _config.yml" in capsys.readouterr().out
    config = (copy.root / "_config.yml").read_text()
    assert f"  url: {NEW}\n" in config
    assert "notfound_urls_prefix: /course-2/\n" in config
    assert "baseurl: https://ada-l.github.io/course-2/\n" in config
    assert f"git+{NEW}@main" in (copy.root / "book/one.ipynb").read_text()
    files = [path for path in copy.root.rglob("*.*") if path.is_file() and path.suffix != ".pyc"]
    left = [path for path in files if "ORG/REPO" in _text(path)]
    assert left == []


def test_the_readme_has_links_only_when_there_is_an_address(copy):
    readme = copy.root / "README.md"
    assert repository.main([PLACEHOLDER.url], copy.root) == 0
    assert repository.disagreements(copy.root) == []
    assert "](http" not in _text(readme).split("## ")[0]
    assert repository.main([NEW], copy.root) == 0
    assert f"[Start on Colab]({parse(NEW).colab}blob/main/book" in _text(readme)
    # One of the two addresses on the badge's line: the rest of the file still agrees.
    readme.write_text(_text(readme).replace(f"{NEW}/actions", "https://github.com/a/b/actions", 1))
    found = "\n".join(repository.disagreements(copy.root))
    assert f"README.md: got https://github.com/a/b, expected {NEW}" in found


def test_and_back_again(copy):
    before = {path: _text(path) for path in repository.source_files(copy.root)}
    old = repository.current(copy.root)
    for url in ("https://github.com/ada/ada.github.io", NEW, old.url):
        assert repository.main([url], copy.root) == 0
    assert {path: _text(path) for path in repository.source_files(copy.root)} == before


@pytest.mark.parametrize("name", ["_config.yml", "README.md", "CITATION.cff", "book/one.md"])
def test_a_place_that_disagrees_is_named(copy, name):
    repository.main([NEW], copy.root)
    old = repository.current(copy.root)
    path = copy.root / name
    other = Repository("other", "place")
    changed = repository.replace(_text(path), old, other)
    assert changed != _text(path)
    path.write_text(changed)
    assert any(place.startswith(name) for place in repository.disagreements(copy.root))


@pytest.mark.parametrize(
    "url",
    ["", "course", "https://example.org/a/b", "https://github.com/a", "git@github.com:a/b.git"],
)
def test_another_form_of_address_is_refused(copy, capsys, url):
    assert repository.main([url], copy.root) == 2
    message = capsys.readouterr().err
    assert f"got the address {url!r}" in message
    assert "make repository URL=https://github.com/you/name" in message


@pytest.mark.parametrize("url", [NEW, f"{NEW}.git", f"{NEW}/"])
def test_the_usual_spellings_are_accepted(url):
    assert parse(url) == Repository("Ada-L", "course-2")


def test_a_repository_named_like_its_host_is_at_the_root():
    root = parse("https://github.com/Ada/ada.github.io")
    assert (root.prefix, root.site) == ("/", "https://ada.github.io/")


def test_a_longer_name_is_another_repository():
    old, new = Repository("a", "b"), Repository("c", "d")
    text = "https://github.com/a/b-2 https://github.com/a/b.git https://github.com/a/b"
    expected = "https://github.com/a/b-2 https://github.com/c/d.git https://github.com/c/d"
    assert repository.replace(text, old, new) == expected


def _text(path):
    """The text of a file."""
    return path.read_text(encoding="utf-8")
