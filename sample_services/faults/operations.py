"""Operations that are late, fail, or go a bad way."""

from dataclasses import dataclass

from sample_services.faults._active import Active, InjectedFaultError, Mechanism

__all__ = ["Delay", "Divert", "Fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(Mechanism):
    """Operations at *point* take *seconds* longer."""

    point: str
    seconds: float

    async def strike(self, on: Active, point: str) -> None:
        """Wait, for the operations that the level chooses."""
        if point == self.point and on.takes():
            on.leave_evidence(point=point)
            await on.wait(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Mechanism):
    """Operations at *point* fail."""

    point: str

    async def strike(self, on: Active, point: str) -> None:
        """Raise, for the operations that the level chooses."""
        if point == self.point and on.takes():
            on.leave_evidence(point=point)
            msg = f"The fault {on.fault_id} is on at {on.level} %; this operation was chosen to fail."
            raise InjectedFaultError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Divert(Mechanism):
    """Operations at *point* go the bad way that the service's code has there."""

    point: str

    def diverts(self, on: Active, point: str) -> bool:
        """Say so for the operations that the level chooses."""
        is_hit = point == self.point and on.takes()
        if is_hit:
            on.leave_evidence(point=point)
        return is_hit
