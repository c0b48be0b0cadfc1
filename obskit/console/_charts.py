"""ECharts options of the panels that are charts."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from obskit.console._fields import PALETTE, Field, field_of
from obskit.console._legend import legend_of
from obskit.console._model import Panel
from obskit.console._series import Exemplar, Series
from obskit.console._theme import Theme
from obskit.console._units import Unit, unit
from obskit.console._window import Window

__all__ = ["Marks", "bars", "columns", "heat_map", "time_series"]

JSON = dict[str, Any]
_DOTS_BELOW = 3
_EXEMPLARS = 60
_EXEMPLARS_IN_CELLS = 20
_NOTHING = 1e-9
_MOST = 200
"""Lines of one chart; more is a wall of colour, and slow."""

_EXEMPLAR_DOTS: JSON = {
    "type": "scatter",
    "name": "exemplars",
    "symbol": "diamond",
    "symbolSize": 9,
    "cursor": "pointer",
    "itemStyle": {"color": "#c026d3", "borderColor": "#ffffff", "borderWidth": 1},
    "z": 5,
}
"""How exemplars look in every chart; a click on one is known by the name."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What is drawn over a chart's lines."""

    exemplars: Sequence[Exemplar] = ()
    annotations: Sequence[tuple[float, str, str]] = ()
    """Unix seconds, text and colour of each mark on the time axis."""


def time_series(panel: Panel, series: Sequence[Series], window: Window, theme: Theme, marks: Marks) -> JSON:
    """Return the chart of a time series panel."""
    shown = series[:_MOST]
    fields = [field_of(panel, one.name, one.ref) for one in shown]
    unit_js = unit(panel.defaults.get("unit")).javascript()
    lines = [
        _line(panel, one, field, PALETTE[index % len(PALETTE)])
        for index, (one, field) in enumerate(zip(shown, fields, strict=True))
    ]
    if lines:
        lines[0]["markLine"] = _mark_lines(panel, fields[0], marks)
    if marks.exemplars:
        lines.append(_exemplars(_thinned(marks.exemplars, window)))
    legend = panel.options.get("legend", {})
    shows_legend = legend.get("showLegend", True) and len(shown) > 0
    return {
        "animation": False,
        "textStyle": {"color": theme.text, "fontFamily": "inherit"},
        "grid": {
            "left": 8,
            "right": 20,
            "top": 10,
            "bottom": 34 if shows_legend else 6,
            "containLabel": True,
        },
        "tooltip": _tooltip(theme, unit_js),
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "legend": legend_of(panel, shown, fields, theme) if shows_legend else {"show": False},
        "xAxis": _time_axis(window, theme),
        "yAxis": _value_axis(panel, theme, unit_js),
        "series": lines,
        "brush": {"toolbox": [], "xAxisIndex": 0, "brushStyle": {"color": "rgba(59,130,214,0.15)"}},
        "toolbox": {"show": False},
    }


def _points(series: Series) -> list[list[float | None]]:
    pairs = zip(series.times, series.values, strict=True)
    return [[at * 1000, None if math.isnan(value) or math.isinf(value) else value] for at, value in pairs]


def _line(panel: Panel, series: Series, field: Field, palette: str) -> JSON:
    custom = panel.custom
    settings = field.settings
    chosen = field.fixed or palette
    style: JSON = {
        "width": settings.get("custom.lineWidth", custom.get("lineWidth", 1)) * 1.5,
        "color": chosen,
    }
    dashes = settings.get("custom.lineStyle") or custom.get("lineStyle") or {}
    if dashes.get("fill") == "dash":
        style["type"] = [6, 5]
    opacity = settings.get("custom.fillOpacity", custom.get("fillOpacity", 0)) / 100
    line: JSON = {
        "type": "bar" if custom.get("drawStyle") == "bars" else "line",
        "name": series.name,
        "data": _points(series),
        "showSymbol": len(series.times) < _DOTS_BELOW,
        "symbolSize": 4,
        "connectNulls": bool(custom.get("spanNulls")),
        "lineStyle": style,
        "itemStyle": {"color": chosen},
        "emphasis": {"disabled": True},
        "sampling": "lttb",
        "triggerLineEvent": True,
    }
    if opacity:
        line["areaStyle"] = {"color": chosen, "opacity": opacity}
    if custom.get("stacking", {}).get("mode") == "normal":
        line["stack"] = custom["stacking"].get("group", "A")
        del line["sampling"]
    return line


