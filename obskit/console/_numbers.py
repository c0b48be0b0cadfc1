"""Numbers with their course behind them, as HTML: no chart has to be made for each."""

import math
from collections.abc import Sequence

from obskit.console._fields import PALETTE, field_of
from obskit.console._html import Html, join, tag
from obskit.console._model import Panel
from obskit.console._series import Series
from obskit.console._window import Window

__all__ = ["course", "numbers"]

_MOST = 12
_WIDTH, _HEIGHT = 100.0, 30.0
_LEAST_POINTS = 2


def numbers(panel: Panel, series: Sequence[Series], window: Window) -> Html:
    """Return a stat panel: the last value of each series, coloured as its thresholds say."""
    shown = [_number(panel, one, window, several=len(series) > 1) for one in series[:_MOST]]
    return tag("div", join(shown), class_="numbers")


def _number(panel: Panel, series: Series, window: Window, *, several: bool) -> Html:
    field = field_of(panel, series.name, series.ref)
    colour = field.fixed or field.colour(series.last)
    is_inked = panel.options.get("colorMode", "value") != "none" and colour
    has_course = panel.options.get("graphMode") == "area" and len(series.times) > 1
    text = str(field.settings.get("displayName") or series.name)
    return tag(
        "div",
        tag("div", text, class_="of faint") if several else None,
        tag(
            "div",
            field.text(series.last),
            class_="value",
            style=f"color: {colour}" if is_inked else None,
        ),
        course(series, colour or PALETTE[0], window) if has_course else None,
        class_="number",
        title=series.name,
    )


def course(series: Series, colour: str, window: Window) -> Html | None:
    """Return the line of *series* over *window* as a picture; None when it has no two points."""
    points = [
        (at, value) for at, value in zip(series.times, series.values, strict=True) if math.isfinite(value)
    ]
    if len(points) < _LEAST_POINTS:
        return None
    low, high = min(value for _, value in points), max(value for _, value in points)
    reach = high - low or abs(high) or 1.0
    written = [
        f"{(at - window.start) / window.seconds * _WIDTH:.1f},"
        f"{_HEIGHT - 2 - (value - low) / reach * (_HEIGHT - 4):.1f}"
        for at, value in points
    ]
    first, last = written[0].partition(",")[0], written[-1].partition(",")[0]
    ground = f"{first},{_HEIGHT:g} {' '.join(written)} {last},{_HEIGHT:g}"
    return tag(
        "svg",
        tag("polygon", points=ground, fill=colour, opacity="0.15"),
        tag(
            "polyline",
            points=" ".join(written),
            fill="none",
            stroke=colour,
            vector_effect="non-scaling-stroke",
        ),
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
