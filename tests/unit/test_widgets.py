"""Draggable figures: stored pictures for the book, live controls with a kernel."""

import base64
import io
import json
import os
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from resode_course.widgets import MAX_BYTES, WIDGET_VIEW, Slider, draggable, plain

DEPTHS = (1, 2, 4, 8)

# ipywidgets 7.7.1, the lowest version, opens its connection in the way of its time.
pytestmark = pytest.mark.filterwarnings("ignore:The `ipykernel.comm.Comm`:DeprecationWarning")


def draw_polygon(ax, depth, horizon=1.0):
    s = np.linspace(0, horizon, depth + 1)
    ax.plot(s, (1 + horizon / depth) ** np.arange(depth + 1))
    ax.set(xlim=(0, 3), ylim=(0, 9), xlabel="depth variable s", ylabel="state h")


def say_polygon(depth, horizon=1.0):
    return f'An Euler polygon with {depth} "arrows" & horizon {horizon}.'


def depth_slider(**options):
    return Slider("depth L", DEPTHS, **options)


def make(**changes):
    arguments = {"alt": say_polygon, "sliders": {"depth": depth_slider(start=4)}, **changes}
    return draggable(arguments.pop("draw", draw_polygon), **arguments)


@pytest.fixture
def in_book(monkeypatch):
    monkeypatch.setenv("RESODE_STATIC", "1")


@pytest.fixture
def with_kernel(monkeypatch):
    monkeypatch.delenv("RESODE_STATIC", raising=False)


@pytest.fixture(params=["in_book", "with_kernel"])
def either_mode(request):
    return request.getfixturevalue(request.param)