def _mark_lines(panel: Panel, field: Field, marks: Marks) -> JSON:
    lines: list[JSON] = []
    if panel.custom.get("thresholdsStyle", {}).get("mode", "off") != "off":
        lines += [
            {
                "yAxis": step["value"],
                "lineStyle": {"color": field.colour(step["value"]), "type": "dashed", "width": 1},
                "label": {"show": False},
            }
            for step in field.steps
            if step.get("value") is not None
        ]
    lines += [
        {
            "xAxis": at * 1000,
            "name": text,
            "lineStyle": {"color": colour, "type": "dotted", "width": 1},
            "label": {"show": False},
        }
        for at, text, colour in marks.annotations
    ]
    return {"silent": True, "symbol": "none", "animation": False, "data": lines}


def _exemplars(found: Sequence[Exemplar]) -> JSON:
    return {
        **_EXEMPLAR_DOTS,
        "data": [{"value": [each.at * 1000, each.value], "name": each.trace_id} for each in found],
        "tooltip": {"trigger": "item"},
    }


def _tooltip(theme: Theme, unit_js: str) -> JSON:
    return {
        "trigger": "axis",
        "confine": True,
        "backgroundColor": theme.panel,
        "borderColor": theme.line,
        "textStyle": {"color": theme.text, "fontSize": 12},
        "order": "valueDesc",
        "axisPointer": {"type": "line", "animation": False},
        ":valueFormatter": f"v => ({unit_js})(Array.isArray(v) ? v[1] : v)",
    }


def _time_axis(window: Window, theme: Theme) -> JSON:
    return {
        "type": "time",
        "min": window.start * 1000,
        "max": window.end * 1000,
        "axisLine": {"lineStyle": {"color": theme.line}},
        "axisLabel": {"color": theme.faint, "fontSize": 11, "hideOverlap": True},
        "splitLine": {"show": False},
    }


def _value_axis(panel: Panel, theme: Theme, unit_js: str) -> JSON:
    axis: JSON = {
        "type": "value",
        "axisLabel": {"color": theme.faint, "fontSize": 11, ":formatter": unit_js},
        "splitLine": {"lineStyle": {"color": theme.line}},
        "min": panel.defaults.get("min"),
        "max": panel.defaults.get("max"),
    }
    if panel.custom.get("scaleDistribution", {}).get("type") == "log":
        axis |= {"type": "log", "logBase": panel.custom["scaleDistribution"].get("log", 10)}
    return {name: value for name, value in axis.items() if value is not None}


def bars(panel: Panel, series: Sequence[Series], theme: Theme) -> JSON:
    """Return the chart of a bar gauge: one horizontal bar for each series."""
    rows = []
    for one in series[:_MOST]:
        field = field_of(panel, one.name, one.ref)
        rows.append((one.name, one.last, field.text(one.last), field.fixed or field.colour(one.last)))
    rows.reverse()  # ECharts begins at the bottom
    return {
        "animation": False,
        "textStyle": {"color": theme.text, "fontFamily": "inherit"},
        "grid": {"left": 8, "right": 70, "top": 4, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "value", "show": False, "min": 0, "max": panel.defaults.get("max")},
        "yAxis": {
            "type": "category",
            "data": [name for name, _, _, _ in rows],
            "axisLabel": {"color": theme.text, "fontSize": 12},
            "axisLine": {"show": False},
            "axisTick": {"show": False},
        },
        "series": [
            {
                "type": "bar",
                "barMaxWidth": 22,
                "showBackground": True,
                "backgroundStyle": {"color": theme.line, "opacity": 0.5},
                "data": [
                    {
                        "value": None if value is None or math.isnan(value) else value,
                        "itemStyle": {"color": colour or PALETTE[0]},
                        "label": {"show": True, "position": "right", "formatter": text, "color": theme.text},
                    }
                    for _, value, text, colour in rows
                ],
            }
        ],
    }


