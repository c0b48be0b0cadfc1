"""Limits how many events a second are taken."""

from obskit.pager._clock import Clock

__all__ = ["Rate"]


class Rate:
    """A bucket of permits that refills at *per_s* a second and holds two seconds' worth."""

    def __init__(self, per_s: float, clock: Clock) -> None:
        self._per_s = per_s
        self._clock = clock
        self._full = self._left = max(1.0, 2 * per_s)
        self._at = clock.monotonic()

    def allow(self) -> bool:
        """Take a permit; False when there is none."""
        now = self._clock.monotonic()
        self._left = min(self._full, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
