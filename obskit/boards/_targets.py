"""Queries as panels take them."""

from dataclasses import dataclass
from string import ascii_uppercase

from obskit.boards._model import Threshold
from obskit.boards._sdk import (
    Builder,
    Dataquery,
    LokiQuery,
    PrometheusQuery,
    TempoQuery,
    prometheus_models,
    tempo_models,
)
from obskit.boards._variables import LOKI, PROMETHEUS, TEMPO

__all__ = ["REFS", "Column", "Line", "columns", "heat", "lines", "logql", "snapshot", "traceql"]

REFS = ascii_uppercase
"""The names that Grafana gives a panel's queries, in order."""

Target = Builder[Dataquery]
_Format = prometheus_models.PromQueryFormat


@dataclass(frozen=True, slots=True)
class Line:
    """One query of a graph or a number; *legend* may hold ``{{label}}``."""

    expr: str
    legend: str
    dashed: bool = False
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: a query with one value for each row."""

    title: str
    unit: str
    expr: str
    thresholds: tuple[Threshold, ...] = ()


def lines(of: tuple[Line, ...], *, exemplars: bool) -> list[Target]:
    """Return range queries, one a line."""
    return [
        _prometheus(one.expr, ref).range().legend_format(one.legend).exemplar(exemplars)
        for one, ref in zip(of, REFS, strict=False)
    ]


def snapshot(of: tuple[Line, ...]) -> list[Target]:
    """Return instant queries over the shown range, one a bar."""
    return [
        _prometheus(one.expr, ref).instant().legend_format(one.legend)
        for one, ref in zip(of, REFS, strict=False)
    ]


def columns(of: tuple[Column, ...]) -> list[Target]:
    """Return instant queries over the shown range, one a column."""
    return [
        _prometheus(one.expr, ref).instant().format(_Format.TABLE) for one, ref in zip(of, REFS, strict=False)
    ]


def heat(expr: str) -> list[Target]:
    """Return the range query of a heatmap, with exemplars."""
    query = _prometheus(expr, "A").range().format(_Format.HEATMAP)
    return [query.legend_format("{{le}}").exemplar(True)]


def logql(expr: str, *, limit: int) -> list[Target]:
    """Return a query for log lines, newest first."""
    return [LokiQuery().ref_id("A").datasource(LOKI).expr(expr).query_type("range").max_lines(limit)]


def traceql(query: str, *, limit: int) -> list[Target]:
    """Return a search for traces."""
    search = TempoQuery().ref_id("A").datasource(TEMPO).query_type("traceql").query(query)
    return [search.limit(limit).table_type(tempo_models.SearchTableType.TRACES)]


def _prometheus(expr: str, ref: str) -> PrometheusQuery:
    code = prometheus_models.QueryEditorMode.CODE
    return PrometheusQuery().ref_id(ref).datasource(PROMETHEUS).editor_mode(code).expr(expr)
