"""Figures that a reader drags, from one cell everywhere.

With a kernel (Jupyter, Colab) :func:`draggable` shows sliders that call ``draw`` again. While the
book builds (``RESODE_STATIC=1``) the same call stores one picture per slider position, and
``book/_static/draggable.js`` moves between them, so that the page needs no kernel and no network.
"""

import base64
import html
import io
import itertools
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DPI = 144  # 1.5 device pixels per CSS pixel: crisp on a laptop, about 20 kB for a line plot
CSS_DPI = 96
MAX_BYTES = 2**20  # one figure must not outweigh the rest of its page
PLAY_MS = 700  # also in draggable.js
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

Draw = Callable[..., Any]
Alt = Callable[..., str]
Values = dict[str, Any]
Extents = list[np.ndarray]  # one (x0, y0, x1, y1) per Axes, in fractions of the figure


def plain(value: Any) -> str:
    """Write a slider value: four digits for a float, as it prints for the rest.

    Example:
        >>> plain(0.1 + 0.2), plain(64), plain("heun")
        ('0.3', '64', 'heun')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Slider:
    """The positions of one slider, in the order in which a reader meets them.

    Args:
        label: what the reader reads beside the slider, in plain text.
        values: at least two values; each is given to ``draw`` and ``alt`` as it is.
        start: the value shown first, one of ``values``; the first one if not given.
        format: writes a value for the reader; two values may not look the same.

    Raises:
        ValueError: an empty label, fewer than two values, two values that look the same, or a
            start that is not among the values.

    Example:
        >>> Slider("depth L", (1, 2, 4, 8), start=4).start_index
        2
    """

    label: str
    values: Iterable[Any]
    start: Any = None
    format: Callable[[Any], str] = plain

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.label.strip():
            raise ValueError(
                f"got the slider label {self.label!r}; expected a few words, because a screen "
                'reader announces the slider by it; write for example "depth L"'
            )
        if len(self.values) < 2:
            raise ValueError(
                f"got {len(self.values)} value(s) for the slider {self.label!r}; expected at "
                "least 2; add values, or draw a still figure"
            )
        if len(set(self.texts)) < len(self.texts):
            raise ValueError(
                f"got values that look the same on the slider {self.label!r}: "
                f"{', '.join(self.texts)}; expected a different text for each; drop the repeated "
                "values or give a finer `format`"
            )
        if self.start is not None and self.start not in self.values:
            raise ValueError(
                f"got start={self.start!r} for the slider {self.label!r}; expected one of "
                f"{', '.join(self.texts)}; choose one of them or add it to `values`"
            )

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as the reader sees them."""
        return tuple(self.format(value) for value in self.values)

    @property
    def start_index(self) -> int:
        """The position of the start value."""
        return 0 if self.start is None else self.values.index(self.start)


def draggable(
    draw: Draw,
    *,
    alt: Alt,
    sliders: Mapping[str, Slider],
    figsize: Sequence[float | int] = (5.6, 3.5),
    ncols: int = 1,
) -> "LiveFigure | StaticFigure":
    """Make a figure that the reader drags; put the call on the last line of a cell.

    Args:
        draw: ``draw(ax, **values)`` draws on an empty Axes (on an array of ``ncols`` Axes if
            ``ncols > 1``). Fix the axis limits in it, or the scale moves with the slider.
        alt: ``alt(**values)`` says in words what the picture shows at these values.
        sliders: one or two sliders; the keys are the keyword names of ``draw`` and ``alt``.
        figsize: width and height in inches.
        ncols: number of Axes side by side.

    Returns:
        An object that IPython displays, live controls with a kernel, stored pictures while the
        book builds.

    Raises:
        ValueError: not one or two sliders, an empty picture, an empty alternative text, Axes that
            come and go between frames, or stored pictures beyond 1 MiB.

    Example:
        >>> draggable(
        ...     lambda ax, slope: ax.plot([0, 1], [0, slope]),
        ...     alt=lambda slope: f"A line of slope {slope}.",
        ...     sliders={"slope": Slider("slope", (1, 2))},
        ... )
        Draggable figure: slope in 1, 2
    """
    if len(sliders) not in (1, 2):
        raise ValueError(
            f"got {len(sliders)} sliders; expected 1 or 2, because a figure stores one picture "
            "for every combination; fix the other values inside `draw`"
        )
    painter = _Painter(draw, alt, figsize, ncols)
    return StaticFigure(painter, sliders) if in_book() else LiveFigure(painter, sliders)


def in_book() -> bool:
    """Whether a page of the book is being made: its figures have no kernel."""
    return os.environ.get("RESODE_STATIC") == "1"


