"""The legend of a chart: every line by name, and as many numbers as there is room for."""

import html
import json
import math
from collections.abc import Sequence
from typing import Any

from obskit.console._fields import Field
from obskit.console._model import Panel
from obskit.console._series import Series
from obskit.console._theme import Theme

__all__ = ["legend_of"]

_COLUMNS = 24
_LETTERS = 150
"""Letters that the legend of a panel as wide as the page has room for, on the narrowest page."""
_MARK = 5
"""Letters that the coloured mark before a name takes."""


def legend_of(
    panel: Panel, series: Sequence[Series], fields: Sequence[Field], theme: Theme
) -> dict[str, Any]:
    """Return the legend of a panel; what it leaves out for want of room, it tells when one points at it."""
    full = {one.name: _summary(one, field) for one, field in zip(series, fields, strict=True)}
    last = {one.name: _last(one, field) for one, field in zip(series, fields, strict=True)}
    room = _LETTERS * int(panel.json.get("gridPos", {}).get("w", _COLUMNS)) / _COLUMNS
    said = full if sum(len(text) + _MARK for text in full.values()) <= room else last
    told = {name: html.escape(text) for name, text in full.items()}
    return {
        "type": "scroll",
        "bottom": 0,
        "left": 4,
        "itemWidth": 10,
        "itemHeight": 10,
        "icon": "roundRect",
        "textStyle": {"color": theme.text, "fontSize": 11},
        "pageIconColor": theme.faint,
        "pageTextStyle": {"color": theme.faint},
        "data": [one.name for one in series],
        ":formatter": f"name => ({json.dumps(said)})[name] || name",
        "tooltip": {"show": True, ":formatter": f"at => ({json.dumps(told)})[at.name] || ''"},
    }


def _summary(series: Series, field: Field) -> str:
    values = _known(series)
    if not values:
        return series.name
    mean, most, last = (field.text(value) for value in (sum(values) / len(values), max(values), values[-1]))
    return f"{series.name}   mean {mean}  max {most}  last {last}"


def _last(series: Series, field: Field) -> str:
    values = _known(series)
    return f"{series.name}  {field.text(values[-1])}" if values else series.name


def _known(series: Series) -> list[float]:
    return [value for value in series.values if not math.isnan(value)]
