"""The ways to make an application observable that are compared; each runs in an environment of its own.

A variant takes the application and where its telemetry goes, and returns what sends what is
still waiting. Each is set up as its own documentation says, with its defaults. This module
is loaded in every environment, so each library is imported where it is used.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Flush = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way: the environment that it runs in, how it is set up, what must arrive."""

    env: str
    install: Callable[[Any, str, Path], Flush]
    spans: bool = False
    lines: bool = False
    loop: str = "all"


def _nothing() -> None:
    pass


def bare(_app, _url, _folder) -> Flush:
    return _nothing


def _otel_provider(url: str):
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "bench"}), shutdown_on_exit=False)
    # A queue that holds the run, for a loss would make a run invalid.
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces"), max_queue_size=200_000)
    )
    trace.set_tracer_provider(provider)
    return provider


def contrib(app, url, _folder) -> Flush:
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    provider = _otel_provider(url)
    FastAPIInstrumentor.instrument_app(app)
    return provider.force_flush


def contrib_unsampled(app, url, folder) -> Flush:
    os.environ["OTEL_TRACES_SAMPLER"] = "always_off"
    return contrib(app, url, folder)


def native(_app, url, _folder) -> Flush:
    return _otel_provider(url).force_flush


def instrumentator(app, _url, _folder) -> Flush:
    from prometheus_fastapi_instrumentator import Instrumentator

    Instrumentator().instrument(app).expose(app)
    return _nothing


def starlette_exporter(app, _url, _folder) -> Flush:
    from starlette_exporter import PrometheusMiddleware, handle_metrics

    app.add_middleware(PrometheusMiddleware)
    app.add_route("/metrics", handle_metrics)
    return _nothing


def hand_wired(app, url, folder) -> Flush:
    """Traces, metrics, a request id and an access line, as the four libraries' guides say."""
    import structlog
    from asgi_correlation_id import CorrelationIdMiddleware, correlation_id
    from opentelemetry import trace

    stream = (folder / "hand-wired.jsonl").open("a")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    log = structlog.get_logger()

    class AccessLine:
        def __init__(self, inner) -> None:
            self._inner = inner

        async def __call__(self, scope, receive, send):
            if scope["type"] != "http":
                await self._inner(scope, receive, send)
                return
            began, status = time.perf_counter(), 0

            async def watched(message):
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await self._inner(scope, receive, watched)
            finally:
                context = trace.get_current_span().get_span_context()
                log.info(
                    "http.request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_ms=(time.perf_counter() - began) * 1000,
                    request_id=correlation_id.get(),
                    trace_id=f"{context.trace_id:032x}",
                    span_id=f"{context.span_id:016x}",
                )

    app.add_middleware(AccessLine)
    app.add_middleware(CorrelationIdMiddleware)
    instrumentator(app, url, folder)
    return contrib(app, url, folder)


def fastapi_vitals(app, url, _folder) -> Flush:
    from fastapi_vitals.metrics import metrics_response, setup_metrics
    from fastapi_vitals.tracing import setup_tracing
    from opentelemetry import trace
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
    setup_tracing(app, processor_factory=lambda one: BatchSpanProcessor(one, max_queue_size=200_000))
    setup_metrics(app)
    app.add_api_route("/metrics", metrics_response)
    return trace.get_tracer_provider().force_flush


def logfire(app, url, _folder) -> Flush:
    import logfire as library

    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{url}/v1/traces"
    library.configure(send_to_logfire=False, console=False, service_name="bench", inspect_arguments=False)
    library.instrument_fastapi(app)
    return library.force_flush


def lite_bootstrap(app, url, _folder) -> Flush:
    from lite_bootstrap import FastAPIBootstrapper, FastAPIConfig
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    logging.disable(logging.INFO)  # its lines would go to this process's stdout
    FastAPIBootstrapper(
        bootstrap_config=FastAPIConfig(service_name="bench", service_debug=False, application=app)
    ).bootstrap()
    provider = trace.get_tracer_provider()
    if not hasattr(provider, "add_span_processor"):
        provider = _otel_provider(url)
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app)
    else:
        provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces"), max_queue_size=200_000)
        )
    return provider.force_flush


def _obskit(*, traces: bool, logs: bool, sampler: str = "parentbased_always_on"):
    def install(app, url, folder) -> Flush:
        import obskit

        os.environ["OTEL_TRACES_SAMPLER"] = sampler
        obs = obskit.init(
            service="bench",
            log_level="info" if logs else "critical",
            log_dir=folder if logs else None,
            log_format="none",
            otlp_endpoint=url if traces else None,
        )
        if not traces:
            os.environ["OTEL_TRACES_SAMPLER"] = "always_off"
        obskit.instrument(app)
        return obs.flush

    return install


VARIANTS = {
    "bare": Variant("bare", bare),
    "obskit": Variant("obskit", _obskit(traces=True, logs=True), spans=True, lines=True),
    "obskit, unsampled": Variant("obskit", _obskit(traces=True, logs=True, sampler="always_off"), lines=True),
    "obskit, metrics": Variant("obskit", _obskit(traces=False, logs=False, sampler="always_off")),
    "obskit, metrics and logs": Variant(
        "obskit", _obskit(traces=False, logs=True, sampler="always_off"), lines=True
    ),
    "obskit, metrics and traces": Variant("obskit", _obskit(traces=True, logs=False), spans=True),
    "contrib": Variant("contrib", contrib, spans=True),
    "contrib, unsampled": Variant("contrib", contrib_unsampled),
    "native": Variant("native", native, spans=True),
    "instrumentator": Variant("instrumentator", instrumentator),
    "starlette-exporter": Variant("starlette-exporter", starlette_exporter),
    "hand-wired": Variant("hand-wired", hand_wired, spans=True, lines=True),
    "fastapi-vitals": Variant("fastapi-vitals", fastapi_vitals, spans=True),
    "logfire": Variant("logfire", logfire, spans=True),
    "lite-bootstrap": Variant("lite-bootstrap", lite_bootstrap, spans=True),
}


def say(result: dict[str, Any]) -> None:
    """Print the result of a child for the parent, on the one stream that nothing else writes to."""
    sys.__stdout__.write(json.dumps(result) + "\n")
    sys.__stdout__.flush()
