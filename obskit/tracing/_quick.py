"""Starts spans at a third of the SDK's cost, where nobody but us and the SDK is asked about them.

The SDK's span copies and checks its attributes at each change and is copied when it ends.
Ours knows that what obskit sets is plain, and is handed on itself; what a user sets goes
the SDK's way. It is a span of the SDK's class, so all that works on one works on it.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context, get_current
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import EventBase, Span, Tracer, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, DEFAULT_ON, Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationInfo
from opentelemetry.trace import (
    DEFAULT_TRACE_STATE,
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
)
from opentelemetry.trace import Span as AnySpan
from opentelemetry.trace.status import Status
from opentelemetry.util.types import Attributes, AttributeValue

from obskit._ids import SPAN_KEY

__all__ = ["QuickSpan", "QuickTracer", "is_ours", "quick_tracer", "set_plain"]

_OURS = ("obskit.", "opentelemetry.sdk.trace.export")
"""Modules of span processors that have nothing to do when a sampled span starts."""
_SAMPLERS = ("obskit.", "opentelemetry.sdk.trace.sampling")
"""Modules of samplers that look at no attributes and add none."""
_FLAGS = tuple(TraceFlags(number) for number in range(4))
_RANDOM = 2
_SAME_LAYOUT = tuple(SpanContext(1, 2, is_remote=False)) == (
    *(1, 2, False, TraceFlags(0), DEFAULT_TRACE_STATE),
    True,
)
_PLAIN = frozenset({str, int, float, bool})
_UNSET = Status()
_NEEDED = ("_instrumentation_scope", "_span_limits", "_tracer_config", "_tracer_metrics", "span_processor")
_RANDOM_IDS = "is_trace_id_random"


class QuickSpan(Span):
    """A span whose attributes are a plain dict until a user sets one."""

    # As in the SDK's constructor, which is not called.
    _instrumentation_info: InstrumentationInfo | None = None
    _sampler = _trace_config = _record_end_metrics = _end_time = None
    _record_exception = _set_status_on_exception = True
    _status = _UNSET
    _events = _links = ()

    def __init__(  # noqa: PLR0913, PLR0917 - all that a span is
        self,
        tracer: "QuickTracer",
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Any,
        start_ns: int,
    ) -> None:
        self._name = name
        self._context = context
        self._parent = parent
        self._kind = kind
        self._resource = tracer.resource
        self._instrumentation_scope = tracer._instrumentation_scope  # noqa: SLF001 - the SDK's names throughout
        self._span_processor = tracer.span_processor
        self._limits = tracer._span_limits  # noqa: SLF001 - as above
        self._attributes = attributes
        self._start_time = start_ns
        self._lock = Lock()
        self._obskit_ids = (f"{context.trace_id:032x}", f"{context.span_id:016x}")

    def _guard_attributes(self) -> None:
        """Let the SDK check and bound the attributes from now on."""
        with self._lock:
            if type(self._attributes) is dict and self._end_time is None:
                self._attributes = BoundedAttributes(
                    self._limits.max_span_attributes,
                    self._attributes,
                    immutable=False,
                    max_value_len=self._limits.max_span_attribute_length,
                )

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set one attribute."""
        self._guard_attributes()
        super().set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set several attributes."""
        self._guard_attributes()
        super().set_attributes(attributes)

    def set_plain(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes that are known to be strings, numbers and booleans, and few."""
        with self._lock:
            if type(self._attributes) is dict and self._end_time is None:
                self._attributes.update(attributes)
                return
        super().set_attributes(attributes)

    def _add_event(self, event: EventBase) -> None:
        with self._lock:
            if type(self._events) is tuple:
                self._events = self._new_events()  # type: ignore[no-untyped-call]  # the SDK's
        super()._add_event(event)

    def _add_link(self, link: Link) -> None:
        with self._lock:
            if type(self._links) is tuple:
                self._links = self._new_links(())
        super()._add_link(link)

    def end(self, end_time: int | None = None) -> None:
        """End the span and hand it on."""
        with self._lock:
            first = self._end_time is None
            if first:
                self._end_time = _now_ns() if end_time is None else end_time
                if isinstance(self._attributes, BoundedAttributes):
                    self._attributes._immutable = True  # noqa: SLF001 - as the SDK does
        if first:
            self._span_processor.on_end(self)
        else:
            super().end(end_time)  # which says so


