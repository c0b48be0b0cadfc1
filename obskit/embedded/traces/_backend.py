"""The trace store with its two doors: OTLP in, Tempo's API out."""

import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from obskit._typing import ASGIApp
from obskit.embedded.traces._api import tempo_app
from obskit.embedded.traces._clock import Clock
from obskit.embedded.traces._generator import Generator
from obskit.embedded.traces._otlp import Receiver
from obskit.embedded.traces._page import with_metrics
from obskit.embedded.traces._reads import Reads
from obskit.embedded.traces._store import Retention, Store
from obskit.embedded.traces._writer import Writer

__all__ = ["TraceBackend"]

_TIMEOUT_S = 10.0
_MAX_BODY = 16 << 20


class TraceBackend:
    """Keeps traces in the file *path*; *timeout_s* bounds a query, *max_body* the bytes of a push.

    Raises:
        StackError: the file cannot be used; the text says why and what to do.
    """

    def __init__(
        self,
        path: Path,
        *,
        retention: Retention | None = None,
        clock: Clock = time,
        timeout_s: float = _TIMEOUT_S,
        max_body: int = _MAX_BODY,
    ) -> None:
        kept = Retention() if retention is None else retention
        self._clock = clock
        self._generator = Generator()
        store = Store(path, max_trace_spans=kept.max_trace_spans)
        self._writer = Writer(store, self._generator, kept, clock)
        self._receiver = Receiver(self._writer, max_body=max_body)
        self._reads = Reads(path, clock, timeout_s=timeout_s)

    def tempo_app(self) -> Starlette:
        """Return Tempo's query API, for port 3200; its ``/metrics`` are the generator's."""
        return tempo_app(self._reads, self.metrics)

    def otlp_routes(self) -> list[Route]:
        """Return ``POST /v1/traces``, for port 4318."""
        return self._receiver.routes()

    def metrics(self) -> bytes:
        """Return the generator's metrics in Prometheus' text format."""
        return self._generator.page(self._clock.monotonic())

    def with_metrics(self, app: ASGIApp) -> ASGIApp:
        """Return *app*, which serves ``/metrics`` of its own, with the generator's metrics added to that page."""
        return with_metrics(app, self.metrics)

    def close(self) -> None:
        """Write what was taken, and close the file."""
        self._receiver.close()
        self._writer.close()
        self._reads.close()
