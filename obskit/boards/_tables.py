"""Panel functions for tables, log lines, traces and the text at the top of a board."""

from obskit.boards._links import next_board
from obskit.boards._model import About, Onward, Panel
from obskit.boards._panels import measured
from obskit.boards._sdk import common, common_models, logs, models, table, text, text_models
from obskit.boards._targets import REFS, Column, columns, logql, traceql
from obskit.boards._thresholds import steps
from obskit.boards._variables import LOKI, TEMPO

__all__ = ["header", "log_lines", "rows", "traces"]

_NOWHERE = Onward()
_OVERVIEW = Onward(boards=(next_board("overview", "Fleet overview"),))
"""A line or a trace leads to itself; the menu of the panel leads back to the whole."""


def rows(
    about: About,
    keys: dict[str, str],
    of: tuple[Column, ...],
    onward: Onward = _NOWHERE,
    *,
    width: int = 24,
) -> Panel:
    """One row a label set over the shown range, the busiest first; *keys* gives labels their headings."""
    builder = (
        measured(table.Panel(), about, "none")
        .targets(columns(of))
        .thresholds(steps((), base="text"))
        .transformations([models.DataTransformerConfig("merge", options={}), _headings(keys, of)])
        .sort_by([common.TableSortByFieldState().display_name(of[0].title).desc(True)])
        .cell_height(common_models.TableCellHeight.SM)
        .filterable(True)
    )
    for column in of:
        builder.override_by_name(column.title, _cell(column))
    return Panel(about=about, builder=builder, width=width, height=8, onward=onward)


def _headings(keys: dict[str, str], of: tuple[Column, ...]) -> models.DataTransformerConfig:
    values = {f"Value #{ref}": column.title for ref, column in zip(REFS, of, strict=False)}
    names = {**keys, **values}
    order = {name: place for place, name in enumerate(names)}
    options = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    return models.DataTransformerConfig("organize", options=options)


def _cell(column: Column) -> list[models.DynamicConfigValue]:
    unit = models.DynamicConfigValue("unit", column.unit)
    if not column.thresholds:
        return [unit]
    colours = models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})
    return [
        unit,
        models.DynamicConfigValue("thresholds", steps(column.thresholds, base="text").build()),
        colours,
    ]


def log_lines(about: About, expr: str, *, width: int = 24, limit: int = 100) -> Panel:
    """Log lines, newest first; a line that has a trace id leads to its trace."""
    builder = (
        logs.Panel()
        .title(about.title)
        .description(str(about))
        .datasource(LOKI)
        .targets(logql(expr, limit=limit))
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(common_models.LogsSortOrder.DESCENDING)
        .dedup_strategy(common_models.LogsDedupStrategy.NONE)
    )
    return Panel(about=about, builder=builder, width=width, height=9, onward=_OVERVIEW)


def log_events(
    about: About, *events: str, of: str = 'service_name=~"$service"', width: int = 24, limit: int = 100
) -> Panel:
    """Log lines of some events, in streams that *of* matches; a name that ends in ``.`` or ``_`` is a beginning.

    A store looks for the texts in the line first, without reading its JSON.
    """
    texts = " or ".join(f'"{event}"' for event in events)
    names = "|".join(event.replace(".", "[.]") + (".+" if event[-1] in "._" else "") for event in events)
    return log_lines(about, f'{{{of}}} |= {texts} | json | event=~"{names}"', width=width, limit=limit)


def traces(about: About, query: str, *, width: int = 24, limit: int = 20) -> Panel:
    """A list of traces that match a TraceQL query; each opens."""
    builder = (
        table.Panel()
        .title(about.title)
        .description(str(about))
        .datasource(TEMPO)
        .targets(traceql(query, limit=limit))
        .thresholds(steps((), base="text"))
        .no_value(about.none)
        .cell_height(common_models.TableCellHeight.SM)
    )
    return Panel(about=about, builder=builder, width=width, height=9, onward=_OVERVIEW)


def header(content: str) -> Panel:
    """The text that every board begins with."""
    about = About(title="", what=content, normal="", act="")
    builder = text.Panel().mode(text_models.TextMode.MARKDOWN).content(content).transparent(True)
    return Panel(about=about, builder=builder, width=24, height=3)