class StaticFigure:
    """Stored pictures with native range inputs: what the pages of the book show."""

    def __init__(self, painter: "_Painter", sliders: Mapping[str, Slider]) -> None:
        self._text = _summary(sliders)
        self._html = _static_html(painter, sliders)
        if len(self._html) > MAX_BYTES:
            count = len(_combinations(sliders))
            raise ValueError(
                f"got {len(self._html) / 2**20:.2f} MiB for {count} pictures "
                f"({self._text}); expected at most {MAX_BYTES / 2**20:.2f} MiB; take fewer slider "
                "values, a smaller figsize, or a plainer picture (fewer arrows and points)"
            )

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return self._html


class LiveFigure:
    """Sliders of ipywidgets that call ``draw`` again: what a reader with a kernel sees.

    The picture is an ``<img>`` in an HTML widget: it carries an alternative text, and it works in
    ipywidgets 7.7.1, which Colab has and which knows no ``Stack``.
    """

    def __init__(self, painter: "_Painter", sliders: Mapping[str, Slider]) -> None:
        import ipywidgets

        self._text = _summary(sliders)
        self._painter = painter
        self._sliders = sliders
        self.picture = ipywidgets.HTML()
        self.controls = [_live_slider(slider) for slider in sliders.values()]
        self.play = ipywidgets.Play(
            value=self.controls[0].index, max=len(self.controls[0].options) - 1, interval=PLAY_MS
        )
        ipywidgets.link((self.play, "value"), (self.controls[0], "index"))
        self._redraw()  # now, not on display: IPython would print an error there and go on
        for control in self.controls:
            control.observe(self._redraw, names="index")
        self.box = ipywidgets.VBox([self.picture, ipywidgets.HBox([self.play]), *self.controls])

    def _redraw(self, _change: Any = None) -> None:
        values = {
            name: slider.values[control.index]
            for (name, slider), control in zip(self._sliders.items(), self.controls, strict=True)
        }
        try:
            picture = self._painter.pictures([values])[0]
        except Exception as error:  # a kernel only logs what a callback raises: show it too
            self.picture.value = f'<pre role="alert">{html.escape(repr(error))}</pre>'
            raise
        # On white: a notebook's dark theme does not turn figures round as the book's does.
        style = "background: white; max-width: 100%; height: auto"
        self.picture.value = _img(picture, self._painter.figsize, f' style="{style}"')

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {"text/plain": self._text, WIDGET_VIEW: view}


class Reseeded:
    """Something shown as HTML, with a slider that draws its random numbers anew.

    Args:
        text: what a terminal shows.
        page: the HTML to begin with.
        seed: the seed that it was made with.
        again: makes the HTML for another seed.
    """

    def __init__(self, text: str, page: str, seed: int, again: Callable[[int], str]) -> None:
        self._text = text
        self._page = page
        self._seed = seed
        self._again = again

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.controls().model_id}
        return {"text/plain": self._text, WIDGET_VIEW: view}

    def controls(self) -> Any:
        """Return the widgets: what is shown, above the slider."""
        import ipywidgets

        shown = ipywidgets.HTML(self._page)
        slider = ipywidgets.IntSlider(
            self._seed, 0, max(40, self._seed), description="seed", continuous_update=False
        )

        def measure(change: Any) -> None:
            slider.disabled, slider.description = True, "measuring"
            try:
                shown.value = self._again(change["new"])
            except Exception as error:  # a kernel only logs what a callback raises: show it too
                shown.value = f'<pre role="alert">{html.escape(repr(error))}</pre>'
                raise
            finally:
                slider.disabled, slider.description = False, "seed"

        slider.observe(measure, names="value")
        return ipywidgets.VBox([shown, slider])


class _Painter:
    """Draws frames that share one place for their Axes, so that the picture does not jitter."""

    def __init__(self, draw: Draw, alt: Alt, figsize: Sequence[float | int], ncols: int) -> None:
        self._draw = draw
        self._alt = alt
        self._ncols = ncols
        self._extents: Extents | None = None
        self.figsize = figsize

    def pictures(self, frames: Sequence[Values]) -> list[dict[str, str]]:
        """Return ``{"src", "alt"}`` for each frame, all on the Axes that fit every one so far."""
        figures = [self._figure(values) for values in frames]
        for values, figure in zip(frames, figures, strict=True):
            self._extents = _common_extents(self._extents, _extents(figure), values)
        return [
            {"src": _data_uri(figure, self._extents), "alt": self._alt_text(values)}
            for values, figure in zip(frames, figures, strict=True)
        ]

    def _figure(self, values: Values) -> Any:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=self.figsize, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        try:
            self._draw(figure.subplots(1, self._ncols), **values)
        except Exception as error:
            error.add_note(f"while drawing the frame {_assignment(values)}")
            raise
        if not any(axes.has_data() or axes.texts for axes in figure.axes):
            raise ValueError(
                f"got an empty picture at {_assignment(values)}; expected `draw` to draw on the "
                "Axes it is given; call ax.plot(...), not plt.plot(...)"
            )
        figure.draw_without_rendering()  # places the Axes
        figure.set_layout_engine("none")
        return figure

    def _alt_text(self, values: Values) -> str:
        text = self._alt(**values)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"got the alternative text {text!r} at {_assignment(values)}; expected a sentence "
                "that says what the picture shows; return one from `alt`"
            )
        return text


