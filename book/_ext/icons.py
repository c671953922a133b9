"""A font with the icons that the pages use: the theme's has 1,400 more, in 150 kB a page.

The style sheet names it first. An icon that it lacks would come from the theme's own font.
"""

import re
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

FONT = "vendor/fontawesome/webfonts/fa-solid-900.ttf"
STYLE = "styles/pydata-sphinx-theme.css"
SIGN = r'"(?:\\([0-9a-f]+)|([\ue000-\uf8ff]))"'  # as a code or as the letter itself


def used_signs(static: Path, pages: list[str]) -> set[int]:
    """The letters of the icons that pages name by class, and of those that the theme draws."""
    style = (static / STYLE).read_text(encoding="utf-8")
    names = set(re.findall(r"\bfa-([a-z][\w-]*)", "".join(pages)))
    rules = re.findall(r"([^{}]*)\{(?:--fa|content):" + SIGN, style)
    named = [rule for rule in rules if names & set(re.findall(r"\.fa-([\w-]+)", rule[0]))]
    own = re.findall(r"(--pst-icon-[\w-]+):\s*" + SIGN, style)
    return {int(code, 16) if code else ord(letter) for _, code, letter in [*named, *own]}


def write_icons(app: Sphinx, exception: Exception | None) -> None:
    """Write the font beside the style sheets, when all pages are there."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    pages = [path.read_text(encoding="utf-8") for path in Path(app.outdir).rglob("*.html")]
    font = TTFont(static / FONT, recalcTimestamp=False)
    options = Options(flavor="woff", layout_features=[], notdef_outline=True)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=used_signs(static, pages))
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(static / "icons.woff")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of the build."""
    app.connect("build-finished", write_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
