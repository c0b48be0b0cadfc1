"""Builds the tracer provider of one process."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import Span, SpanKind, Tracer

from obskit._version import __version__
from obskit.tracing._export import Exporter
from obskit.tracing._quick import QuickTracer, quick_tracer
from obskit.tracing._sampling import RecordAll, sampler_named

if TYPE_CHECKING:
    from obskit.config import Settings

__all__ = ["Tracing"]


def _sampler(settings: "Settings") -> Sampler:
    head = sampler_named(settings.traces_sampler, settings.traces_sampler_arg)
    return RecordAll(head) if settings.traces_tail and settings.traces_url is not None else head


class Tracing:
    """The provider, the tracer that obskit's own spans come from, and the exporter if there is one.

    The sampler is the SDK's, chosen by ``OTEL_TRACES_SAMPLER``; with ``OBSKIT_TRACES_TAIL``
    what it leaves out is recorded, and kept when it failed or was slow.
    """

    def __init__(self, settings: "Settings", *, report: Callable[[bool, str], None]) -> None:
        self.resource = Resource.create(
            {
                "service.name": settings.service,
                "service.version": settings.version,
                "deployment.environment.name": settings.environment,
            }
        )
        # Our close() has one time budget; the SDK's exit hook has none.
        self.provider = TracerProvider(
            sampler=_sampler(settings), resource=self.resource, shutdown_on_exit=False
        )
        self.exporter: Exporter | None = None
        if settings.traces_url is not None:
            self.exporter = Exporter(
                settings.traces_url,
                resource=self.resource,
                headers=settings.otlp_headers,
                report=report,
            )
            self.provider.add_span_processor(self.exporter)
            if settings.traces_tail:
                self.provider.add_span_processor(self.exporter.tail(settings.traces_slow_ms))
        self.tracer: Tracer = quick_tracer(self.provider, "obskit", __version__)
        self.start_later = (
            self.tracer.start_later if isinstance(self.tracer, QuickTracer) else self._start_at_once
        )
        """Start a span below a context; its plain attributes are asked for only where it is recorded."""

    def _start_at_once(
        self, name: str, context: Context | None, kind: SpanKind, attributes: Callable[[], dict[str, Any]]
    ) -> Span:
        return self.tracer.start_span(name, context, kind, attributes())

    def install(self) -> None:
        """Make the provider global, so that spans of other libraries join; one set before stays."""
        if not isinstance(trace.get_tracer_provider(), TracerProvider):
            trace.set_tracer_provider(self.provider)

    @property
    def dropped(self) -> dict[str, int]:
        """Spans lost, by reason."""
        return dict(self.exporter.dropped) if self.exporter is not None else {}

    def flush(self, timeout_s: float) -> None:
        """Wait until what was queued so far is sent, at most *timeout_s* seconds."""
        if self.exporter is not None:
            self.exporter.force_flush(int(timeout_s * 1000))

    def close(self, timeout_s: float) -> None:
        """Send what waits, within *timeout_s* seconds."""
        if self.exporter is not None:
            self.exporter.close(timeout_s)
