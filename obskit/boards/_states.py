"""The panel function for states over time: one band a thing, coloured by the state that it is in."""

from obskit.boards._model import About, Onward, Panel
from obskit.boards._panels import measured, tooltip
from obskit.boards._sdk import common, common_models, models, statetimeline
from obskit.boards._targets import Line, lines
from obskit.boards._thresholds import steps

__all__ = ["UP_OR_DOWN", "states"]

UP_OR_DOWN = {0: ("down", "red"), 1: ("up", "green")}
"""Names and colours of a value that is 1 while all is well."""


def states(
    about: About,
    of: tuple[Line, ...],
    names: dict[int, tuple[str, str]],
    onward: Onward,
    *,
    width: int = 12,
) -> Panel:
    """One band a series; *names* gives each value its name and colour."""
    results = {
        str(value): models.ValueMappingResult(text=text, color=colour, index=place)
        for place, (value, (text, colour)) in enumerate(names.items())
    }
    builder = (
        measured(statetimeline.Panel(), about, "none")
        .targets(lines(of, exemplars=False))
        .thresholds(steps((), base="text"))
        .mappings([models.ValueMap(options=results)])
        .show_value(common_models.VisibilityMode.NEVER)
        .row_height(0.8)
        .merge_values(True)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
        )
        .tooltip(tooltip())
    )
    return Panel(about=about, builder=builder, width=width, height=8, onward=onward, at_point=True)
