"""Takes away the lines of uvicorn that ours replace and that it writes to its error logger."""

import logging

__all__ = ["quieten"]


class _NoHandshakes(logging.Filter):
    """Drops the line of each websocket's handshake, which shows the query and the caller's address."""

    def filter(self, record: logging.LogRecord) -> bool:
        return '"WebSocket %s"' not in str(record.msg)


def quieten() -> None:
    """Drop uvicorn's handshake lines, now and later; a second call changes nothing."""
    logger = logging.getLogger("uvicorn.error")
    if not any(isinstance(each, _NoHandshakes) for each in logger.filters):
        logger.addFilter(_NoHandshakes())