class Elements(HTMLParser):
    """The attributes of the elements of a figure by tag, and the text of the last script."""

    def __init__(self, text):
        super().__init__()
        self.found = {}
        self.script = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Keep the attributes."""
        self.found.setdefault(tag, []).append(dict(attrs))

    def handle_data(self, data):
        """Keep the data that draggable.js reads."""
        if self.lasttag == "script":
            self.script += data


def elements_of(text, tag):
    return Elements(text).found[tag]


def data_of(figure):
    return json.loads(Elements(figure._repr_html_()).script)


def pixels(source):
    prefix, encoded = source.split(",")
    assert prefix == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"))


# the slider


def test_slider_starts_at_first_value_unless_told():
    assert depth_slider().start_index == 0
    assert depth_slider(start=8).start_index == 3


def test_slider_keeps_values_of_any_sequence():
    slider = Slider("step", np.array([0.5, 0.25]), format="{:.2f}".format)
    assert slider.texts == ("0.50", "0.25")
    assert slider.values == (0.5, 0.25)


@pytest.mark.parametrize(
    ("value", "text"), [(0.1 + 0.2, "0.3"), (1_000_000, "1000000"), ("heun", "heun")]
)
def test_plain_writes_values_for_readers(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((" ", DEPTHS), r"got the slider label ' '; expected a few words"),
        (("depth L", (1,)), r"got 1 value\(s\) for the slider 'depth L'; expected at least 2"),
        (("depth L", (1, 1, 2)), r"look the same on the slider 'depth L': 1, 1, 2"),
        (("depth L", DEPTHS, 3), r"got start=3 .* expected one of 1, 2, 4, 8"),
    ],
)
def test_slider_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Slider(*arguments)


# both modes


def test_text_is_one_deterministic_line(either_mode):
    assert repr(make()) == repr(make()) == "Draggable figure: depth L in 1, 2, 4, 8"


def test_text_shortens_long_sliders(either_mode):
    long = Slider("depth L", range(1, 21))
    assert repr(make(sliders={"depth": long})).endswith("depth L in 1, 2, 3, ..., 20")


def test_error_of_draw_surfaces_with_its_frame(either_mode):
    def breaks(ax, depth):
        raise ZeroDivisionError("step size")

    with pytest.raises(ZeroDivisionError, match="step size") as caught:
        make(draw=breaks)
    assert "while drawing the frame depth=" in caught.value.__notes__[0]


def test_empty_picture_is_refused(either_mode):
    with pytest.raises(ValueError, match=r"got an empty picture at depth=.*not plt\.plot"):
        make(draw=lambda ax, depth: None)


@pytest.mark.parametrize("text", ["", None])
def test_empty_alternative_text_is_refused(either_mode, text):
    with pytest.raises(ValueError, match="got the alternative text .* expected a sentence"):
        make(alt=lambda depth: text)


@pytest.mark.parametrize("count", [0, 3])
def test_number_of_sliders_is_refused(either_mode, count):
    names = ("depth", "horizon", "width")[:count]
    with pytest.raises(ValueError, match=f"got {count} sliders; expected 1 or 2"):
        make(sliders={name: depth_slider() for name in names})


def test_several_axes(either_mode):
    def draw_two(axes, depth):
        for ax in axes:
            draw_polygon(ax, depth)

    assert "depth L" in repr(make(draw=draw_two, ncols=2))


# while the book builds


def test_start_picture_shows_without_script(in_book):
    figure = make()
    (img,) = elements_of(figure._repr_html_(), "img")
    assert img["src"] == data_of(figure)["pictures"][2]["src"]
    assert img["alt"] == say_polygon(4)
    _, controls = elements_of(figure._repr_html_(), "div")
    assert "hidden" in controls


def test_every_control_is_labelled(in_book):
    text = make()._repr_html_()
    (slider,) = elements_of(text, "input")
    (button,) = elements_of(text, "button")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "3", "2")
    assert slider["aria-label"] == "depth L"
    assert "<label><span>depth L</span><input" in text
    assert slider["aria-valuetext"] == "4"
    assert button["aria-label"] == "Play depth L"


def test_alternative_text_follows_the_value(in_book):
    alts = [picture["alt"] for picture in data_of(make())["pictures"]]
    assert alts == [say_polygon(depth) for depth in DEPTHS]


def test_pictures_differ_and_share_their_axes(in_book):
    frames = [pixels(picture["src"]) for picture in data_of(make())["pictures"]]
    assert frames[0].shape == (504, 806, 4)
    assert len({frame.tobytes() for frame in frames}) == len(DEPTHS)
    left_edge = [frame[:, :80] for frame in frames]  # label, numbers and ticks
    assert all(np.array_equal(edge, left_edge[0]) for edge in left_edge)


def test_axes_stay_when_labels_grow(in_book):
    def draw_wide_ticks(ax, depth):
        ax.plot([0, 10**depth])

    frames = data_of(make(draw=draw_wide_ticks))["pictures"]
    spines = [np.flatnonzero(pixels(f["src"])[250, :, 3] > 200)[-1] for f in frames]
    assert len(set(spines)) == 1
    assert all(pixels(f["src"])[:, 0, 3].max() == 0 for f in frames), "a label is cut off"


def test_background_is_transparent(in_book):
    corner = pixels(data_of(make())["pictures"][0]["src"])[0, 0]
    assert corner[3] == 0


def test_opaque_colours_are_exact(in_book):
    def draw_patch(ax, depth):
        ax.axhspan(0, 1, color="#0072B2")

    frame = pixels(data_of(make(draw=draw_patch))["pictures"][0]["src"])
    assert tuple(frame[252, 403]) == (0x00, 0x72, 0xB2, 255)


def test_colour_bar_keeps_its_place(in_book):
    def draw_image(ax, depth):
        image = ax.imshow(np.eye(5) * 10.0**depth, aspect="auto")
        ax.figure.colorbar(image)

    frames = data_of(make(draw=draw_image))["pictures"]
    edges = [np.flatnonzero(pixels(f["src"])[100, :, 3] > 200) for f in frames]
    assert len({edge[0] for edge in edges}) == 1


def test_axes_that_come_and_go_are_refused(in_book):
    def draw_inset(ax, depth):
        ax.plot([0, 1])
        if depth > 1:
            ax.twinx()

    with pytest.raises(ValueError, match="got 2 Axes at depth=2 and 1 in the frames before"):
        make(draw=draw_inset)


def test_second_slider_runs_fastest(in_book):
    sliders = {"depth": depth_slider(), "horizon": Slider("horizon T", (1.0, 2.0), start=2.0)}
    figure = make(sliders=sliders)
    alts = [picture["alt"] for picture in data_of(figure)["pictures"]]
    assert alts[:3] == [say_polygon(1, 1.0), say_polygon(1, 2.0), say_polygon(2, 1.0)]
    assert elements_of(figure._repr_html_(), "img")[0]["alt"] == say_polygon(1, 2.0)
    assert data_of(figure)["texts"] == [["1", "2", "4", "8"], ["1", "2"]]
    assert repr(figure) == "Draggable figure: depth L in 1, 2, 4, 8; horizon T in 1, 2"


def test_html_is_deterministic_and_light(in_book):
    first, second = make()._repr_html_(), make()._repr_html_()
    assert first == second
    assert len(first) < 5 * 20_000  # four frames and the start picture


def test_text_cannot_end_the_data(in_book):
    def alt(depth):
        return f"</script><b>{depth}"

    assert data_of(make(alt=alt))["pictures"][0]["alt"] == "</script><b>1"


def test_heavy_figure_is_refused(in_book):
    def draw_noise(ax, depth):
        ax.imshow(np.random.default_rng(depth).random((400, 400)))

    message = rf"MiB for 4 pictures .* expected at most {MAX_BYTES / 2**20:.2f} MiB; take fewer"
    with pytest.raises(ValueError, match=message):
        make(draw=draw_noise, figsize=(8, 8))


# with a kernel


def test_shows_a_widget_and_a_stable_text(with_kernel):
    figure = make()
    bundle = figure._repr_mimebundle_()
    assert bundle["text/plain"] == repr(figure)
    assert bundle[WIDGET_VIEW]["model_id"] == figure.box.model_id


def test_controls_are_labelled_and_start_right(with_kernel):
    figure = make()
    (control,) = figure.controls
    assert (control.description, control.value) == ("depth L", "4")
    assert (figure.play.value, figure.play.min, figure.play.max) == (2, 0, 3)


def test_live_picture_stands_on_white(with_kernel):
    (img,) = elements_of(make().picture.value, "img")
    assert "background: white" in img["style"]


def test_moving_the_slider_draws_again(with_kernel):
    figure = make()
    before = elements_of(figure.picture.value, "img")[0]
    figure.controls[0].value = "8"
    after = elements_of(figure.picture.value, "img")[0]
    assert (before["alt"], after["alt"]) == (say_polygon(4), say_polygon(8))
    assert not np.array_equal(pixels(before["src"]), pixels(after["src"]))


def test_second_slider_draws_again(with_kernel):
    sliders = {"depth": depth_slider(), "horizon": Slider("horizon T", (1.0, 2.0))}
    figure = make(sliders=sliders)
    figure.controls[1].index = 1
    assert "horizon 2.0" in figure.picture.value


def test_play_moves_the_slider(with_kernel):
    figure = make()
    figure.play.value = 0
    assert figure.controls[0].value == "1"
    assert "with 1 &quot;arrows&quot;" in figure.picture.value


def test_error_after_a_move_is_shown_and_raised(with_kernel):
    def breaks_late(ax, depth):
        if depth == 8:
            raise ValueError("too <deep>")
        draw_polygon(ax, depth)

    figure = make(draw=breaks_late)
    with pytest.raises(ValueError, match="too <deep>"):
        figure.controls[0].value = "8"
    assert figure.picture.value.startswith('<pre role="alert">ValueError')
    assert "too &lt;deep&gt;" in figure.picture.value
    figure.controls[0].value = "1"
    assert "<img" in figure.picture.value


def test_import_loads_neither_matplotlib_nor_ipywidgets():
    code = (
        "import sys, importlib.util as u; s = u.spec_from_file_location('w', sys.argv[1]); "
        "m = u.module_from_spec(s); sys.modules['w'] = m; s.loader.exec_module(m); "
        "print([n for n in ('matplotlib', 'ipywidgets', 'PIL') if n in sys.modules])"
    )
    path = sys.modules["resode_course.widgets"].__file__
    run = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, env=os.environ
    )
    assert run.stdout.strip() == "[]", run.stderr
