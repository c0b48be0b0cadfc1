"""Names and values of tags among the spans that a query matches, for who is still writing one.

A query that cannot be read filters nothing, as in Tempo: it is typed while it is asked.
"""

from collections.abc import Iterable, Iterator, Sequence

from obskit.embedded.traces._params import TagParams
from obskit.embedded.traces._reads import Snapshot
from obskit.embedded.traces._schema import SCOPES
from obskit.embedded.traces.traceql import (
    DEDICATED_SPAN,
    WELL_KNOWN_RESOURCE,
    Attribute,
    Condition,
    Fetch,
    Intrinsic,
    Pipeline,
    Query,
    QueryError,
    Scope,
    Span,
    Static,
    Trace,
    Type,
    Visible,
    candidates,
    parse,
    static_of,
)

__all__ = ["filtered_names", "filtered_values"]

_MAX_TRACES = 20_000
_EVERYTHING = "{ true }"
_SINGLE = {Type.STRING, Type.INT, Type.FLOAT, Type.BOOLEAN, Type.DURATION}
_COLUMNS = {"span": DEDICATED_SPAN, "resource": WELL_KNOWN_RESOURCE}
_PARTS = {Scope.EVENT: "events", Scope.LINK: "links"}


def filtered_names(
    snapshot: Snapshot, params: TagParams, scopes: Sequence[str]
) -> dict[str, set[str]] | None:
    """Return the names by scope among the spans that the query matches, or None when it filters nothing."""
    query = _readable(params.query)
    if query is None:
        return None
    found: dict[str, set[str]] = {scope: set() for scope in scopes}
    for span, _ in _matched(snapshot, params, query):
        for scope, names in _names_of(span):
            if scope in found:
                found[scope].update(names)
    for scope, columns in _COLUMNS.items():
        if scope in found:
            found[scope].update(name for name in columns if _is_used(snapshot, SCOPES[scope], name))
    return found


def filtered_values(snapshot: Snapshot, attribute: Attribute, params: TagParams) -> list[Static] | None:
    """Return the values of *attribute* among the spans that the query matches, or None when it filters nothing."""
    query = _readable(params.query)
    if query is None:
        return None
    for condition in Query(query).conditions:
        if condition.attribute == attribute and condition.op == "=" and condition.operand is not None:
            return [condition.operand]
    found: dict[Static, None] = {}
    fetch = Fetch([Condition(attribute, "none" if attribute.intrinsic else "exists")], all_conditions=False)
    for span, trace in _matched(snapshot, params, query):
        found.update(dict.fromkeys(_values_of(span, trace, attribute, fetch)))
    return list(found)


def _readable(text: str) -> Pipeline | None:
    """Return the query, or None when it cannot be read or one of its attributes has no scope."""
    try:
        pipeline = parse(text)
        conditions = Query(pipeline).conditions
    except QueryError:
        return None
    named = [condition.attribute for condition in conditions]
    mingled = any(attribute.intrinsic is None and attribute.scope is Scope.NONE for attribute in named)
    return None if mingled or str(pipeline.stages[0]) == _EVERYTHING else pipeline


def _matched(snapshot: Snapshot, params: TagParams, pipeline: Pipeline) -> Iterator[tuple[Span, Trace]]:
    query = Query(pipeline, snapshot.check)
    for seen, row in enumerate(snapshot.traces(params.window, candidates(pipeline))):
        if seen >= _MAX_TRACES:
            return
        snapshot.check()
        trace = snapshot.trace(row)
        match = query.match(trace)
        if match is not None:
            yield from ((visible.span, trace) for visible in match.spans)


def _names_of(span: Span) -> Iterator[tuple[str, Iterable[str]]]:
    yield "span", span.attributes
    yield "resource", span.resource.attributes
    yield "instrumentation", span.scope.attributes
    for scope, parts in _PARTS.items():
        for _, attributes in span.parts(parts):
            yield scope.value, attributes


def _values_of(span: Span, trace: Trace, attribute: Attribute, fetch: Fetch) -> Iterator[Static]:
    if attribute.intrinsic is Intrinsic.EVENT_NAME:
        yield from (Static(Type.STRING, part.get("name", "")) for part, _ in span.parts("events"))
        return
    if attribute.scope in _PARTS:
        listed = [attributes.get(attribute.name) for _, attributes in span.parts(_PARTS[attribute.scope])]
        found = [static_of(value) for value in listed if value is not None]
    else:
        visible = fetch.second_pass(Visible(span), trace)
        found = [
            *visible.intrinsics.values(),
            *(value for group in visible.attributes.values() for value in group.values()),
        ]
    yield from (static for static in found if static.type in _SINGLE)


def _is_used(snapshot: Snapshot, scope: int, name: str) -> bool:
    """Tell whether a column has any value: Tempo lists those whatever the query matches."""
    return (
        snapshot.rows("SELECT 1 FROM attrs WHERE scope = ? AND key = ? LIMIT 1", (scope, name)).fetchone()
        is not None
    )
