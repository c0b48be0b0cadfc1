"""A state timeline: for each series a row, and in it a block for as long as the value stayed."""

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from obskit.console._fields import PALETTE, Field, field_of
from obskit.console._html import Html, join, tag
from obskit.console._model import Panel
from obskit.console._series import Series
from obskit.console._window import Window

__all__ = ["Stay", "stays", "timeline"]

_MOST = 60
_NARROW = 4.0
"""Percent of the width below which a block has no room for its text."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One value, from and until when in Unix seconds."""

    start: float
    end: float
    value: float


def stays(series: Series, step: float) -> Iterator[Stay]:
    """Yield how long *series*, with *step* seconds between points, stayed at each value."""
    begun: Stay | None = None
    for at, value in zip(series.times, series.values, strict=True):
        if begun is not None and (value != begun.value or at - begun.end > step):
            yield begun
            begun = None
        if not math.isnan(value):
            begun = Stay(begun.start if begun else at, at + step, value)
    if begun is not None:
        yield begun


def timeline(panel: Panel, series: Sequence[Series], window: Window, step: float) -> Html:
    """Return the panel; hovering over a block tells from when to when it stayed."""
    rows = [_row(panel, one, window, step) for one in series[:_MOST]]
    ends = tag("div", tag("span", _clock(window.start)), tag("span", _clock(window.end)), class_="ends")
    return tag("div", join(rows), ends, class_="states")


def _row(panel: Panel, series: Series, window: Window, step: float) -> Html:
    field = field_of(panel, series.name, series.ref)
    blocks = [_block(stay, field, window) for stay in stays(series, step)]
    return tag(
        "div",
        tag("span", series.name, class_="name", title=series.name),
        tag("span", join(blocks), class_="course"),
        class_="row",
    )


def _block(stay: Stay, field: Field, window: Window) -> Html:
    start, end = max(stay.start, window.start), min(stay.end, window.end)
    left, width = ((part / window.seconds * 100) for part in (start - window.start, max(end - start, 0)))
    text = field.text(stay.value)
    return tag(
        "span",
        text if width > _NARROW else None,
        class_="state",
        title=f"{text}: {_clock(stay.start)} to {_clock(stay.end)}",
        style=f"left:{left:.2f}%;width:{width:.2f}%;background:{field.colour(stay.value) or PALETTE[0]}",
    )


def _clock(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone():%d %b %H:%M:%S}"
