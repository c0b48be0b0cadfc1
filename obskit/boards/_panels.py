"""Panel functions for numbers: each draws one kind of panel the same way on every board."""

from typing import Protocol, Self, TypeVar

from obskit.boards._model import About, Onward, Panel, Scale
from obskit.boards._sdk import (
    Builder,
    Dataquery,
    bargauge,
    common,
    common_models,
    heatmap,
    heatmap_models,
    models,
    stat,
    timeseries,
)
from obskit.boards._targets import REFS, Line, heat, lines, snapshot
from obskit.boards._thresholds import STATUS_COLOURS, steps, style
from obskit.boards._variables import PROMETHEUS

__all__ = [
    "Measures",
    "bars",
    "graph",
    "heat_map",
    "latency",
    "measured",
    "number",
    "over_range",
    "stack",
    "status_stack",
    "tooltip",
]

_NOWHERE = Onward()
_CALCS = ["mean", "max", "lastNotNull"]


class Measures(Protocol):
    """What the SDK's panel builders for numbers have in common; it has no base class for it."""

    def title(self, title: str, /) -> Self:
        """Set the title."""
        ...

    def description(self, description: str, /) -> Self:
        """Set the text behind the title."""
        ...

    def datasource(self, datasource: common_models.DataSourceRef, /) -> Self:
        """Set where all queries go."""
        ...

    def targets(self, targets: list[Builder[Dataquery]], /) -> Self:
        """Set the queries."""
        ...

    def unit(self, unit: str, /) -> Self:
        """Set the unit of all values."""
        ...

    def min(self, min_val: float, /) -> Self:
        """Set where the axis starts."""
        ...

    def no_value(self, no_value: str, /) -> Self:
        """Set what an empty panel says."""
        ...

    def thresholds(self, thresholds: Builder[models.ThresholdsConfig], /) -> Self:
        """Set the colour steps."""
        ...


_Drawn = TypeVar("_Drawn", bound=Measures)


def measured(builder: _Drawn, about: About, unit: str) -> _Drawn:
    """Set what every panel with numbers has; nothing we measure can be negative."""
    named = builder.title(about.title).description(str(about)).datasource(PROMETHEUS)
    return named.unit(unit).min(0).no_value(about.none)


def number(about: About, expr: str, scale: Scale, onward: Onward = _NOWHERE, *, width: int = 4) -> Panel:
    """One number with its recent course behind it."""
    targets = lines((Line(expr, about.title),), exemplars=False)
    return _stat(about, targets, scale, onward, width)


def over_range(about: About, expr: str, scale: Scale, onward: Onward = _NOWHERE, *, width: int = 4) -> Panel:
    """One number about the whole shown range; its query has the window ``RANGE``."""
    return _stat(about, snapshot((Line(expr, about.title),)), scale, onward, width)


def graph(
    about: About, of: tuple[Line, ...], scale: Scale, onward: Onward = _NOWHERE, *, width: int = 8
) -> Panel:
    """Lines over time, thresholds dashed across them."""
    return _over_time(_lines(about, of, scale, exemplars=False), about, onward, width)


def latency(
    about: About, of: tuple[Line, ...], scale: Scale, onward: Onward = _NOWHERE, *, width: int = 8
) -> Panel:
    """Lines of durations over time, with exemplars: dots that open one trace each."""
    return _over_time(_lines(about, of, scale, exemplars=True), about, onward, width)


def stack(
    about: About, of: tuple[Line, ...], scale: Scale, onward: Onward = _NOWHERE, *, width: int = 8
) -> Panel:
    """Areas over time that add up to a whole."""
    return _over_time(_stacked(_lines(about, of, scale, exemplars=False)), about, onward, width)


