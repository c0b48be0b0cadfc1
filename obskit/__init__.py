"""Observability for Python services: logs, traces and RED metrics that are linked to each other.

::

    import obskit

    obs = obskit.init(service="orders", version="1.4")
    app = obskit.instrument(FastAPI())
    log = obskit.get_logger()
"""

from obskit._setup import Telemetry, add_check, consume, init, instrument, shutdown
from obskit._version import __version__
from obskit.context import bind, unbind
from obskit.errors import ConfigError, InstrumentError, MissingExtraError, ObskitError, StackError
from obskit.logging import get_logger
from obskit.tracing import span, traced

__all__ = [
    "ConfigError",
    "InstrumentError",
    "MissingExtraError",
    "ObskitError",
    "StackError",
    "Telemetry",
    "__version__",
    "add_check",
    "bind",
    "consume",
    "get_logger",
    "init",
    "instrument",
    "shutdown",
    "span",
    "traced",
    "unbind",
]