def _combinations(sliders: Mapping[str, Slider]) -> list[Values]:
    """All slider positions, the last slider running fastest, as draggable.js counts them."""
    positions = itertools.product(*(slider.values for slider in sliders.values()))
    return [dict(zip(sliders, position, strict=True)) for position in positions]


def _start(sliders: Mapping[str, Slider]) -> Values:
    return {name: slider.values[slider.start_index] for name, slider in sliders.items()}


def _assignment(values: Values) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def _summary(sliders: Mapping[str, Slider]) -> str:
    """One line without pictures or ids: stored outputs are compared word by word."""
    parts = [f"{slider.label} in {_shortened(slider.texts)}" for slider in sliders.values()]
    return f"Draggable figure: {'; '.join(parts)}"


def _shortened(texts: Sequence[str]) -> str:
    return ", ".join(texts if len(texts) <= 8 else (*texts[:3], "...", texts[-1]))


def _extents(figure: Any) -> Extents:
    return [np.array(axes.get_position(original=True).extents) for axes in figure.axes]


def _common_extents(known: Extents | None, new: Extents, values: Values) -> Extents:
    """Shrink each Axes to what fits both: labels then have room in every frame."""
    if known is None:
        return new
    if len(known) != len(new):
        raise ValueError(
            f"got {len(new)} Axes at {_assignment(values)} and {len(known)} in the frames before; "
            "expected the same number in every frame; draw the colour bar or the inset always"
        )
    return [
        np.concatenate([np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])])
        for a, b in zip(known, new, strict=True)
    ]


def _data_uri(figure: Any, extents: Extents | None) -> str:
    """Render on a transparent ground, on the given Axes, as a lossless WebP."""
    from matplotlib.transforms import Bbox
    from PIL import Image

    figure.patch.set_visible(False)
    for axes, extent in zip(figure.axes, extents or [], strict=True):
        axes.patch.set_visible(False)
        axes.set_position(Bbox.from_extents(*extent))
    figure.canvas.draw()
    pixels = _fewer_shades(np.asarray(figure.canvas.buffer_rgba()))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "webp", lossless=True, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _fewer_shades(pixels: np.ndarray) -> np.ndarray:
    """Round see-through pixels (edges of lines) to 16 levels a channel: 40 % fewer bytes.

    Opaque pixels stay exact, because a palette for all of them shows bands in a heat map.
    """
    rounded = (np.round(pixels / 17) * 17).astype(np.uint8)
    return np.where(pixels[..., 3:] == 255, pixels, rounded)


def _img(picture: Mapping[str, str], figsize: Sequence[float | int], more: str = "") -> str:
    width, height = (round(inches * CSS_DPI) for inches in figsize)
    return (
        f'<img src="{picture["src"]}" alt="{html.escape(picture["alt"])}" '
        f'width="{width}" height="{height}" decoding="sync"{more}>'
    )


def _static_html(painter: _Painter, sliders: Mapping[str, Slider]) -> str:
    """The start picture, the controls (hidden until draggable.js runs) and all the pictures."""
    frames = _combinations(sliders)
    pictures = painter.pictures(frames)
    first = next(iter(sliders.values()))
    data = json.dumps({"pictures": pictures, "texts": [s.texts for s in sliders.values()]})
    return (
        f'<div class="draggable" role="group" aria-label="{html.escape(_summary(sliders))}">'
        f"{_img(pictures[frames.index(_start(sliders))], painter.figsize)}"
        '<div class="draggable-controls" hidden>'
        f'<button type="button" aria-label="Play {html.escape(first.label)}">Play</button>'
        f"{''.join(_range_input(slider) for slider in sliders.values())}"
        "</div>"
        '<script type="application/json">'
        + data.replace("<", r"\u003c")  # "</script>" in a text must not end the element
        + "</script>"
        "</div>"
    )


def _range_input(slider: Slider) -> str:
    label, text = html.escape(slider.label), html.escape(slider.texts[slider.start_index])
    width = max(len(text) for text in slider.texts)
    return (
        f'<label><span>{label}</span><input type="range" min="0" max="{len(slider.values) - 1}" '
        f'value="{slider.start_index}" autocomplete="off" aria-label="{label}" '
        f'aria-valuetext="{text}">'
        f'<span aria-hidden="true" style="min-width:{width}ch">{text}</span></label>'
    )


def _live_slider(slider: Slider) -> Any:
    import ipywidgets

    return ipywidgets.SelectionSlider(
        options=slider.texts,
        index=slider.start_index,
        description=slider.label,
        style={"description_width": "initial"},
    )
