"""Static pages: no script, nothing from elsewhere, and text of students is only ever text."""

import base64
import binascii
from collections.abc import Iterable
from urllib.parse import quote

from resode_grader._notebook import Picture
from resode_grader._text import line, markup

__all__ = ["SAFE", "document", "image", "items", "link", "text_block"]

# What a browser may load, said once more in the page itself: pictures in it and its own style.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #8888; padding: .5rem; }
pre .given { opacity: .55; }
img { max-width: 100%; background: white; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem; text-align: left; }
.beside { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); gap: 2rem; }
.rubric { border-left: 4px solid #0072b2; padding-left: 1rem; }
.small { font-size: .85rem; opacity: .8; }
"""
# Pictures that a browser shows without running anything in them; a drawing (SVG) inside <img> can
# neither run a script nor load a file.
SAFE = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")


def document(title: str, body: Iterable[str]) -> str:
    """Return a page.

    Args:
        title: text.
        body: HTML, line by line.
    """
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{markup(line(title))}</title><style>{STYLE}</style></head><body>",
            f"<h1>{markup(line(title))}</h1>",
            *body,
            "</body></html>",
            "",
        ]
    )


def items(texts: Iterable[str]) -> str:
    """Return a list of texts, nothing if there are none."""
    found = [f"<li>{markup(line(text))}</li>" for text in texts]
    return f"<ul>{''.join(found)}</ul>" if found else ""


def text_block(lines: Iterable[tuple[str, bool]]) -> str:
    """Return text as it stands; lines that were handed out are pale."""
    shown = [
        f'<span class="given">{markup(text)}</span>' if given else markup(text)
        for text, given in lines
    ]
    return "<pre>" + "\n".join(shown) + "</pre>"


def image(picture: Picture, name: str) -> str:
    """Return a picture inside the page, or why it cannot be shown.

    Args:
        picture: from a notebook.
        name: what it is, in words.
    """
    kind, content = picture.kind.casefold().partition(";")[0], picture.data
    if kind == "image/jpg":
        kind = "image/jpeg"
    if kind not in SAFE:
        return f"<p>A picture of the kind {markup(line(picture.kind[:40]))}: see the notebook.</p>"
    if kind == "image/svg+xml" and "<" in content:  # a drawing is stored as text
        data = content.encode("utf-8", "replace")
    else:
        try:
            data = base64.b64decode("".join(content.split()), validate=True)
        except (binascii.Error, ValueError):
            return "<p>A picture that is damaged: see the notebook.</p>"
    code = base64.b64encode(data).decode()
    return f'<p><img alt="{markup(line(name))}" src="data:{kind};base64,{code}"></p>'


def link(target: str, name: str) -> str:
    """Return a link to a file beside the page; its name is ours."""
    return f'<a href="{quote(target)}">{markup(line(name))}</a>'