def heat_map(
    panel: Panel, series: Sequence[Series], theme: Theme, exemplars: Sequence[Exemplar] = ()
) -> JSON:
    """Return the chart of a heat map of Prometheus buckets: a row for each ``le``, a cell for each step."""
    rows = sorted((one for one in series if "le" in one.labels), key=lambda one: float(one.labels["le"]))
    times = sorted({at for one in rows for at in one.times})
    cells = _cells(rows, times)
    scale = unit(panel.options.get("yAxis", {}).get("unit") or panel.defaults.get("unit"))
    return {
        "animation": False,
        "textStyle": {"color": theme.text, "fontFamily": "inherit"},
        "grid": {"left": 8, "right": 20, "top": 8, "bottom": 6, "containLabel": True},
        "tooltip": {
            "confine": True,
            "backgroundColor": theme.panel,
            "borderColor": theme.line,
            "textStyle": {"color": theme.text, "fontSize": 12},
            ":formatter": "p => `${new Date(+p.name).toTimeString().slice(0, 8)}, "
            "up to ${p.data.le}: ${p.value[2]}`",
        },
        "xAxis": {
            "type": "category",
            "data": [at * 1000 for at in times],
            "axisLabel": {
                "color": theme.faint,
                "fontSize": 11,
                "hideOverlap": True,
                ":formatter": "v => new Date(+v).toTimeString().slice(0, 5)",
            },
            "axisTick": {"show": False},
        },
        "yAxis": {
            "type": "category",
            "data": [scale.text(float(one.labels["le"])) for one in rows],
            "axisLabel": {"color": theme.faint, "fontSize": 11},
            "axisTick": {"show": False},
        },
        "visualMap": {
            "show": False,
            "seriesIndex": 0,
            "min": 0,
            "max": max((cell[2] for cell in cells), default=1),
            "inRange": {"color": [theme.panel, "#f3b98a", "#e8853a", "#b8501a", "#7a2d0a"]},
        },
        "series": [
            {
                "type": "heatmap",
                "progressive": 0,
                "data": [
                    {"value": cell, "le": scale.text(float(rows[int(cell[1])].labels["le"]))}
                    for cell in cells
                ],
            },
            _exemplars_in_cells(exemplars, rows, times, scale),
        ],
    }


def _exemplars_in_cells(
    found: Sequence[Exemplar], rows: Sequence[Series], times: Sequence[float], scale: Unit
) -> JSON:
    """Return *found* as dots, each in the cell that counts it; of many beside each other, one."""
    bounds = [float(one.labels["le"]) for one in rows]
    dots: dict[tuple[int, int], JSON] = {}
    for each in found:
        # A step counts what came before it; what came after the last one waits for the next.
        column, row = bisect_left(times, each.at), bisect_left(bounds, each.value)
        if column < len(times) and row < len(bounds):
            text = f"one of {scale.text(each.value)}: click for its trace"
            dots[column * _EXEMPLARS_IN_CELLS // len(times), row] = {
                "value": [column, row],
                "name": each.trace_id,
                "tooltip": {"formatter": text},
            }
    return {**_EXEMPLAR_DOTS, "symbolSize": 6, "data": list(dots.values())}  # the cells are what is looked at


def _cells(rows: Sequence[Series], times: Sequence[float]) -> list[list[float]]:
    """Return place in time, row and value; a bucket of Prometheus counts those below it too, a cell does not."""
    places = {at: index for index, at in enumerate(times)}
    below: dict[float, float] = {}
    cells: list[list[float]] = []
    for row, one in enumerate(rows):
        for at, value in zip(one.times, one.values, strict=True):
            if math.isnan(value):
                continue
            own = value - below.get(at, 0.0)
            below[at] = max(value, below.get(at, 0.0))
            if own > _NOTHING:
                cells.append([places[at], row, round(own, 6)])
    return cells


def _thinned(found: Sequence[Exemplar], window: Window) -> list[Exemplar]:
    """Return the slowest exemplar of each of some moments: those are the ones to look at."""
    slowest: dict[int, Exemplar] = {}
    for each in found:
        place = int((each.at - window.start) / window.seconds * _EXEMPLARS)
        if place not in slowest or each.value > slowest[place].value:
            slowest[place] = each
    return list(slowest.values())


def columns(series: Mapping[str, Series], window: Window, theme: Theme, colours: Mapping[str, str]) -> JSON:
    """Return stacked columns over time, such as log lines by level."""
    return {
        "animation": False,
        "textStyle": {"color": theme.text, "fontFamily": "inherit"},
        "grid": {"left": 8, "right": 20, "top": 6, "bottom": 24, "containLabel": True},
        "tooltip": {**_tooltip(theme, unit("none").javascript()), "axisPointer": {"type": "shadow"}},
        "legend": {"bottom": 0, "textStyle": {"color": theme.text, "fontSize": 11}, "itemHeight": 8},
        "xAxis": _time_axis(window, theme),
        "yAxis": {
            "type": "value",
            "minInterval": 1,
            "axisLabel": {"color": theme.faint, "fontSize": 11},
            "splitLine": {"lineStyle": {"color": theme.line}},
        },
        "series": [
            {
                "type": "bar",
                "name": name,
                "stack": "all",
                "data": _points(one),
                "itemStyle": {"color": colours.get(name, PALETTE[0])},
                "barMaxWidth": 24,
            }
            for name, one in series.items()
        ],
    }
