"""Keeps spans in SQLite. One thread writes: see :class:`obskit.embedded.traces._writer.Writer`."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from obskit.embedded.traces._push import NewSpan, Owner
from obskit.embedded.traces._schema import INTRINSIC, SCOPES, connect
from obskit.embedded.traces.traceql import Type

__all__ = ["Added", "Retention", "Store"]

_LARGEST = 2**63 - 1
_CACHED = 50_000
_BATCH = 500
_PAGES = 2_000
_REFRESH_S = 60.0
_STRING, _INT = int(Type.STRING), int(Type.INT)
_RESOURCE, _SPAN = SCOPES["resource"], SCOPES["span"]
_EVENT, _LINK, _SCOPE = SCOPES["event"], SCOPES["link"], SCOPES["instrumentation"]

_UPSERT = """
INSERT INTO traces (trace_id, start_ns, end_ns, root_service, root_name, root_start,
                    min_duration, max_duration, spans, bytes, first_arrived, arrived_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace_id) DO UPDATE SET
    start_ns = min(start_ns, excluded.start_ns),
    end_ns = max(end_ns, excluded.end_ns),
    root_service = iif(excluded.root_start < root_start, excluded.root_service, root_service),
    root_name = iif(excluded.root_start < root_start, excluded.root_name, root_name),
    root_start = min(root_start, excluded.root_start),
    min_duration = min(min_duration, excluded.min_duration),
    max_duration = max(max_duration, excluded.max_duration),
    spans = spans + excluded.spans,
    bytes = bytes + excluded.bytes,
    arrived_at = excluded.arrived_at
RETURNING id
"""
_INSERT_SPAN = "INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_ATTR = (
    "INSERT INTO attrs (scope, key, type, value) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id"
)
_FIND_ATTR = "SELECT id FROM attrs WHERE scope = ? AND key = ? AND type = ? AND value = ?"

_Key = tuple[int, str, int, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What the store keeps: traces whose last span arrived within *days*, up to *max_bytes* in all."""

    days: float = 7.0
    max_bytes: int = 2_000_000_000
    max_trace_spans: int = 20_000


@dataclass(frozen=True, slots=True)
class Added:
    """What became of some spans: the *new* ones, and how many were *rejected* because their trace is full."""

    new: list[NewSpan]
    rejected: int


