"""Finds which service calls which: pairs the span of a caller with the span of who was called.

A client span and the server span under it make an edge, and so do a producer and its
consumer. A database answers with no span of its own: its client span is the whole edge. A
server span without a parent was called from outside: its caller is ``user``.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from obskit.embedded.traces._metrics import Counter, Histogram, Series
from obskit.embedded.traces._push import NewSpan

__all__ = ["Edges"]

_SERVER, _CLIENT, _PRODUCER, _CONSUMER = 2, 3, 4, 5
_ERROR = 2
_SECOND = 1e9
_BOUNDS = tuple(0.1 * 2**power for power in range(8))
_WAIT_S = 10.0
_MAX_WAITING = 10_000
_DATABASE = ("db.namespace", "db.name", "db.system")
_DATABASE_NAMES = ("peer.service", "server.address", "network.peer.address")
_PEER = ("peer.service", "db.name", "db.system")
_VIRTUAL, _MESSAGING, _DATABASE_KIND = "virtual_node", "messaging_system", "database"


@dataclass(slots=True)
class _Edge:
    expires: float
    kind: str = ""
    client: str = ""
    server: str = ""
    client_s: float = 0.0
    server_s: float = 0.0
    client_end_ns: int = 0
    server_start_ns: int = 0
    failed: bool = False
    peer: str = ""


class Edges:
    """The edges whose other half may still come, and the metrics of the complete ones."""

    def __init__(self, *, max_series: int) -> None:
        self._waiting: OrderedDict[tuple[bytes, bytes], _Edge] = OrderedDict()
        self._dropped = 0
        name = "traces_service_graph_request"
        self._total = Counter(f"{name}_total", "Requests between two services.", max_series)
        self._failed = Counter(f"{name}_failed_total", "Failed requests between two services.", max_series)
        self._server = Histogram(f"{name}_server_seconds", "Time as the server sees it.", _BOUNDS, max_series)
        self._client = Histogram(f"{name}_client_seconds", "Time as the client sees it.", _BOUNDS, max_series)
        self._messaging = Histogram(
            f"{name}_messaging_system_seconds", "Time from publishing to processing.", _BOUNDS, max_series
        )

    @property
    def metrics(self) -> Iterable[Counter | Histogram]:
        """The metrics, in the order of the page."""
        return (self._total, self._failed, self._server, self._client, self._messaging)

    @property
    def limited(self) -> int:
        """How often a series or an edge was not made because there were too many."""
        return self._total.limited + self._dropped

    def observe(self, span: NewSpan, now: float) -> None:
        """Take *span* as a half of an edge, if it is one."""
        service = span.resource.name
        if not service:
            return
        if span.kind in {_CLIENT, _PRODUCER}:
            self._upsert((span.trace_id, span.span_id), span, now, client=True)
        elif span.kind in {_SERVER, _CONSUMER}:
            self._upsert((span.trace_id, span.parent_id), span, now, client=False)

    def expire(self, now: float) -> None:
        """Give up waiting for the other half of edges that have waited too long."""
        while self._waiting:
            key, edge = next(iter(self._waiting.items()))
            if edge.expires > now:
                return
            del self._waiting[key]
            if edge.client and edge.peer:
                edge.kind, edge.server = _VIRTUAL, edge.peer
                self._complete(edge)

    def _upsert(self, key: tuple[bytes, bytes], span: NewSpan, now: float, *, client: bool) -> None:
        edge = self._waiting.get(key) or _Edge(now + _WAIT_S)
        edge.failed |= span.status == _ERROR
        edge.kind = _MESSAGING if span.kind in {_PRODUCER, _CONSUMER} else ""
        seconds = span.duration_ns / _SECOND
        if client:
            edge.client, edge.client_s, edge.client_end_ns = span.resource.name, seconds, span.end_ns
            _take_database(edge, span, seconds)
        else:
            edge.server, edge.server_s, edge.server_start_ns = span.resource.name, seconds, span.start_ns
            if not span.parent_id:
                # Nothing can call a root: Tempo finds out by waiting, and comes to the same.
                edge.kind, edge.client = _VIRTUAL, "user"
        if edge.client and edge.server:
            self._waiting.pop(key, None)
            self._complete(edge)
        elif key in self._waiting or len(self._waiting) < _MAX_WAITING:
            self._waiting[key] = edge
        else:
            self._dropped += 1

    def _complete(self, edge: _Edge) -> None:
        series: Series = (("client", edge.client), ("server", edge.server))
        if edge.kind:
            series = (*series, ("connection_type", edge.kind))
        self._total.add(series)
        if edge.failed:
            self._failed.add(series)
        self._server.observe(series, edge.server_s)
        self._client.observe(series, edge.client_s)
        if edge.kind == _MESSAGING:
            waited = max(edge.server_start_ns - edge.client_end_ns, 0)
            self._messaging.observe(series, waited / _SECOND)


def _take_database(edge: _Edge, span: NewSpan, seconds: float) -> None:
    found = {
        entry["key"]: entry["value"]["stringValue"]
        for entry in chain(span.attributes, span.resource.attributes)
        if "stringValue" in entry["value"]
    }
    edge.peer = _first(found, _PEER)
    database = _first(found, _DATABASE)
    if database:
        edge.kind = _DATABASE_KIND
        edge.server = _first(found, _DATABASE_NAMES) or database
        edge.server_s = seconds


def _first(found: dict[str, str], names: Iterable[str]) -> str:
    return next((found[name] for name in names if found.get(name)), "")
