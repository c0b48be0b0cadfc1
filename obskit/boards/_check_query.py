"""House rules about queries: they parse, name what exists, and say what they mean."""

import re
from collections.abc import Iterator

from obskit.boards._model import JSON, Breach
from obskit.boards._names import is_counter, labels_of
from obskit.boards._promql import (
    RANGE,
    RATE_INTERVAL,
    divisions,
    filled,
    grouped,
    has_operator,
    made,
    parsed,
    selectors,
    windows,
)
from obskit.boards._read import Target, data_links, data_panels, explored, prometheus_targets
from obskit.catalog import EVENTS, SPAN_ATTRIBUTES

__all__ = ["RULES"]

_GROWTH = {"rate", "increase", "irate", "resets", "changes"}
_STREAM_LABELS = {"service_name", "environment", "level"}
_LEGEND_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_STREAM = re.compile(r"^\s*\{(?P<matchers>[^}]*)\}")
_MATCHED = re.compile(r'(\w+)\s*(?:=~|!=|!~|=)\s*"')
_EVENT = re.compile(r'\bevent="([^"]*)"')
_SPAN_ATTRIBUTE = re.compile(r"\bspan\.([\w.]+)")
_ERRORS = {("outcome", "MatchOp.Equal", "server_error"), ("error_type", "MatchOp.NotEqual", "")}


def parses(board: JSON) -> Iterator[Breach]:
    """Each query of Prometheus is PromQL; the rules below read only those that are."""
    for target in prometheus_targets(board):
        problem = _problem(target.expr)
        if problem:
            yield Breach(
                f"{target.expr!r} is not PromQL: {problem}.", "Use the query functions.", target.panel
            )
    for query in board.get("annotations", {}).get("list", []):
        problem = _problem(query.get("expr", ""))
        if problem:
            yield Breach(f"The annotation {query['name']!r} is not PromQL: {problem}.", "Correct its query.")


def _problem(expr: str) -> str:
    try:
        parsed(expr)
    except ValueError as error:
        return str(error).splitlines()[0]
    return ""


def _readable(board: JSON) -> Iterator[Target]:
    return (target for target in prometheus_targets(board) if not _problem(target.expr))


def names(board: JSON) -> Iterator[Breach]:
    """Each metric and label is one that something exposes."""
    for target in _readable(board):
        known: set[str] = set()
        for selector in selectors(target.expr):
            labels = labels_of(selector.metric)
            if labels is None:
                what = f"Nothing exposes {selector.metric!r}."
                yield Breach(what, "Name a metric of obskit/catalog/, or add it there.", target.panel)
                continue
            known |= labels
            for label in sorted({matcher[0] for matcher in selector.matchers} - labels):
                what = f"{selector.metric} has no label {label!r}."
                yield Breach(what, f"Use one of {', '.join(sorted(labels))}.", target.panel)
        known |= made(target.expr)
        for label in sorted((grouped(target.expr) | set(_LEGEND_LABEL.findall(target.legend))) - known):
            what = f"No series of the query has the label {label!r}."
            yield Breach(what, "Group and name lines by labels that exist.", target.panel)


def legends(board: JSON) -> Iterator[Breach]:
    """A legend names labels that the query keeps."""
    for target in _readable(board):
        kept = grouped(target.expr) | made(target.expr)
        for label in sorted(set(_LEGEND_LABEL.findall(target.legend)) - kept):
            what = f"The legend names {label!r}, which the query drops."
            yield Breach(
                what,
                f"Add it to by=(...), or keep to {', '.join(sorted(kept)) or 'plain text'}.",
                target.panel,
            )


def growth(board: JSON) -> Iterator[Breach]:
    """Rule 7: counters are read by their growth, in the window that fits the panel."""
    for target in _readable(board):
        calls = windows(target.expr)
        grown = {call.metric for call in calls if call.function in _GROWTH}
        for selector in selectors(target.expr):
            if is_counter(selector.metric) and selector.metric not in grown:
                what = f"{selector.metric} only grows, and is read without rate() or increase()."
                yield Breach(what, "Use per_second() or increase().", target.panel)
        for call in calls:
            allowed = {RATE_INTERVAL, RANGE} if target.instant else {RATE_INTERVAL}
            if call.window not in allowed:
                variable = "$__range or $__rate_interval" if target.instant else "$__rate_interval"
                what = (
                    f"{call.function}() has a window of {call.window} that does not follow the shown range."
                )
                yield Breach(what, f"Use {variable}.", target.panel)


