"""Writes down where the services' lines go that a fault of the stack was switched: what it kills says nothing."""

import logging
import os
from datetime import UTC, datetime

import orjson

from obskit._version import __version__
from obskit.stack._home import Home
from obskit.stack._specs import SUPERVISOR

__all__ = ["note"]

_log = logging.getLogger(__name__)


def note(home: Home, event: str, *, fault: str, level: int) -> None:
    """Write one line of *event*, as a service has them; a disk that is full stops no switch."""
    line = {
        "timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": "warning" if level else "info",
        "event": event,
        "service": SUPERVISOR,
        "environment": "demo",
        "version": __version__,
        "logger": __name__,
        "fault": fault,
        "fault_level": level,
    }
    path = home.service_logs / f"{SUPERVISOR}.{os.getpid()}.jsonl"
    try:
        with path.open("ab") as file:
            file.write(orjson.dumps(line) + b"\n")
    except OSError as error:
        _log.warning("the switch of %s could not be written down: %s", fault, error)
