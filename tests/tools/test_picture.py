"""The picture of the README and of links shows what the library computes today."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import picture

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def curves(element):
    """The polylines of a part of the picture, in pixels."""
    lines = [line.get("points").split() for line in element.iter(f"{SVG}polyline")]
    return np.array([[point.split(",") for point in line] for line in lines], float)


def frames(text):
    """The curves of the flow, and of each network by its words."""
    flow, *networks = ElementTree.fromstring(text).findall(f"{SVG}g")
    return {"flow": curves(flow)} | {n.find(f"{SVG}text").text: curves(n) for n in networks}


def test_the_picture_is_that_of_todays_library():
    stored = frames((picture.STATIC / "layers.svg").read_text(encoding="utf-8"))
    today = frames(picture.moving())
    assert list(stored) == ["flow", *(f"{L} layers" for L in picture.DEPTHS)]
    for name, lines in today.items():
        np.testing.assert_allclose(stored[name], lines, atol=0.15)  # rounded to a tenth of a pixel


def test_more_layers_end_nearer_to_the_flow_and_all_is_in_the_frame():
    found = frames((picture.STATIC / "layers.svg").read_text(encoding="utf-8"))
    flow = found.pop("flow")
    ends = [np.linalg.norm(lines[:, -1] - flow[:, -1], axis=1).max() for lines in found.values()]
    assert ends[-1] < ends[0] / 4
    for lines in (flow, found[f"{picture.DEPTHS[-1]} layers"]):
        assert (lines.min(axis=(0, 1)) >= 0).all()
        assert (lines.max(axis=(0, 1)) <= (picture.WIDTH, picture.HEIGHT)).all()


def test_the_readme_shows_it():
    assert "(book/_static/layers.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
