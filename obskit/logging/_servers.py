"""The loggers of uvicorn, gunicorn and hypercorn: no handlers of their own, no access lines."""

import logging
from typing import Any

from obskit.logging._stdlib import is_terminal_handler

__all__ = ["adopt"]

_ADOPTED = ("uvicorn", "uvicorn.error", "uvicorn.asgi", "gunicorn.error", "hypercorn.error")
_SILENCED = ("uvicorn.access", "gunicorn.access", "hypercorn.access")


class _Adopted:
    """A logger that hands its lines to the root, whatever its server configures.

    A server configures its loggers when it starts, which is before or after ``init``: the
    command line imports the application last, ``uvicorn.run(app)`` comes last itself.
    Refusing works in both orders; taking away works in one.
    """

    @property
    def propagate(self) -> bool:
        return True

    @propagate.setter
    def propagate(self, value: bool) -> None:
        """Keep to the root."""

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 - the standard library's name
        """Take a handler that writes to a file or elsewhere, refuse one that prints."""
        if not is_terminal_handler(hdlr):
            super().addHandler(hdlr)  # type: ignore[misc]  # a Logger is the other base


class _Silenced(_Adopted):
    """A logger that says nothing, and says so before its server makes a line."""

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the standard library's name
        return False

    def hasHandlers(self) -> bool:  # noqa: N802 - the standard library's name
        return False


def adopt() -> None:
    """Make the servers' loggers write to the root logger, now and after the server configures them.

    Access lines go: ours, of each request, carries more. Handlers that write to files stay.
    """
    for names, kind in ((_ADOPTED, _Adopted), (_SILENCED, _Silenced)):
        for name in names:
            logger = logging.getLogger(name)
            if not isinstance(logger, _Adopted):
                _change_class(logger, kind)
            logger.handlers[:] = [handler for handler in logger.handlers if not is_terminal_handler(handler)]


def _change_class(logger: logging.Logger, kind: type[Any]) -> None:
    own = type(logger)
    logger.__class__ = type(kind.__name__, (kind, own), {})