class Store:
    """The spans in the file *path*, which is made when it is missing.

    Raises:
        StackError: the file cannot be used; the text says why and what to do.
    """

    def __init__(self, path: Path, *, max_trace_spans: int = 20_000) -> None:
        self._db = connect(path)
        self._max_trace_spans = max_trace_spans
        self._attrs: dict[_Key, int] = {}
        self._owners: dict[bytes, tuple[int, float]] = {}

    def close(self) -> None:
        """Close the file; what was committed is safe without it."""
        self._db.close()

    def add(self, pushes: Sequence[Sequence[NewSpan]], now: float) -> list[Added]:
        """Write *pushes* in one transaction; return what became of each, once it is in the file.

        A span that is already there is left as it is, so that a push may be sent again.
        """
        with self._transaction():
            return [self._add(spans, now) for spans in pushes]

    def prune(self, retention: Retention, now: float) -> int:
        """Remove traces beyond *retention*, those that arrived first; return how many."""
        removed = self._remove("WHERE arrived_at < ?", (now - retention.days * 86_400,))
        while self.size() > retention.max_bytes and (more := self._remove("", ())):
            removed += more
        if removed:
            self._sweep()
        return removed

    def shrink(self) -> int:
        """Give room of removed traces back to the file system, a part at a time; return what is left."""
        free = self._pragma("freelist_count")
        for _ in range(min(free, _PAGES)):
            self._db.execute("PRAGMA incremental_vacuum(1)")
        return self._pragma("freelist_count")

    def size(self) -> int:
        """Return the bytes that are in use."""
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
                # What was looked up may have been rolled back with it.
                self._forget()

    def _add(self, spans: Sequence[NewSpan], now: float) -> Added:
        by_trace: dict[bytes, list[NewSpan]] = {}
        for span in spans:
            by_trace.setdefault(span.trace_id, []).append(span)
        new: list[NewSpan] = []
        rejected = 0
        rows: list[tuple[object, ...]] = []
        postings: list[tuple[int, int]] = []
        for trace_id, arrived in by_trace.items():
            fresh, full = self._fresh(trace_id, arrived)
            rejected += full
            if fresh:
                trace = self._upsert(trace_id, fresh, now)
                rows += [self._row(trace, span, now) for span in fresh]
                postings += [(self._attr(key), trace) for key in _indexed(fresh)]
                new += fresh
        self._db.executemany(_INSERT_SPAN, rows)
        self._db.executemany("INSERT OR IGNORE INTO postings VALUES (?, ?)", postings)
        return Added(new, rejected)

    def _fresh(self, trace_id: bytes, spans: Sequence[NewSpan]) -> tuple[list[NewSpan], int]:
        """Return those of *spans* that are not there yet and have room, and how many have none."""
        found = self._db.execute(
            "SELECT s.span_id, s.kind FROM traces t JOIN spans s ON s.trace = t.id WHERE t.trace_id = ?",
            (trace_id,),
        )
        known = set(found)
        fresh: list[NewSpan] = []
        rejected = 0
        for span in spans:
            key = (span.span_id, span.kind)
            if key in known:
                continue
            if len(known) >= self._max_trace_spans:
                rejected += 1
                continue
            known.add(key)
            fresh.append(span)
        return fresh, rejected

    def _upsert(self, trace_id: bytes, spans: Sequence[NewSpan], now: float) -> int:
        root = min((span for span in spans if not span.parent_id), key=_start, default=None)
        durations = [_clamped(span.duration_ns) for span in spans]
        values = (
            trace_id,
            _clamped(min(span.start_ns for span in spans)),
            _clamped(max(max(span.start_ns, span.end_ns) for span in spans)),
            "" if root is None else root.resource.name,
            "" if root is None else root.name,
            _LARGEST if root is None else _clamped(root.start_ns),
            min(durations),
            max(durations),
            len(spans),
            sum(len(span.body) for span in spans),
            now,
            now,
        )
        (trace,) = self._db.execute(_UPSERT, values).fetchone()
        return int(trace)

    def _row(self, trace: int, span: NewSpan, now: float) -> tuple[object, ...]:
        return (
            trace,
            span.span_id,
            span.kind,
            span.parent_id,
            self._owner(span.resource, now),
            self._owner(span.scope, now),
            span.name,
            span.status,
            _clamped(span.start_ns),
            _clamped(span.duration_ns),
            span.body,
        )

    def _owner(self, owner: Owner, now: float) -> int:
        found = self._owners.get(owner.body)
        # What is in use says so once in a while, or the sweep would take it.
        if found is None or now - found[1] > _REFRESH_S:
            (number,) = self._db.execute(
                "INSERT INTO owners (body, name, used_at) VALUES (?, ?, ?) "
                "ON CONFLICT (body) DO UPDATE SET used_at = excluded.used_at RETURNING id",
                (owner.body, owner.name, now),
            ).fetchone()
            if len(self._owners) >= _CACHED // 10:
                self._owners.clear()
            found = self._owners[owner.body] = (int(number), now)
        return found[0]

    def _attr(self, key: _Key) -> int:
        found = self._attrs.get(key)
        if found is None:
            # What is not remembered is most often new.
            row = self._db.execute(_ADD_ATTR, key).fetchone() or self._db.execute(_FIND_ATTR, key).fetchone()
            if len(self._attrs) >= _CACHED:
                self._attrs.clear()
            found = self._attrs[key] = int(row[0])
        return found

    def _remove(self, condition: str, values: tuple[float, ...]) -> int:
        removed = 0
        while True:
            with self._transaction():
                traces = self._db.execute(
                    f"SELECT id FROM traces {condition} ORDER BY arrived_at LIMIT {_BATCH}",  # noqa: S608 - our own
                    values,
                ).fetchall()
                for table, column in (("spans", "trace"), ("postings", "trace"), ("traces", "id")):
                    self._db.executemany(f"DELETE FROM {table} WHERE {column} = ?", traces)  # noqa: S608 - our own
            removed += len(traces)
            if len(traces) < _BATCH or not condition:
                return removed

    def _sweep(self) -> None:
        """Remove values, resources and scopes that no trace has any more."""
        with self._transaction():
            self._db.execute(
                "DELETE FROM attrs WHERE NOT EXISTS (SELECT 1 FROM postings WHERE attr = attrs.id)"
            )
            (oldest,) = self._db.execute("SELECT min(first_arrived) FROM traces").fetchone()
            unused = _LARGEST if oldest is None else oldest - 2 * _REFRESH_S
            self._db.execute("DELETE FROM owners WHERE used_at < ?", (unused,))
        self._forget()

    def _forget(self) -> None:
        self._attrs.clear()
        self._owners.clear()

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])


def _indexed(spans: Iterable[NewSpan]) -> set[_Key]:
    keys: set[_Key] = set()
    owners: dict[int, tuple[int, Owner]] = {}
    for span in spans:
        owners[id(span.resource)] = (_RESOURCE, span.resource)
        owners[id(span.scope)] = (_SCOPE, span.scope)
        keys.update((_SPAN, *entry) for entry in span.indexed)
        keys.update((_EVENT, *entry) for entry in span.events)
        keys.update((_LINK, *entry) for entry in span.links)
        keys.add((INTRINSIC, "name", _STRING, span.name))
        keys.add((INTRINSIC, "kind", _INT, span.kind))
        keys.add((INTRINSIC, "status", _INT, span.status))
        keys.add((INTRINSIC, "statusMessage", _STRING, span.status_message))
        keys.update((INTRINSIC, "event:name", _STRING, name) for name in span.event_names)
    for scope, owner in owners.values():
        keys.update((scope, *entry) for entry in owner.indexed)
    return keys


def _start(span: NewSpan) -> int:
    return span.start_ns


def _clamped(number: int) -> int:
    return min(number, _LARGEST)
