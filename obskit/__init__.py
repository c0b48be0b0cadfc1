"""Observability for Python services: logs, traces and RED metrics that are linked to each other.

::

    import obskit

    obs = obskit.init(service="orders", version="1.4")
    app = obskit.instrument(FastAPI())
    log = obskit.get_logger()
"""

from importlib import import_module
from typing import TYPE_CHECKING

from obskit._version import __version__

if TYPE_CHECKING:
    from obskit._setup import Telemetry, add_check, init, instrument, shutdown
    from obskit._verbs import (
        ASGIMiddleware,
        WSGIMiddleware,
        auth_check,
        consume,
        dependency,
        fallback,
        job,
        produce,
        push_metrics,
        retry_budget,
        serve_metrics,
        watch_consumer,
        watch_queue,
    )
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

_HOMES = {
    "obskit._setup": ("Telemetry", "add_check", "init", "instrument", "shutdown"),
    "obskit._verbs": (
        "ASGIMiddleware",
        "WSGIMiddleware",
        "auth_check",
        "consume",
        "dependency",
        "fallback",
        "job",
        "produce",
        "push_metrics",
        "retry_budget",
        "serve_metrics",
        "watch_consumer",
        "watch_queue",
    ),
    "obskit.context": ("bind", "in_context", "unbind"),
    "obskit.errors": ("ConfigError", "InstrumentError", "MissingExtraError", "ObskitError", "StackError"),
    "obskit.logging": ("get_logger",),
    "obskit.messaging": ("QueueState", "message_headers"),
    "obskit.tracing": ("span", "traced"),
}
"""Where the names above are from. Each is imported when it is first used: the command line needs none of
them, and the libraries under them are most of what a command would spend its time on. Type checkers read the
imports above instead; mypy and the tests hold either against ``__all__``."""


if not TYPE_CHECKING:  # type checkers know the names above, and that there are no others

    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(home), name)
                return value
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
