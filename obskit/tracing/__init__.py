"""Traces: the OpenTelemetry SDK, exported as OTLP/JSON from one bounded background thread."""

from obskit.tracing._export import Exporter
from obskit.tracing._otlp import encode
from obskit.tracing._propagation import extract, inject
from obskit.tracing._provider import Tracing
from obskit.tracing._spans import fail, span, traced

__all__ = ["Exporter", "Tracing", "encode", "extract", "fail", "inject", "span", "traced"]
