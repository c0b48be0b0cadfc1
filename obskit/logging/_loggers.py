"""The structlog loggers: one chain and one class, which every logger holds and :func:`wire` fills.

structlog hands a logger its processors and its level filter when it is bound, so that a
logger bound at import would never hear of a later ``init``. Here those two objects stay
the same and their contents change. That is module state, and the contract demands it:
loggers made before ``init`` write to the pipe that ``init`` made.
"""

import inspect
from typing import Any, NoReturn, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from obskit.logging._pipe import LogPipe

__all__ = ["get_logger", "wire"]

_LEVELS = {
    "notset": "debug",
    "debug": "debug",
    "info": "info",
    "msg": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
    "fatal": "critical",
}


class _Named:
    """What stands behind a logger: its name. It prints only if somebody puts another chain before it."""

    def __init__(self, name: str | None = None, *_: Any) -> None:
        self.name = name or "root"

    def msg(self, message: str) -> None:
        print(message)  # noqa: T201 - as structlog's own PrintLogger

    log = debug = info = warn = warning = error = err = exception = critical = fatal = failure = msg


class _ToPipe:
    """The last processor: hands the line to the pipe, and nothing to the logger behind."""

    def __init__(self, pipe: LogPipe) -> None:
        self.emit = pipe.emit

    def __call__(self, logger: Any, method: str, event: EventDict) -> NoReturn:
        text = event.pop("event", "")
        self.emit(_LEVELS[method], text, event, getattr(logger, "name", None) or "root")
        raise structlog.DropEvent


class _Logger(structlog.BoundLoggerBase):
    """A bound logger that takes the short way to the pipe; :func:`wire` sets its level methods."""

    _logger: Any
    _processors: list[Processor]

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **event_kw: Any) -> Any:
        last = self._processors[-1]
        if type(last) is not _ToPipe:  # before init, or in structlog.testing.capture_logs()
            return super()._proxy_to_logger(method_name, event, **event_kw)
        if _bound_by_structlog:
            event_kw = {**structlog.contextvars.get_contextvars(), **self._context, **event_kw}
        elif self._context:
            event_kw = {**self._context, **event_kw}
        last.emit(_LEVELS[method_name], "" if event is None else event, event_kw, self._logger.name)
        return None


# Reading the context costs as much as the rest of the short way. Who never called
# structlog's bind_contextvars need not pay; should this name go, everybody does.
_bound_by_structlog = getattr(structlog.contextvars, "_CONTEXT_VARS", {"": None})


def _before_init(logger: Any, method: str, event: EventDict) -> NoReturn:
    """Without a pipe, log as structlog is configured: its default, or the user's own."""
    getattr(structlog.get_logger(logger.name), method)(**event)
    raise structlog.DropEvent


_chain: list[Processor] = [_before_init]


def _filter_at(level: str) -> None:
    for name, member in vars(structlog.make_filtering_bound_logger(level)).items():
        if not name.startswith("__"):
            setattr(_Logger, name, member)


_filter_at("notset")


def get_logger(name: str | None = None) -> FilteringBoundLogger:
    """Return a structlog logger: ``log.info("order.created", order_id=...)``.

    *name* is the ``logger`` of its lines; without one, the name of the calling module is
    taken. A logger may be made, and bound, before :func:`obskit.init`.
    """
    if name is None:
        frame = inspect.currentframe()
        caller = frame.f_back if frame is not None else None
        name = caller.f_globals.get("__name__") if caller is not None else None
    return cast("FilteringBoundLogger", _Logger(_Named(name), _chain, {}))


def wire(pipe: LogPipe) -> None:
    """Send what every structlog logger logs, whenever it was made, to *pipe*."""
    _chain[:] = [structlog.contextvars.merge_contextvars, _ToPipe(pipe)]
    _filter_at(pipe.settings.log_level)
    bound_before = structlog.get_config()["processors"]
    if isinstance(bound_before, list):
        bound_before[:] = _chain
    structlog.configure(
        processors=_chain,
        wrapper_class=cast("type[FilteringBoundLogger]", _Logger),
        context_class=dict,
        logger_factory=_Named,
        cache_logger_on_first_use=False,
    )