class QuickTracer(Tracer):
    """The SDK's tracer with a shorter :meth:`start_span`; made by :func:`quick_tracer` only."""

    _known: tuple[Any, bool] = (None, False)

    def start_span(  # noqa: PLR0913, PLR0917 - the SDK's interface
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - as above
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002 - as above
    ) -> AnySpan:
        """Start a span, as the SDK does."""
        if links or not (record_exception and set_status_on_exception) or not self._is_quick():
            return super().start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        return self._start(name, context, kind, lambda: self._checked(attributes), start_time)

    def start_later(
        self, name: str, context: Context | None, kind: SpanKind, attributes: Callable[[], dict[str, Any]]
    ) -> AnySpan:
        """Start a span whose plain *attributes* are asked for only where it is recorded."""
        if not self._is_quick():
            return super().start_span(name, context, kind, attributes())
        return self._start(name, context, kind, attributes, None)

    def _start(
        self,
        name: str,
        context: Context | None,
        kind: SpanKind,
        attributes: Callable[[], Any],
        start_ns: int | None,
    ) -> AnySpan:
        above = (get_current() if context is None else context).get(SPAN_KEY)
        parent: SpanContext | None = above.get_span_context() if isinstance(above, AnySpan) else None
        if parent is None or not parent.is_valid:
            parent, trace_id = None, self.id_generator.generate_trace_id()
            random = _RANDOM if self.id_generator.is_trace_id_random() else 0
        else:
            trace_id, random = parent.trace_id, parent.trace_flags & _RANDOM
        sampled, recorded, state = self._decide(context, trace_id, name, kind, parent)
        own = _context(trace_id, self.id_generator.generate_span_id(), _FLAGS[sampled | random], state)
        if not recorded:
            return NonRecordingSpan(own)
        started = _now_ns() if start_ns is None else start_ns
        span = QuickSpan(self, name, own, parent, kind, attributes(), started)
        if not sampled:
            self.span_processor.on_start(span, parent_context=context)
        return span

    def _decide(
        self, context: Context | None, trace_id: int, name: str, kind: SpanKind, parent: SpanContext | None
    ) -> tuple[int, bool, Any]:
        """Return whether to sample (0 or 1), whether to record, and the trace state."""
        sampler, state = self.sampler, None if parent is None else parent.trace_state
        if sampler is DEFAULT_ON:
            sampled = 1 if parent is None else parent.trace_flags & 1
            return sampled, sampled == 1, state
        if sampler is ALWAYS_OFF:
            return 0, False, state
        if sampler is ALWAYS_ON:
            return 1, True, state
        result = sampler.should_sample(context, trace_id, name, kind, None, ())
        decision = result.decision
        sampled = decision is Decision.RECORD_AND_SAMPLE
        return int(sampled), decision is not Decision.DROP, result.trace_state

    def _checked(self, attributes: Attributes) -> Any:
        limit = self._span_limits.max_span_attributes
        if not attributes:
            return {}
        few = limit is None or len(attributes) < limit // 2
        if few and all(type(value) in _PLAIN for value in attributes.values()) and all(attributes):
            return dict(attributes)
        return BoundedAttributes(limit, attributes, immutable=False)

    def _is_quick(self) -> bool:
        known, quick = self._known
        processors = getattr(self.span_processor, "_span_processors", None)
        if known is not processors:
            quick = (
                is_ours(self.span_processor, self.sampler)
                and self._span_limits.max_span_attribute_length is None
                and type(self._tracer_metrics).__name__ == "NoOpTracerMetrics"
            )
            self._known = (processors, quick)
        return quick and self._tracer_config.is_enabled


def _now_ns() -> int:
    """Return the SDK's time, which a test may hold still."""
    return sdk.time_ns()  # type: ignore[attr-defined]  # what the SDK's own spans ask


def _context(trace_id: int, span_id: int, flags: TraceFlags, state: TraceState | None) -> SpanContext:
    """Return the context of a new span; without the checks, for its ids are of our own making."""
    if not _SAME_LAYOUT:
        return SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags, trace_state=state)
    parts = (trace_id, span_id, False, flags, DEFAULT_TRACE_STATE if state is None else state, True)
    return tuple.__new__(SpanContext, parts)


def is_ours(processor: Any, sampler: Any) -> bool:
    """Tell whether nobody but us and the SDK has a say in the spans of a provider."""
    processors = getattr(processor, "_span_processors", None)
    return (
        processors is not None
        and type(sampler).__module__.startswith(_SAMPLERS)
        and all(type(each).__module__.startswith(_OURS) for each in processors)
    )


def quick_tracer(provider: TracerProvider, name: str, version: str) -> Any:
    """Return a tracer of *provider*; the SDK's own where the SDK is not as we know it."""
    tracer = provider.get_tracer(name, version)
    known = all(hasattr(tracer, each) for each in _NEEDED) and hasattr(provider.id_generator, _RANDOM_IDS)
    if type(tracer) is Tracer and known:
        tracer.__class__ = QuickTracer
    provider._obskit_tracer = tracer  # type: ignore[attr-defined]  # noqa: SLF001 - read by tracer()
    return tracer


def set_plain(span: AnySpan, attributes: Mapping[str, Any]) -> None:
    """Set *attributes*, strings, numbers and booleans and few, on a span of anybody."""
    if isinstance(span, QuickSpan):
        span.set_plain(attributes)
    else:
        span.set_attributes(attributes)
