"""Folders of submissions as no list would have them: random names, kinds, contents, links, damage.

Each thing that a student could have handed in carries a token such as ``s17q`` in its name. After
grading, every token must stand in the table.
"""

import json
import os
import random
import socket
import unicodedata
from collections import Counter
from contextlib import suppress
from pathlib import Path

import hostile

ODD = [
    "=1+1", "+2", "-3", "@x", "a;=2", "a,=2", "\t=3", '"', "'", "`", "<b>",
    "<script>alert(1)</script>", "](javascript:x)", "![", "\x1b[31m", "\x07", "\r", "\n",
    "\u202e", "\u2028", "\x85", "%s", "{0}", "\\", "ñ", "e\u0301", "名前", "𝒶", "ﬁ", "I\u0307",
    "ß", "\ufeff", "CON", "aux.", " ", "..", "~", "#", "&amp;", "x" * 120,
]  # fmt: skip
PLATFORMS = [
    "{token}_{number}_7_set1", "{token}_LATE_{number}_7_set1-2",
    "{token} B_{number}_assignsubmission_file_x",
    "Set 1_{token}_attempt_2027-03-01-23-59-07_set1",
    "Set 1_{token}_attempt_2027-99-99-99-99-99_set1",
]  # fmt: skip
TEXTS = [
    "Since.", "<script>alert(1)</script>", "[x](javascript:alert(1))",
    "![x](https://example.org/x.png)", "### Rubric\n\n- 99: forged",
    "## Problem 0.3: why (4 points, written)", "\ud835", "\x00\x1b]0;x\x07",
    '"><svg onload=alert(1)>', "</pre></div><h1>x", "=HYPERLINK(1)", "\u202edetrever", "", " ",
    "data:image/png;base64,iVBORw0KGgo=", "data:image/svg+xml;base64,PHN2Zy8+",
]  # fmt: skip
DAMAGED = [
    b"", b"\xff\xfe\x00", b"PK\x03\x04", b"[]", b"{}", b'{"cells": 3}', b'{"cells": [{}]}',
    b"null", b'"x"', b"[" * 50_000, b'{"cells": [' * 30_000,
    b'{"cells": [{"cell_type": "code", "source": [[[]]]}]}',
    b'{"nbformat": 3, "worksheets": []}', b'{"cells": [], "nbformat": 99}',
    b'{"cells": [], "nbformat": "x"}',
    b'{"cells": [{"cell_type": null, "metadata": 3, "source": null}]}',
    b"<html>Please log in</html>",
    b'{"cells": [{"cell_type": "code", "metadata": {"resode": []}, "source": 1e9, "outputs": 3}]}',
]  # fmt: skip


def _cells(rng):
    """Cells of a notebook that can be read, more or less."""
    for _ in range(rng.randrange(6)):
        kind = rng.choice(["code", "markdown", "raw", "heading", "\ud800"])
        cell = {"cell_type": kind, "metadata": {}, "source": rng.choice(TEXTS)}
        if rng.random() < 0.3:
            cell["metadata"] = {
                "resode": {"role": "answer", "problem": rng.choice(["0.3", "9.9", "<b>"])}
            }
        if rng.random() < 0.3:
            data = {
                rng.choice(["image/png", "image/svg+xml", "text/html", "image/\x00"]): rng.choice(
                    TEXTS
                )
            }
            cell["outputs"] = [
                {"output_type": "display_data", "data": data, "text": rng.choice(TEXTS)}
            ]
            cell["attachments"] = {"a": data}
        if rng.random() < 0.1:
            cell["outputs"] = rng.choice([3, [3], [None], {"a": 1}, "x"])
        yield cell


def content(rng):
    """The bytes of a notebook, or of what is none."""
    if rng.random() < 0.4:
        return rng.choice(DAMAGED)
    book = json.loads(hostile.notebook([]))
    book["cells"] = list(_cells(rng))
    text = json.dumps(book, ensure_ascii=rng.random() < 0.5)
    encoding = rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"])
    return text.encode(encoding, "replace")


def name(rng, token):
    """A name with the token in it; at times so long that nothing may be added."""
    if rng.random() < 0.15:
        return token + "x" * (rng.randrange(235, 250) - len(token))
    parts = [rng.choice(ODD) for _ in range(rng.randrange(3))]
    place = rng.randrange(len(parts) + 1)
    text = "".join([*parts[:place], token, *parts[place:]]).replace("/", "_")
    return text if len(text.encode()) < 200 else token