def exemplars(board: JSON) -> Iterator[Breach]:
    """Rule 6: quantiles and heatmaps over time show exemplars, the dots that open a trace."""
    for target in prometheus_targets(board):
        over_time = target.panel_type in {"timeseries", "heatmap"} and not target.instant
        if over_time and "_bucket" in target.expr and _shows_time(target) and not target.exemplar:
            yield Breach("It shows no exemplars.", "Draw it with latency() or heat_map().", target.panel)


def _shows_time(target: Target) -> bool:
    return target.panel_type == "heatmap" or "histogram_quantile" in target.expr


def ratios(board: JSON) -> Iterator[Breach]:
    """Rule 8: no failures is 0, no traffic is no data, and nothing is divided by 0."""
    for target in _readable(board):
        for above, below in divisions(target.expr):
            if not has_operator(below, ">"):
                what = "It divides by something that may be 0, which shows as NaN."
                yield Breach(what, "Use error_ratio(), mean() or ratio().", target.panel)
            if _errors(str(above)) and not has_operator(above, "or"):
                what = "Without failures the ratio has no value, instead of 0."
                yield Breach(what, "Use error_ratio().", target.panel)


def _errors(expr: str) -> bool:
    return any(set(selector.matchers) & _ERRORS for selector in selectors(expr))


def sources(board: JSON) -> Iterator[Breach]:
    """Every query names its data source by a variable, so that the board works in any Grafana."""
    for panel in data_panels(board):
        for part in (panel, *panel.get("targets", [])):
            uid = part.get("datasource", {}).get("uid", "")
            if not uid.startswith("${"):
                what = f"Its data source is {uid!r}."
                yield Breach(what, "Name the data source by its variable.", panel.get("title", ""))
        if not panel.get("targets"):
            yield Breach("It asks nothing.", "Give it a query.", panel.get("title", ""))


def log_streams(board: JSON) -> Iterator[Breach]:
    """Log queries choose streams by labels that the log store has, and name events that we write."""
    for panel in data_panels(board):
        queries = [
            one["expr"] for one in panel.get("targets", []) if one.get("datasource", {}).get("type") == "loki"
        ]
        queries += [query["expr"] for query in _explored(panel, "loki")]
        for query in queries:
            stream = _STREAM.match(filled(query))
            labels = set(_MATCHED.findall(stream["matchers"])) if stream else set()
            if "service_name" not in labels or not labels <= _STREAM_LABELS:
                what = f"{query!r} does not choose its streams by {', '.join(sorted(_STREAM_LABELS))}."
                fix = "Choose by those labels, service_name among them; filter the rest after |."
                yield Breach(what, fix, panel["title"])
            for event in sorted(set(_EVENT.findall(query)) - EVENTS.keys()):
                what = f"obskit writes no line with the event {event!r}."
                yield Breach(what, "Name one of EVENTS in obskit/catalog/.", panel["title"])


def trace_searches(board: JSON) -> Iterator[Breach]:
    """Trace searches close their brackets, and name attributes that our spans have."""
    for panel in data_panels(board):
        queries = [
            one["query"]
            for one in panel.get("targets", [])
            if one.get("datasource", {}).get("type") == "tempo"
        ]
        queries += [query["query"] for query in _explored(panel, "tempo")]
        for query in queries:
            text = filled(query)
            if text.count("{") != text.count("}") or text.count('"') % 2 or "{" not in text:
                yield Breach(f"{query!r} is not TraceQL.", "Close its brackets and quotes.", panel["title"])
            for attribute in sorted(set(_SPAN_ATTRIBUTE.findall(text)) - SPAN_ATTRIBUTES.keys()):
                what = f"No span has the attribute {attribute!r}."
                yield Breach(what, "Name one of SPAN_ATTRIBUTES in obskit/catalog/.", panel["title"])


def _explored(panel: JSON, kind: str) -> Iterator[JSON]:
    for link in data_links(panel):
        try:
            opened = explored(link)
        except (ValueError, KeyError, IndexError):
            continue  # the rule about links reports it
        if opened and opened[0] == kind:
            yield opened[1]


RULES = {
    "promql": parses,
    "names": names,
    "legend labels": legends,
    "windows": growth,
    "exemplars": exemplars,
    "ratios": ratios,
    "sources": sources,
    "logql": log_streams,
    "traceql": trace_searches,
}
