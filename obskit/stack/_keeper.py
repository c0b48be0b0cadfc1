"""Watches the supervisor, as the supervisor watches everything else.

When the supervisor ends without a stop being asked for, the keeper starts another. The
supervisor starts the keeper again like any other process, so either may be killed.
"""

import logging
import time

from obskit.stack._home import Home
from obskit.stack._identity import Identity, is_alive
from obskit.stack._launch import start_supervisor
from obskit.stack._state import read_record

__all__ = ["keep"]

_log = logging.getLogger(__name__)

WATCH_S = 0.2
_SUCCESSOR_S = 10.0


def keep(home: Home) -> int:
    """Watch the supervisor of *home* until a stop is asked for; returns the exit code of the process."""
    pause_s = WATCH_S
    while _is_wanted(home):
        time.sleep(pause_s)
        dead = _dead_supervisor(home)
        if dead is None or not _is_wanted(home):
            pause_s = WATCH_S
            continue
        _log.warning("the supervisor (pid %d) has ended; starting another", dead.pid)
        _replace(home, dead)
        pause_s = min(pause_s * 2, _SUCCESSOR_S)  # where that does not help, such as on a full disk
    return 0


def _is_wanted(home: Home) -> bool:
    return home.plan.exists() and not home.stop.exists()


def _dead_supervisor(home: Home) -> Identity | None:
    record = read_record(home.state)
    if record is None or record.supervisor.process is None or is_alive(record.supervisor.process):
        return None
    return record.supervisor.process


def _replace(home: Home, dead: Identity) -> None:
    """Start a supervisor and wait until it has taken over or ended."""
    try:
        child = start_supervisor(home)
    except OSError as error:
        _log.warning("the supervisor could not be started: %s", error)
        return
    deadline = time.monotonic() + _SUCCESSOR_S
    while child.poll() is None and time.monotonic() < deadline:
        record = read_record(home.state)
        if record is not None and record.supervisor.process not in {None, dead}:
            break
        time.sleep(WATCH_S)
