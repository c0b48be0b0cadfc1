"""Sends ended spans to a collector from one background thread.

Bounded in memory, time and retries: a collector that is slow, gone or black-holed costs
spans, which are counted, and never a request or the shutdown.
"""

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from obskit._guard import guarded
from obskit.tracing._otlp import encode
from obskit.tracing._tail import Tail

__all__ = ["Exporter"]

_QUEUE = 4096
"""Spans that wait at most: about 10 MB, ten seconds of 400 spans a second."""
_BATCH = 512
_EVERY_S = 1.0
_TIMEOUT_S = 5.0
_ATTEMPTS = 3
_RETRY = frozenset({429, 502, 503, 504})
"""The statuses that OTLP/HTTP names as retryable."""


class Exporter(SpanProcessor):
    """Queues sampled spans and posts them as OTLP/JSON to *url*.

    *report* is called with ``True`` when the collector can be reached again and ``False``
    when it cannot: once a change of state, so that an outage is two log lines.
    """

    def __init__(
        self,
        url: str,
        *,
        resource: Resource,
        headers: Mapping[str, str] | None = None,
        report: Callable[[bool, str], None] = lambda _reachable, _why: None,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self._url = urlsplit(url)
        self._resource = resource
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._report = report
        self._reachable = True
        self._tail: Tail | None = None
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def tail(self, slow_ms: float) -> Tail:
        """Return the processor that adds failed and slow traces which the sampler left out."""
        self._tail = Tail(self.queue, slow_ms=slow_ms, dropped=self.dropped)
        return self._tail

    def _reset(self) -> None:
        # A forked child has no thread of ours, and the parent sends and counts what the parent queued.
        self.exported = 0
        self.dropped.clear()
        if self._tail is not None:
            self._tail.start_over()
        self._queue: deque[ReadableSpan] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._in_flight = 0
        self._abandoned = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: only ended spans are of interest."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue *span* if it is sampled."""
        if span.context.trace_flags.sampled:
            self.queue(span)

    def queue(self, span: ReadableSpan) -> None:
        """Queue *span*, or count it as dropped when the queue is full."""
        if len(self._queue) >= _QUEUE:
            self.dropped["queue_full"] += 1
            return
        self._queue.append(span)
        if self._thread is None:
            self._start()
        elif len(self._queue) >= _BATCH:
            self._wake.set()

    def _start(self) -> None:
        # Not waited for: a signal handler or a finaliser may end a span in here.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None and not self._closing.is_set():
                thread = threading.Thread(target=self._run, name="obskit-spans", daemon=True)
                thread.start()
                self._thread = thread
        finally:
            self._starting.release()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(_EVERY_S)
            self._wake.clear()
            self._drain()
        self._drain()
        self._disconnect()

    def _drain(self) -> None:
        while self._queue:
            self._in_flight = min(_BATCH, len(self._queue))
            batch = [self._queue.popleft() for _ in range(self._in_flight)]
            with guarded("span export"):
                self._send(batch)
            self._in_flight = 0

    def _send(self, batch: list[ReadableSpan]) -> None:
        body = encode(batch, self._resource)
        for attempt in range(_ATTEMPTS):
            problem, retry = self._post(body)
            if problem is None:
                self.exported += len(batch)
                self._note(reachable=True, why="")
                return
            self._note(reachable=False, why=problem)
            if not retry or self._closing.is_set() or self._closing.wait(0.2 * 2**attempt):
                break
        if not self._abandoned:
            self.dropped["export_failed"] += len(batch)

    def _post(self, body: bytes) -> tuple[str | None, bool]:
        """Post one body; return the problem, or None, and whether another try may help."""
        was_idle = self._connection is not None
        problem, retry = self._exchange(body)
        if problem is not None and was_idle and self._connection is None:
            # Collectors close connections that were idle for some seconds; that is no outage.
            problem, retry = self._exchange(body)
        return problem, retry

    def _exchange(self, body: bytes) -> tuple[str | None, bool]:
        try:
            connection = self._connect()
            connection.request("POST", self._url.path or "/", body, self._headers)
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException) as error:
            self._disconnect()
            return f"{type(error).__name__}: {error}", True
        if response.status >= 300:  # noqa: PLR2004 - anything but success
            return f"status {response.status}", response.status in _RETRY
        return None, False

    def _connect(self) -> HTTPConnection:
        if self._connection is None:
            kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
            self._connection = kind(self._url.hostname or "", self._url.port, timeout=_TIMEOUT_S)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _note(self, *, reachable: bool, why: str) -> None:
        if reachable != self._reachable:
            self._reachable = reachable
            self._report(reachable, why)

    def close(self, timeout_s: float) -> None:
        """Send what waits within *timeout_s* seconds; count the rest as dropped and go."""
        deadline = time.monotonic() + timeout_s
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        self._abandoned = True
        left = len(self._queue) + self._in_flight
        self._queue.clear()
        if left:
            self.dropped["shutdown"] += left

    def shutdown(self) -> None:
        """Do nothing: :meth:`close` has the one time budget of all signals."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait until what was queued before is sent; tell whether it was."""
        deadline = time.monotonic() + timeout_millis / 1000
        while self._queue or self._in_flight:
            self._wake.set()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True
