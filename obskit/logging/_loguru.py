"""loguru's lines, through a sink into the pipe; never the other way."""

import re
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from obskit.logging._pipe import LogPipe
from obskit.logging._stdlib import level_of

if TYPE_CHECKING:
    from loguru import Message

__all__ = ["wire"]

# Sinks of the terminal, ours of an earlier pipe, and loguru's recipe for the way to the
# standard library, which would bring each line a second time. loguru lists its sinks in its repr only.
_DOUBLES = re.compile(r"id=(\d+), level=\d+, sink=(?:<stdout>|<stderr>|obskit\b|<PropagateHandler\b)")


def wire(pipe: LogPipe) -> None:
    """Send what loguru logs to *pipe*, if loguru is installed.

    It is imported even if nobody did yet (some 50 ms, in ``init`` and not in ``import
    obskit``): waiting for the application to import it would make the order of imports
    decide where its lines go.
    """
    if find_spec("loguru") is None:
        return
    from loguru import logger

    for number in _DOUBLES.findall(repr(logger)):
        logger.remove(int(number))
    # diagnose would put the values of local variables, and so secrets, into texts.
    logger.add(_sink(pipe), level=0, format=_no_text, backtrace=False, diagnose=False, catch=True)


def _no_text(_record: object) -> str:
    return ""


def _sink(pipe: LogPipe) -> Callable[["Message"], None]:
    busy = threading.local()

    def obskit(message: "Message") -> None:
        # A line that is logged while a line is written (by a user's __repr__) would come back here for ever.
        if getattr(busy, "yes", False):
            return
        busy.yes = True
        try:
            _write(pipe, message)
        finally:
            busy.yes = False

    return obskit


def _write(pipe: LogPipe, message: "Message") -> None:
    record = message.record
    fields = dict(record["extra"])
    if record["exception"] is not None:
        fields["exc_info"] = record["exception"].value
    pipe.emit(level_of(record["level"].no), record["message"], fields, record["name"] or "root")
