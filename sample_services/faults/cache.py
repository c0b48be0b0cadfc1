"""Caches that know nothing."""

from dataclasses import dataclass

from sample_services.faults._active import Active, Mechanism

__all__ = ["EmptyCache"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyCache(Mechanism):
    """What matches *keys* leaves the cache before the lookup at *point*."""

    point: str
    keys: str

    async def strike(self, on: Active, point: str) -> None:
        """Empty it before the lookups that the level chooses."""
        if point == self.point and on.takes():
            on.leave_evidence(point=point)
            await on.need(on.reach.cache).delete_match(self.keys)
