"""Keeps failed and slow traces that the sampler left out: this process's part of them.

Spans of such a trace wait here until the local root ends: the request, the message, the
job. If anything in it failed, or the root was slow, they go to the exporter, else they
are forgotten. Memory is bounded: the oldest trace goes when there are too many, a trace
keeps its first 200 spans.

It costs what recording costs: a request that is left out is then as dear as one that is
sampled, but for the export (see ``make bench``). Other services are not told, for they
have dropped their parts by then; a tail sampler in the collector sees them all.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import StatusCode

__all__ = ["Tail"]

_TRACES = 2000
_SPANS = 200
_REMEMBERED = 1000


class _Waiting:
    """The ended spans of one trace, and its local roots that are open."""

    __slots__ = ("keep", "roots", "spans")

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.roots: list[Span] = []
        self.keep = False


class Tail(SpanProcessor):
    """Decides at the end about what the sampler did not want; *export* takes what is kept.

    Args:
        export: queues one span for the collector.
        slow_ms: from how many milliseconds on a local root is slow.
        dropped: counts what there was no room for, as ``tail_full``.
    """

    def __init__(
        self, export: Callable[[ReadableSpan], None], *, slow_ms: float, dropped: Counter[str]
    ) -> None:
        self._export = export
        self._slow_ns = slow_ms * 1e6
        self._dropped = dropped
        self.start_over()

    def start_over(self) -> None:
        """Begin anew in a forked child."""
        # A collection of garbage in here may end the span of a generator that nobody finished.
        self._lock = threading.RLock()
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._kept: OrderedDict[int, None] = OrderedDict()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's interface
        """Remember *span* when it is a local root."""
        if not span.context.trace_flags.sampled and _is_root(span):
            with self._lock:
                self._at(span.context.trace_id).roots.append(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep *span* until its trace is decided; decide when it is the last local root."""
        if span.context.trace_flags.sampled:
            return
        with self._lock:
            ready = self._take(span)
        for each in ready:
            self._export(each)

    def _take(self, span: ReadableSpan) -> list[ReadableSpan]:
        trace_id = span.context.trace_id
        waiting = self._waiting.get(trace_id)
        if waiting is None:
            # A child that outlived its root, or whose trace had to go.
            return [span] if trace_id in self._kept else []
        waiting.keep = waiting.keep or span.status.status_code is StatusCode.ERROR
        if len(waiting.spans) < _SPANS:
            waiting.spans.append(span)
        else:
            self._dropped["tail_full"] += 1
        return self._decide(trace_id, waiting, span) if _is_root(span) else []

    def _decide(self, trace_id: int, waiting: _Waiting, root: ReadableSpan) -> list[ReadableSpan]:
        waiting.keep = waiting.keep or (root.end_time or 0) - (root.start_time or 0) >= self._slow_ns
        if waiting.keep:
            self._kept[trace_id] = None
            if len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
            _mark(waiting, root)
        waiting.roots = [each for each in waiting.roots if each.context.span_id != root.context.span_id]
        if not waiting.roots:
            del self._waiting[trace_id]
        if not waiting.keep:
            return []
        ready, waiting.spans = waiting.spans, []
        return ready

    def _at(self, trace_id: int) -> _Waiting:
        waiting = self._waiting.get(trace_id)
        if waiting is None:
            if len(self._waiting) >= _TRACES:
                _, oldest = self._waiting.popitem(last=False)
                self._dropped["tail_full"] += len(oldest.spans)
            waiting = self._waiting[trace_id] = _Waiting()
        return waiting


def _is_root(span: ReadableSpan) -> bool:
    return span.parent is None or span.parent.is_remote


def _mark(waiting: _Waiting, root: ReadableSpan) -> None:
    """Let the exemplar of what is measured after the end name the trace: it will be there."""
    for span in waiting.roots:
        if span.context.span_id == root.context.span_id:
            span.obskit_kept = True  # type: ignore[attr-defined]  # read by exemplar()
