"""Point every link of the course at one repository: ``make repository URL=https://github.com/you/name``.

The address stands in ``[project.urls]`` of pyproject.toml, at first as a placeholder. This command
replaces it there and wherever it has to be repeated: the book's settings, the citation file, and
the cell that installs the library on Colab. It writes the links at the top of the README, which has
none while there is no address. The notebooks' sources follow, and nothing is run.
"""

import re
import sys
import tomllib
from pathlib import Path

import notebooks
from address import PLACEHOLDER, Repository

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"^https://github\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(\.git)?/?$")
SOURCES = (
    "*.md",
    "*.yml",
    "*.toml",
    "*.cff",
    "book/**/*.md",
    "coursework/*.md",
    "resode_lib/**/*.py",
    "resode_course/**/*.py",
)
OWN = (  # addresses of this form are always our own
    re.compile(r"git\+(?P<url>[^@\s\"']+)"),
    re.compile(r"(?P<url>https://github\.com/[\w.-]+/[\w.-]+)(?=/actions/)"),
)

# Below this line of the README stand the links, one a line, up to the next empty line.
README_MARK = "<!-- links: written by make repository -->\n"
README_LINKS = """\
[Read it online]({0.site}) ·
[Start on Colab]({0.colab}blob/main/book/start/network.ipynb) ·
[![tests]({0.url}/actions/workflows/test.yml/badge.svg)]({0.url}/actions/workflows/test.yml)
"""


def parse(url: str) -> Repository:
    """Read an address.

    Args:
        url: ``https://github.com/OWNER/NAME``, with or without ``.git``.

    Returns:
        The repository.

    Raises:
        ValueError: If the address has another form.
    """
    match = ADDRESS.match(url)
    if not match:
        raise ValueError(
            f"got the address {url!r}\n"
            "  expected: https://github.com/OWNER/NAME\n"
            "  mend:     make repository URL=https://github.com/you/name"
        )
    return Repository(match["owner"], match["name"])


def current(root: Path = ROOT) -> Repository:
    """The repository that pyproject.toml names."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return parse(project["urls"]["Repository"])


def source_files(root: Path) -> list[Path]:
    """Every file where the address may be repeated."""
    return sorted({path for pattern in SOURCES for path in root.glob(pattern)})


def replace(text: str, old: Repository, new: Repository) -> str:
    """Replace the old addresses by the new ones, in one pass so that none is replaced twice."""
    pairs = {
        old.url: new.url,
        old.site: new.site,
        old.colab: new.colab,
        f"notfound_urls_prefix: {old.prefix}": f"notfound_urls_prefix: {new.prefix}",
    }
    return re.sub("|".join(map(whole, pairs)), lambda found: pairs[found[0]], text)


def whole(address: str) -> str:
    """A pattern for this address, not for the start of a longer name: NAME is not NAME-2."""
    return re.escape(address) + ("" if address.endswith("/") else r"(?![\w-])")


def readme_head(repository: Repository) -> str:
    """The README's mark and the links below it; none while there is no address."""
    links = "" if repository == PLACEHOLDER else README_LINKS.format(repository)
    return README_MARK + links


def rewrite(new: Repository, root: Path = ROOT) -> list[Path]:
    """Write the new address into every file; return those that changed."""
    old, changed = current(root), []
    for path in source_files(root):
        before = path.read_text(encoding="utf-8")
        after = replace(before.replace(readme_head(old), readme_head(PLACEHOLDER)), old, new)
        after = after.replace(README_MARK, readme_head(new))
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def disagreements(root: Path = ROOT) -> list[str]:
    """The places that name another repository than pyproject.toml does."""
    repository = current(root)
    config = (root / "_config.yml").read_text(encoding="utf-8")
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    expected = [
        ("_config.yml", config, f"  url: {repository.url}"),
        ("_config.yml", config, f"baseurl: {repository.site}"),
        ("_config.yml", config, f"ogp_site_url: {repository.site}"),
        ("_config.yml", config, f"notfound_urls_prefix: {repository.prefix}"),
        ("CITATION.cff", citation, f'repository-code: "{repository.url}"'),
        ("CITATION.cff", citation, f'url: "{repository.site}"'),
    ]
    found = [
        f"{name}: expected the line {line.strip()!r}"
        for name, text, line in expected
        if not re.search(whole(line), text)
    ]
    if readme_head(repository) + "\n" not in (root / "README.md").read_text(encoding="utf-8"):
        found.append(f"README.md: expected, then an empty line: {readme_head(repository)!r}")
    for path in source_files(root):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(root)
        for address in (match for pattern in OWN for match in pattern.finditer(text)):
            if address["url"].removesuffix(".git") not in (repository.url, "URL"):
                found.append(f"{name}: got {address[0]}, expected {repository.url}")
    return found


def main(arguments: list[str], root: Path = ROOT) -> int:
    """The command line: one address."""
    try:
        new = parse(arguments[0] if arguments else "")
        changed = rewrite(new, root)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for path in changed:
        print(f"wrote {path.relative_to(root)}")
    print(f"The repository is {new.url}, the book will be at {new.site}")
    return notebooks.main(["--sources"], root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