def status_stack(about: About, expr: str, onward: Onward = _NOWHERE, *, width: int = 8) -> Panel:
    """Requests a second by class of status, in the colours that every board uses."""
    of = (Line(expr, "{{class}}"),)
    builder = _stacked(_lines(about, of, Scale("reqps"), exemplars=False))
    for name, colour in STATUS_COLOURS.items():
        builder.override_by_name(name, [_colour(colour)])
    return _over_time(builder, about, onward, width)


def heat_map(about: About, expr: str, unit: str, onward: Onward = _NOWHERE, *, width: int = 12) -> Panel:
    """How many events took how long, over time, with exemplars."""
    builder = (
        measured(heatmap.Panel(), about, unit)
        .targets(heat(expr))
        .thresholds(steps((), base="green"))
        .calculate(False)
        .color(_heat_colours())
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .tooltip(
            heatmap.HeatmapTooltip().mode(common_models.TooltipDisplayMode.SINGLE).show_color_scale(True)
        )
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .exemplars_color("rgba(255,0,255,0.7)")
    )
    return _over_time(builder, about, onward, width)


def bars(
    about: About, of: tuple[Line, ...], scale: Scale, onward: Onward = _NOWHERE, *, width: int = 8
) -> Panel:
    """One bar a query, over the whole shown range, to compare by eye."""
    builder = (
        measured(bargauge.Panel(), about, scale.unit)
        .targets(snapshot(of))
        .thresholds(steps(scale.thresholds, base=scale.base if scale.thresholds else "blue"))
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return Panel(about=about, builder=builder, width=width, height=8, onward=onward)


def _stat(about: About, targets: list[Builder[Dataquery]], scale: Scale, onward: Onward, width: int) -> Panel:
    modes = common_models.BigValueColorMode
    builder = (
        measured(stat.Panel(), about, scale.unit)
        .targets(targets)
        .thresholds(steps(scale.thresholds, base=scale.base if scale.thresholds else "text"))
        .color_mode(modes.VALUE if scale.thresholds else modes.NONE)
        .graph_mode(common_models.BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return Panel(about=about, builder=builder, width=width, height=4, onward=onward)


def _over_time(builder: Builder[models.Panel], about: About, onward: Onward, width: int) -> Panel:
    return Panel(about=about, builder=builder, width=width, height=8, onward=onward, at_point=True)


def _lines(about: About, of: tuple[Line, ...], scale: Scale, *, exemplars: bool) -> timeseries.Panel:
    builder = (
        measured(timeseries.Panel(), about, scale.unit)
        .targets(lines(of, exemplars=exemplars))
        .thresholds(steps(scale.thresholds, base="transparent" if scale.thresholds else "green"))
        .thresholds_style(style(scale.thresholds))
        .legend(_legend())
        .tooltip(tooltip())
        .line_width(1)
        .fill_opacity(8)
        .span_nulls(False)
    )
    for ref, line in zip(REFS, of, strict=False):
        properties = _looks(line)
        if properties:
            builder.override_by_query(ref, properties)
    return builder


def _looks(line: Line) -> list[models.DynamicConfigValue]:
    dash = models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})
    return [*([dash] if line.dashed else []), *([_colour(line.colour)] if line.colour else [])]


def _colour(name: str) -> models.DynamicConfigValue:
    return models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": name})


def _stacked(builder: timeseries.Panel) -> timeseries.Panel:
    normal = common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A")
    return builder.stacking(normal).fill_opacity(40)


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(common_models.LegendDisplayMode.TABLE)
        .placement(common_models.LegendPlacement.BOTTOM)
        .calcs(_CALCS)
    )


def tooltip() -> common.VizTooltipOptions:
    """Return the tooltip that names all lines at once."""
    multi = common_models.TooltipDisplayMode.MULTI
    return common.VizTooltipOptions().mode(multi).sort(common_models.SortOrder.DESCENDING)


def _heat_colours() -> heatmap.HeatmapColorOptions:
    scheme = heatmap_models.HeatmapColorMode.SCHEME
    return heatmap.HeatmapColorOptions().mode(scheme).scheme("Oranges").steps(64).exponent(0.5)
