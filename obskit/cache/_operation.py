"""The cache command that runs now, and the failures of Redis that cashews swallows.

With ``suppress=True``, its default, a Redis that does not answer looks like an empty one:
cashews logs the failure and returns nothing. The line is written while our operation runs,
so a filter on that logger can tell a failure from a miss.
"""

import logging
from contextvars import ContextVar

__all__ = ["Operation", "current_operation", "listen"]

_LOGGER = "cashews.backends.redis.client"


class Operation:
    """One command: whether it removes entries, and the failure that cashews did not raise."""

    __slots__ = ("cancelled", "error_type", "removing")

    def __init__(self, *, removing: bool) -> None:
        self.removing = removing
        self.error_type = ""
        self.cancelled = False

    def failed(self, error: BaseException) -> None:
        """Note what the command raised; a caller that went away says nothing of the cache."""
        self.error_type = type(error).__name__
        self.cancelled = not isinstance(error, Exception)


current_operation: ContextVar[Operation | None] = ContextVar("obskit_cache_operation", default=None)


class _Listener(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        operation = current_operation.get()
        if operation is not None and record.levelno >= logging.ERROR:
            kind = record.exc_info[0] if record.exc_info else None
            operation.error_type = kind.__name__ if kind is not None else "CacheError"
        return True


def listen() -> None:
    """Listen to cashews's logger; a second call changes nothing."""
    logger = logging.getLogger(_LOGGER)
    if not any(isinstance(each, _Listener) for each in logger.filters):
        logger.addFilter(_Listener())
