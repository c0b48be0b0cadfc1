"""Notices that the monitoring itself went silent."""

__all__ = ["Deadman"]


class Deadman:
    """Watches for heartbeats on a steady clock, in seconds.

    It is armed by the first heartbeat, in this process or an earlier one (*armed*), so
    that a pager without monitoring behind it never fires. After it fired it stays quiet
    until a heartbeat came.
    """

    def __init__(self, limit_s: float, *, armed: bool, now: float) -> None:
        self._limit_s = limit_s
        self._armed = armed
        self._last = now
        self.last_beat: float | None = None
        """When this process last took a heartbeat."""
        self.settled = False
        """Whether no earlier silence is left to be resolved; unknown, so False, at start."""

    def beat(self, now: float) -> None:
        """Take a heartbeat."""
        self._last = self.last_beat = now
        self._armed = True

    def overdue(self, now: float) -> float | None:
        """Return the seconds of silence when they passed the limit, else None."""
        silent = now - self._last
        return silent if self._armed and silent >= self._limit_s else None

    def told(self) -> None:
        """Note that somebody was told of the silence: once is enough."""
        self._armed = self.settled = False
