"""The address of this copy of the course, and the pages' links that follow from it.

`make repository` writes it into the settings. Until then they hold a placeholder, and the address
is read from git's remote `origin`; where there is none either, the pages have no links to it.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

REMOTE = re.compile(
    r"^(?:https://(?:[^@/]+@)?|ssh://git@|git@)(?P<host>[\w.-]*(?:github|gitlab)[\w.-]*)[:/]"
    r"(?P<owner>[\w./-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?$"
)
PAGES = {"github.com": "github.io", "gitlab.com": "gitlab.io"}
ADVICE = (
    "no address to install resode_lib from yet: run `make repository "
    "URL=https://github.com/you/name` in the course, publish it, and open this notebook from there"
)
BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub or the like, and the addresses that follow from it."""

    owner: str
    name: str
    host: str = "github.com"

    @property
    def url(self) -> str:
        """Where the sources are."""
        return f"https://{self.host}/{self.owner}/{self.name}"

    @property
    def prefix(self) -> str:
        """The path of the site on its host; a repository named like the host is at its root."""
        is_root = self.name.lower() == f"{self.owner}.{PAGES.get(self.host)}".lower()
        return "/" if is_root else f"/{self.name}/"

    @property
    def site(self) -> str:
        """Where the book is published; empty if the host says nothing about that."""
        pages = PAGES.get(self.host)
        return f"https://{self.owner.lower()}.{pages}{self.prefix}" if pages else ""

    @property
    def colab(self) -> str:
        """The start of every link that opens a notebook on Colab."""
        return f"https://colab.research.google.com/github/{self.owner}/{self.name}/"


PLACEHOLDER = Repository("ORG", "REPO")
INSTALL = re.compile(rf"^( *)%pip install .*git\+{re.escape(PLACEHOLDER.url)}.*$", re.MULTILINE)


def parse_remote(url: str) -> Repository | None:
    """Read a remote of git, by https or ssh, without its password; None if it is another."""
    found = REMOTE.match(url.strip())
    return Repository(found["owner"], found["name"], found["host"]) if found else None


def remote(root: Path) -> Repository | None:
    """The repository that this folder was cloned from; None if it is not the whole of a clone."""
    answers = []
    for question in (["rev-parse", "--show-toplevel"], ["remote", "get-url", "origin"]):
        command = ["git", "-C", str(root), *question]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        answers.append(done.stdout.strip())
    return parse_remote(answers[1]) if Path(answers[0]).resolve() == root.resolve() else None


def fill(text: str, repository: Repository | None = None) -> str:
    """Put the address in the place of the placeholder; without one, advice where it is needed."""
    if repository:
        return text.replace(PLACEHOLDER.url, repository.url)
    text = INSTALL.sub(lambda line: f'{line[1]}raise RuntimeError("{ADVICE}")', text)
    return text.replace(PLACEHOLDER.url, "ADDRESS")


def fill_settings(app: Sphinx, config: Config) -> None:
    """Settle links and buttons before anything reads them."""
    app.resode_address, options = None, config.html_theme_options
    if options.get("repository_url") != PLACEHOLDER.url:
        return
    app.resode_address = repository = remote(Path(app.srcdir))
    config.html_baseurl = config.ogp_site_url = repository.site if repository else ""
    config.notfound_urls_prefix = repository.prefix if repository and repository.site else "/"
    options["repository_url"] = repository.url if repository else ""
    if not repository:
        options.update(dict.fromkeys(BUTTONS, False))
    if not repository or "github" not in repository.host:  # Colab opens notebooks from GitHub only
        options["launch_buttons"] = {}
    if not config.html_baseurl:
        config.ogp_image = None  # other sites show it, by its whole address
        config.suppress_warnings = [*config.suppress_warnings, "sitemap.configuration"]


def fill_code(app: Sphinx, doctree: nodes.document, _: str) -> None:
    """Show the address, or the advice, in code that installs the library."""
    for block in doctree.findall(nodes.literal_block):
        if PLACEHOLDER.url in block.astext():
            text = fill(block.astext(), app.resode_address)
            block.rawsource, block.children = text, [nodes.Text(text)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx's events."""
    app.connect("config-inited", fill_settings, priority=100)
    app.connect("doctree-resolved", fill_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