def path(rng, folder, token):
    """A place for one hand-in, at times deep below, or in the form of a platform."""
    shape = rng.random()
    if shape < 0.1:
        return folder / f"{token}_{rng.randrange(10**6)}_assignsubmission_file_"
    if shape < 0.2:
        return folder / token / ("d/" * rng.randrange(1, 60))
    if shape < 0.35:
        return folder / rng.choice(["section a", "section b"])
    return folder


def hand_in(rng, folder, token):
    """One thing that a student handed in."""
    here = path(rng, folder, token)
    here.mkdir(parents=True, exist_ok=True)
    ending = rng.choice([".ipynb"] * 6 + [".IPYNB", ".pdf", ".ipynb.txt", ".html", ""])
    called = name(rng, token)
    if rng.random() < 0.15:
        called = rng.choice(PLATFORMS).format(token=token, number=rng.randrange(10**6))
    target = here / (called + ending)
    kinds, weights = zip(*KINDS, strict=True)
    rng.choices(kinds, weights)[0](rng, target, token)
    if target.exists() and rng.random() < 0.2:
        os.utime(target, (rng.choice([0, 2**31, 4e9]),) * 2)


def _notebook(rng, target, token):
    target.write_bytes(content(rng))


def _closed(rng, target, token):
    target.write_bytes(content(rng))
    target.chmod(0)


def _link(rng, target, token):
    target.symlink_to(rng.choice(["nowhere", ".", "/dev/zero", target.name, "/etc/hostname"]))


def _folder(rng, target, token):
    target.mkdir()


def _pipe(rng, target, token):
    os.mkfifo(target)


def _socket(rng, target, token):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(target))  # refused where the path is too long for a socket


def _large(rng, target, token):
    with target.open("wb") as file:
        file.truncate(rng.choice([10**8, 2 * 10**7 + 1]))


def _no_text(rng, target, token):
    """A name that is no text."""
    ending = rng.choice([b"\xff", b"\xe9", b"\xc3("]) + b".ipynb"
    path = os.fsdecode(os.fsencode(target.parent) + b"/" + token.encode() + ending)
    Path(path).write_bytes(content(rng))


KINDS = [
    *((_notebook, 65), (_closed, 6), (_link, 6), (_folder, 5), (_pipe, 5)),
    *((_socket, 3), (_large, 5), (_no_text, 6)),
]


def twins(rng, folder, token):
    """Two names that many disks take for one, or that look alike in a table."""
    first = f"{token} Ä x"
    others = [
        unicodedata.normalize("NFD", first),
        f"{token} ä x",
        f"{token} Ä\n x",
        f"{token}  Ä x",
    ]
    second = rng.choice(others)
    for called in (first, second):
        (folder / f"{called}.ipynb").write_bytes(content(rng))
    return 2


def write_editions(folder):
    """Editions of a set with a written problem."""
    rubric = {"role": "rubric", "problem": "0.3", "title": "Problem 0.3: why (4 points, written)"}
    statement = ("markdown", "## Problem 0.3: why (4 points, written)\n\nExplain.")
    answer = {"role": "answer", "problem": "0.3"}
    rows = {"student": ("*Your answer here.*", answer), "instructor": ("- 4: a reason", rubric)}
    for kind, (text, note) in rows.items():
        book = json.loads(hostile.notebook([statement, ("markdown", text)]))
        book["cells"][1]["metadata"] = {"resode": note}
        (folder / kind).mkdir(parents=True)
        (folder / kind / "set0.ipynb").write_text(json.dumps(book))


def write(seed, folder):
    """Write a folder; return how often each token must stand in the table."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    expected = Counter()
    for number in range(rng.randrange(1, 9)):
        token = f"s{number}q"
        try:
            if rng.random() < 0.15:
                expected[token] += twins(rng, folder, token)
            else:
                hand_in(rng, folder, token)
                expected[token] += 1
        except OSError:  # a name that this disk does not take: nobody can have handed it in
            with suppress(OSError):
                (folder / f"{token}.ipynb").write_bytes(b"")
                expected[token] = max(expected[token], 1)
    return expected
