"""Metrics of spans and of who calls whom, as Tempo's generator makes them.

Counters start at 0 with the process, as Tempo's do, and spans of any age count.
"""

import threading
from collections.abc import Sequence

from obskit.embedded.traces._edges import Edges
from obskit.embedded.traces._metrics import Counter, Histogram
from obskit.embedded.traces._push import NewSpan

__all__ = ["Generator"]

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")
_SECOND = 1e9
_BOUNDS = tuple(0.002 * 2**power for power in range(14))
_MAX_SERIES = 5_000


class Generator:
    """Counts spans that were stored; safe to read from other threads."""

    def __init__(self, *, max_series: int = _MAX_SERIES) -> None:
        self._lock = threading.Lock()
        self._calls = Counter(
            "traces_spanmetrics_calls_total", "Spans by service, name, kind and status.", max_series
        )
        self._latency = Histogram(
            "traces_spanmetrics_latency", "Length of spans in seconds.", _BOUNDS, max(max_series // 10, 1)
        )
        self._sizes = Counter("traces_spanmetrics_size_total", "Bytes of spans as protobuf.", max_series)
        self._edges = Edges(max_series=max_series // 10)

    def observe(self, spans: Sequence[NewSpan], now: float) -> None:
        """Count *spans*, which arrived *now* on a clock that never goes back."""
        with self._lock:
            for span in spans:
                series = (
                    ("service", span.resource.name),
                    ("span_name", span.name),
                    ("span_kind", f"SPAN_KIND_{_named(_KINDS, span.kind)}"),
                    ("status_code", f"STATUS_CODE_{_named(_STATUSES, span.status)}"),
                )
                self._calls.add(series)
                self._latency.observe(series, span.duration_ns / _SECOND)
                self._sizes.add(series, span.size)
                self._edges.observe(span, now)
            self._edges.expire(now)

    def page(self, now: float) -> bytes:
        """Return the metrics in Prometheus' text format."""
        with self._lock:
            self._edges.expire(now)
            limited = self._calls.limited + self._edges.limited
            metrics = (self._calls, self._latency, self._sizes, *self._edges.metrics)
            lines = [line for metric in metrics for line in metric.lines()]
        if limited:
            lines.append("# HELP traces_generator_series_limited_total Updates of series beyond the limit.")
            lines.append("# TYPE traces_generator_series_limited_total counter")
            lines.append(f"traces_generator_series_limited_total {limited}")
        return "".join(f"{line}\n" for line in lines).encode()


def _named(names: Sequence[str], number: int) -> str:
    return names[number] if number < len(names) else str(number)
