"""Observability for Python services: logs, traces and RED metrics that are linked to each other.

::

    import obskit

    obs = obskit.init(service="orders", version="1.4")
    app = obskit.instrument(FastAPI())
    log = obskit.get_logger()
"""

from obskit._setup import (
    Telemetry,
    add_check,
    consume,
    init,
    instrument,
    produce,
    shutdown,
    watch_consumer,
    watch_queue,
)
from obskit._verbs import (
    ASGIMiddleware,
    WSGIMiddleware,
    auth_check,
    dependency,
    fallback,
    job,
    push_metrics,
    retry_budget,
    serve_metrics,
)
from obskit._version import __version__
from obskit.context import bind, in_context, unbind
from obskit.errors import ConfigError, InstrumentError, MissingExtraError, ObskitError, StackError
from obskit.logging import get_logger
from obskit.messaging import QueueState, message_headers
from obskit.tracing import span, traced

__all__ = [
    "ASGIMiddleware",
    "ConfigError",
    "InstrumentError",
    "MissingExtraError",
    "ObskitError",
    "QueueState",
    "StackError",
    "Telemetry",
    "WSGIMiddleware",
    "__version__",
    "add_check",
    "auth_check",
    "bind",
    "consume",
    "dependency",
    "fallback",
    "get_logger",
    "in_context",
    "init",
    "instrument",
    "job",
    "message_headers",
    "produce",
    "push_metrics",
    "retry_budget",
    "serve_metrics",
    "shutdown",
    "span",
    "traced",
    "unbind",
    "watch_consumer",
    "watch_queue",
]
