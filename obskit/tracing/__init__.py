"""Traces: the OpenTelemetry SDK, exported as OTLP/JSON from one bounded background thread."""

from obskit.tracing._ended import left_out, record_ended
from obskit.tracing._exemplar import exemplar
from obskit.tracing._export import Exporter
from obskit.tracing._otlp import encode
from obskit.tracing._propagation import extract, inject
from obskit.tracing._provider import Tracing
from obskit.tracing._quick import set_plain
from obskit.tracing._spans import detach, fail, span, untraced
from obskit.tracing._traced import traced

__all__ = [
    "Exporter",
    "Tracing",
    "detach",
    "encode",
    "exemplar",
    "extract",
    "fail",
    "inject",
    "left_out",
    "record_ended",
    "set_plain",
    "span",
    "traced",
    "untraced",
]
