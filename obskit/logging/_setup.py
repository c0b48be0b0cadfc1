"""Connects every source of lines with a pipe."""

from obskit.logging import _crashes, _loggers, _loguru, _servers, _stdlib
from obskit.logging._pipe import LogPipe

__all__ = ["configure"]


def configure(pipe: LogPipe) -> None:
    """Send the lines of this process to *pipe*: structlog, logging, warnings, the servers, loguru, crashes.

    May be called again with another pipe: loggers that exist already follow.
    """
    _loggers.wire(pipe)
    _stdlib.wire(pipe)
    _servers.adopt()
    _loguru.wire(pipe)
    _crashes.wire(pipe)
