"""Connects a capture with the telemetry of the process, and lets go of it again."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator

from obskit import Telemetry
from obskit.testing._clock import Clock, CountingIds

__all__ = ["Sink", "attached", "stamped_by"]


class Sink(Protocol):
    """What takes lines and spans."""

    def on_line(self, record: Mapping[str, Any]) -> None:
        """Take one log line."""

    def on_span(self, span: ReadableSpan) -> None:
        """Take one ended span."""


class _Recorder(SpanProcessor):
    """Hands ended spans to the capture of the moment; the SDK cannot take a processor out again."""

    def __init__(self) -> None:
        self.take: Callable[[ReadableSpan], None] | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: only ended spans are of interest."""

    def on_end(self, span: ReadableSpan) -> None:
        """Hand *span* on."""
        if self.take is not None:
            self.take(span)


@contextmanager
def attached(telemetry: Telemetry, sink: Sink) -> Iterator[None]:
    """Send the lines and spans of *telemetry* to *sink*, with counted ids, until the block ends."""
    providers = _providers(telemetry)
    recorders = [_recorder_of(provider) for provider in providers]
    taken = [recorder.take for recorder in recorders]
    for recorder in recorders:
        recorder.take = sink.on_span
    tap, telemetry.pipe.tap = telemetry.pipe.tap, sink.on_line
    try:
        with _ids_from(CountingIds(), [*providers, telemetry.tracing.tracer]):
            yield
    finally:
        telemetry.pipe.tap = tap
        for recorder, take in zip(recorders, taken, strict=True):
            recorder.take = take


@contextmanager
def _ids_from(ids: IdGenerator, holders: Iterable[Any]) -> Iterator[None]:
    """Let providers and tracers take their ids from *ids*; a tracer keeps what its provider had at its making."""
    holding = [(holder, holder.id_generator) for holder in holders if hasattr(holder, "id_generator")]
    for holder, _ in holding:
        holder.id_generator = ids
    try:
        yield
    finally:
        for holder, before in holding:
            holder.id_generator = before


def _providers(telemetry: Telemetry) -> list[TracerProvider]:
    """Return the provider of *telemetry*, and the global one when somebody else set that before."""
    own, everybodys = telemetry.tracing.provider, trace.get_tracer_provider()
    is_other = isinstance(everybodys, TracerProvider) and everybodys is not own
    return [own, everybodys] if is_other and isinstance(everybodys, TracerProvider) else [own]


def _recorder_of(provider: TracerProvider) -> _Recorder:
    for processor in getattr(provider._active_span_processor, "_span_processors", ()):  # noqa: SLF001 - the SDK has no list to ask
        if isinstance(processor, _Recorder):
            return processor
    recorder = _Recorder()
    provider.add_span_processor(recorder)
    return recorder


@contextmanager
def stamped_by(clock: Clock, telemetry: Telemetry) -> Iterator[None]:
    """Let log lines and spans take their time from *clock* until the block ends."""
    with _replaced(sdk, "time_ns", clock.now_ns), _replaced(telemetry.pipe.renderer, "clock", clock.now_ns):
        yield


@contextmanager
def _replaced(holder: object, name: str, value: Any) -> Iterator[None]:
    before = getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, before)
