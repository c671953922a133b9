"""The address of a copy of the course: from git, from the settings, or none and no dead link."""

import subprocess

import pytest
from address import PLACEHOLDER, Repository, fill, parse_remote, remote
from bs4 import BeautifulSoup

CELL = f"""# One

```{{code-cell}} ipython3
import sys
if "google.colab" in sys.modules:
    %pip install -q "git+{PLACEHOLDER.url}@main"
```
"""


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/ada/course.git", Repository("ada", "course")),
        ("https://github.com/ada/course/", Repository("ada", "course")),
        ("https://ada:secret@github.com/ada/course", Repository("ada", "course")),
        ("git@github.com:ada/course.git", Repository("ada", "course")),
        (
            "ssh://git@gitlab.com/group/part/course",
            Repository("group/part", "course", "gitlab.com"),
        ),
        ("/srv/ada/course", None),
        ("file:///srv/ada/course", None),
        ("https://example.org/ada/course", None),
    ],
)
def test_a_remote_of_git_is_read(url, expected):
    assert parse_remote(url) == expected
    assert "secret" not in str(parse_remote(url))


def test_only_the_whole_of_a_clone_has_its_address(tmp_path):
    assert remote(tmp_path) is None
    git(tmp_path, "init")
    assert remote(tmp_path) is None
    git(tmp_path, "remote", "add", "origin", "git@github.com:ada/course.git")
    assert remote(tmp_path) == Repository("ada", "course")
    (tmp_path / "part").mkdir()
    assert remote(tmp_path / "part") is None


def test_nothing_is_installed_from_no_address():
    command = f'    %pip install -q "git+{PLACEHOLDER.url}@main"'
    advice = fill(f"if colab:\n{command}\nstart()")
    compile(advice, "cell", "exec")
    assert PLACEHOLDER.url not in advice
    assert "make repository URL=" in advice
    assert fill(command, Repository("a", "b")) == command.replace(
        PLACEHOLDER.url, "https://github.com/a/b"
    )


def built(book):
    """The chapter as built, and the text of all that was built."""
    done = book.build("-W", "-n", "--keep-going")
    assert done.returncode == 0, done.stdout + done.stderr
    files = [path for path in (book.root / "_build/html").rglob("*.*") if path.is_file()]
    text = "".join(
        path.read_text("utf8") for path in files if path.suffix in (".html", ".md", ".xml")
    )
    return BeautifulSoup(book.page("book/one.html"), "html.parser"), text


def test_pages_without_and_with_an_address(tiny_book):
    tiny_book.chapter("one", CELL)
    page, text = built(tiny_book)
    assert f"{PLACEHOLDER.owner}/{PLACEHOLDER.name}" not in text
    assert PLACEHOLDER.site not in text
    assert not page.select(".fa-rocket, .fa-github, .btn-source-issues-button")
    assert not page.find("meta", property="og:image")
    assert "make repository URL=" in page.select_one("article pre").text

    git(tiny_book.root, "init")
    git(tiny_book.root, "remote", "add", "origin", "git@github.com:ada/course.git")
    page, text = built(tiny_book)
    assert page.select(".fa-rocket")
    colab = "https://colab.research.google.com/github/ada/course/blob/main/book/one"
    assert page.select(f'a[href^="{colab}"]')
    assert page.select('a[href^="https://github.com/ada/course/issues"]')
    assert (
        page.find("link", rel="canonical")["href"] == "https://ada.github.io/course/book/one.html"
    )
    shown = page.find("meta", property="og:image")["content"]
    assert shown == "https://ada.github.io/course/_static/layers.png"
    assert "git+https://github.com/ada/course@main" in page.select_one("article pre").text
    assert f"{PLACEHOLDER.owner}/{PLACEHOLDER.name}" not in text
