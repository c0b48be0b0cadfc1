"""Searches by tags, as Tempo did before TraceQL: mostly in SQL, for nothing of a span is shown."""

from collections.abc import Iterator, Mapping

from obskit.embedded.traces._params import SearchParams
from obskit.embedded.traces._reads import Row, Snapshot
from obskit.embedded.traces._schema import INTRINSIC, SCOPES
from obskit.embedded.traces.traceql import DEDICATED_SPAN, WELL_KNOWN_RESOURCE, Clause, Span, Type

__all__ = ["tagged"]

_STATUSES = {"unset": 0, "ok": 1, "error": 2}
_ROOTS = {"root.name": "t.root_name", "root.service.name": "t.root_service"}
_POSTED = "t.id IN (SELECT p.trace FROM attrs a JOIN postings p ON p.attr = a.id WHERE a.scope IN ({}) AND a.key = ? AND a.type = ? AND {})"
_STRING, _INT = int(Type.STRING), int(Type.INT)


def tagged(snapshot: Snapshot, params: SearchParams) -> Iterator[Row]:
    """Yield the traces that have all tags of *params* and a length within its durations, newest first.

    A tag that Tempo keeps in a column of its own matches by a part of its value; of the
    others all must stand in one batch of the trace.
    """
    others = {name: value for name, value in params.tags.items() if not _has_column(name)}
    clauses = [_clause(name, value) for name, value in params.tags.items()]
    clauses += _lengths(params)
    for row in snapshot.traces(params.window, _all(clauses)):
        snapshot.check()
        if len(others) <= 1 or _in_one_batch(snapshot, row, others):
            yield row


def _has_column(name: str) -> bool:
    return (
        name in DEDICATED_SPAN
        or name in WELL_KNOWN_RESOURCE
        or name in _ROOTS
        or name in {"name", "status.code"}
    )


def _clause(name: str, value: str) -> Clause:
    if name in _ROOTS:
        return Clause(f"instr({_ROOTS[name]}, ?) > 0", (value,))
    if name == "status.code":
        return _posted((INTRINSIC,), "status", _INT, "a.value = ?", _STATUSES.get(value, 0))
    if name == "http.status_code" and value.isascii() and value.isdigit():
        return _posted((SCOPES["span"],), name, _INT, "a.value = CAST(? AS INTEGER)", value)
    if not _has_column(name):
        return _posted((SCOPES["span"], SCOPES["resource"]), name, _STRING, "a.value = ?", value)
    scope = INTRINSIC if name == "name" else SCOPES["resource" if name in WELL_KNOWN_RESOURCE else "span"]
    return _posted((scope,), name, _STRING, "instr(a.value, ?) > 0", value)


def _posted(scopes: tuple[int, ...], key: str, kind: int, test: str, value: object) -> Clause:
    return Clause(_POSTED.format(", ".join("?" * len(scopes)), test), (*scopes, key, kind, value))


def _lengths(params: SearchParams) -> Iterator[Clause]:
    if params.min_duration:
        yield Clause("t.end_ns - t.start_ns >= ?", (params.min_duration,))
    if params.max_duration:
        yield Clause("t.end_ns - t.start_ns <= ?", (params.max_duration,))


def _all(clauses: list[Clause]) -> Clause | None:
    if not clauses:
        return None
    values = tuple(value for clause in clauses for value in clause.values)
    return Clause(" AND ".join(clause.sql for clause in clauses), values)


def _in_one_batch(snapshot: Snapshot, row: Row, tags: Mapping[str, str]) -> bool:
    batches: dict[int, set[str]] = {}
    for span in snapshot.trace(row).spans:
        batches.setdefault(id(span.resource), set()).update(_found(span, tags))
    return any(len(found) == len(tags) for found in batches.values())


def _found(span: Span, tags: Mapping[str, str]) -> Iterator[str]:
    for name, value in tags.items():
        for attributes in (span.attributes, span.resource.attributes):
            if attributes.get(name, {}).get("stringValue") == value:
                yield name
