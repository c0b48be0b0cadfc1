"""ECharts options of gauges: a dial for each series, with its thresholds on the rim."""

import math
from collections.abc import Sequence
from typing import Any

from obskit.console._fields import PALETTE, Field, colour_at, field_of
from obskit.console._model import Panel
from obskit.console._series import Series
from obskit.console._theme import Theme

__all__ = ["gauges"]

_MOST = 6
_ALL = 100.0


def gauges(panel: Panel, series: Sequence[Series], theme: Theme) -> dict[str, Any]:
    """Return the chart of a gauge panel."""
    shown = series[:_MOST]
    return {
        "animation": False,
        "textStyle": {"color": theme.text, "fontFamily": "inherit"},
        "series": [_dial(panel, one, place, len(shown), theme) for place, one in enumerate(shown)],
    }


def _dial(panel: Panel, series: Series, place: int, among: int, theme: Theme) -> dict[str, Any]:
    field = field_of(panel, series.name, series.ref)
    low, high = float(field.settings.get("min", 0)), float(field.settings.get("max", _ALL))
    value = series.last
    known = value is not None and not math.isnan(value)
    ink = field.colour(value) or PALETTE[0]
    return {
        "type": "gauge",
        "center": [f"{(place + 0.5) / among * 100:.1f}%", "62%"],
        "radius": f"{90 / max(1.0, among / 2):.0f}%",
        "startAngle": 200,
        "endAngle": -20,
        "min": low,
        "max": high,
        "pointer": {"show": False},
        "progress": {"show": known, "width": 14, "itemStyle": {"color": ink}},
        "axisLine": {"lineStyle": {"width": 14, "color": _rim(field, low, high, theme)}},
        "axisTick": {"show": False},
        "splitLine": {"show": False},
        "axisLabel": {"show": False},
        "title": {"offsetCenter": [0, "34%"], "color": theme.faint, "fontSize": 12},
        "detail": {"offsetCenter": [0, "-4%"], "color": ink, "fontSize": 20, "formatter": field.text(value)},
        "data": [{"value": value if known else low, "name": series.name if among > 1 else ""}],
    }


def _rim(field: Field, low: float, high: float, theme: Theme) -> list[list[Any]]:
    """Return where each colour of the rim ends, from 0 to 1; the rim is pale, the value is not."""
    reach = (high - low) or 1.0
    ends = [
        step["value"] for step in field.steps if step.get("value") is not None and low < step["value"] < high
    ]
    if not ends:
        return [[1, theme.line]]
    rim: list[list[Any]] = []
    for begin, end in zip([low, *ends], [*ends, high], strict=True):
        rim.append([round((end - low) / reach, 4), f"{colour_at(field.steps, begin) or theme.line}44"])
    return rim
