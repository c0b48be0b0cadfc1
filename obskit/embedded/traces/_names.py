"""Lists the names of tags and the values of one."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from obskit.embedded.traces._filtered import filtered_names, filtered_values
from obskit.embedded.traces._params import TagParams
from obskit.embedded.traces._reads import Snapshot, Window
from obskit.embedded.traces._schema import INTRINSIC, SCOPES
from obskit.embedded.traces.traceql import Attribute, Intrinsic, Scope, Static, Type

__all__ = ["INTRINSICS", "tag_names", "tag_values", "v1_attribute"]

T = TypeVar("T")

INTRINSICS = (
    "duration",
    "event:name",
    "event:timeSinceStart",
    "instrumentation:name",
    "instrumentation:version",
    "kind",
    "link:spanID",
    "link:traceID",
    "name",
    "rootName",
    "rootServiceName",
    "span:duration",
    "span:id",
    "span:kind",
    "span:name",
    "span:parentID",
    "span:status",
    "span:statusMessage",
    "status",
    "statusMessage",
    "trace:duration",
    "trace:id",
    "trace:rootName",
    "trace:rootService",
    "traceDuration",
)
"""What Tempo lists under the scope ``intrinsic``."""

_KEYWORDS = {
    Intrinsic.STATUS: ("ok", "error", "unset"),
    Intrinsic.KIND: ("client", "server", "producer", "consumer", "internal", "unspecified"),
}
_INDEXED = {Intrinsic.NAME, Intrinsic.STATUS_MESSAGE, Intrinsic.EVENT_NAME}
_ROOTS = {Intrinsic.TRACE_ROOT_NAME: "root_name", Intrinsic.TRACE_ROOT_SERVICE: "root_service"}
_OVERLAPS = "t.start_ns <= ? AND t.end_ns >= ?"
_VALUES = "SELECT a.type, a.value FROM attrs a WHERE a.scope = ? AND a.key = ?"
_WITHIN = f" AND EXISTS (SELECT 1 FROM postings p JOIN traces t ON t.id = p.trace WHERE p.attr = a.id AND {_OVERLAPS})"  # noqa: S608 - our own
_MAX_BYTES = 5 << 20
_V1 = {
    "name": Attribute.of(Intrinsic.NAME),
    "status.code": Attribute.of(Intrinsic.STATUS),
    "status": Attribute.of(Intrinsic.STATUS),
    "rootName": Attribute.of(Intrinsic.TRACE_ROOT_NAME),
    "rootServiceName": Attribute.of(Intrinsic.TRACE_ROOT_SERVICE),
    "root.name": Attribute.of(Intrinsic.TRACE_ROOT_NAME),
    "root.service.name": Attribute.of(Intrinsic.TRACE_ROOT_SERVICE),
    "service.name": Attribute(Scope.RESOURCE, "service.name"),
}
_TYPES = {
    Type.STRING: "string",
    Type.INT: "int",
    Type.FLOAT: "float",
    Type.BOOLEAN: "bool",
    Type.DURATION: "duration",
    Type.STATUS: "keyword",
    Type.KIND: "keyword",
}


def tag_names(snapshot: Snapshot, params: TagParams) -> dict[str, list[str]]:
    """Return the names of tags by scope; a scope without any is left out."""
    scopes = [scope for scope in SCOPES if params.scope in {"", scope}]
    found = filtered_names(snapshot, params, scopes) if params.query else None
    if found is None:
        found = {scope: set(_names(snapshot, SCOPES[scope], params.window)) for scope in scopes}
    named = {scope: _limited(sorted(names), params.limit) for scope, names in found.items() if names}
    if params.scope in {"", "intrinsic"}:
        named["intrinsic"] = list(INTRINSICS)
    return named


def tag_values(snapshot: Snapshot, attribute: Attribute, params: TagParams) -> list[tuple[str, str]]:
    """Return the values of *attribute*, each as its type and its text."""
    keywords = _KEYWORDS.get(attribute.intrinsic) if attribute.intrinsic is not None else None
    if keywords is not None:
        return [("keyword", keyword) for keyword in keywords]
    filtered = filtered_values(snapshot, attribute, params) if params.query else None
    found = _values(snapshot, attribute, params.window) if filtered is None else filtered
    return _limited(list(_printed(found)), params.limit)


def v1_attribute(name: str) -> Attribute:
    """Return what the first version of the API means by the tag *name*."""
    return _V1.get(name) or Attribute(Scope.NONE, name)


def _printed(found: Iterable[Static]) -> Iterator[tuple[str, str]]:
    """Yield the values until they are as large as Tempo lets them become."""
    size = 0
    for static in dict.fromkeys(found):
        text = static.text()
        size += len(text)
        if size > _MAX_BYTES:
            return
        yield _TYPES[static.type], text


def _limited(found: list[T], limit: int) -> list[T]:
    return found[:limit] if limit else found


def _names(snapshot: Snapshot, scope: int, window: Window | None) -> Iterator[str]:
    for (key,) in snapshot.rows("SELECT DISTINCT key FROM attrs WHERE scope = ?", (scope,)).fetchall():
        snapshot.check()
        if window is None or _occurs(snapshot, scope, key, window):
            yield key


def _occurs(snapshot: Snapshot, scope: int, key: str, window: Window) -> bool:
    row = snapshot.rows(
        "SELECT 1 FROM attrs a JOIN postings p ON p.attr = a.id JOIN traces t ON t.id = p.trace "  # noqa: S608 - our own
        f"WHERE a.scope = ? AND a.key = ? AND {_OVERLAPS} LIMIT 1",
        (scope, key, window[1], window[0]),
    ).fetchone()
    return row is not None


def _values(snapshot: Snapshot, attribute: Attribute, window: Window | None) -> Iterator[Static]:
    intrinsic = attribute.intrinsic
    if intrinsic is None:
        none = attribute.scope is Scope.NONE
        scopes = (SCOPES["resource"], SCOPES["span"]) if none else (SCOPES[attribute.scope.value],)
        yield from _posted(snapshot, scopes, attribute.name, window)
    elif intrinsic in _INDEXED:
        yield from _posted(snapshot, (INTRINSIC,), intrinsic.value, window)
    elif intrinsic in _ROOTS:
        where, values = (f"WHERE {_OVERLAPS}", (window[1], window[0])) if window else ("", ())
        for (value,) in snapshot.rows(
            f"SELECT DISTINCT {_ROOTS[intrinsic]} FROM traces t {where}",  # noqa: S608 - our own names
            values,
        ):
            yield Static(Type.STRING, value)
    elif intrinsic is Intrinsic.INSTRUMENTATION_NAME:
        sql = "SELECT DISTINCT name FROM owners WHERE id IN (SELECT scope FROM spans)"
        for (value,) in snapshot.rows(sql):
            yield Static(Type.STRING, value)


def _posted(snapshot: Snapshot, scopes: tuple[int, ...], key: str, window: Window | None) -> Iterator[Static]:
    sql = _VALUES if window is None else _VALUES + _WITHIN
    ends = () if window is None else (window[1], window[0])
    for scope in scopes:
        for kind, value in snapshot.rows(sql, (scope, key, *ends)):
            yield Static(Type(kind), bool(value) if kind == Type.BOOLEAN else value)
