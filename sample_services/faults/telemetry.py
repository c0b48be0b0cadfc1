"""Telemetry that is too much."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import obskit
from sample_services.faults._active import Active, Mechanism

__all__ = ["FloodLog"]

_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodLog(Mechanism):
    """Something writes *lines_per_s* log lines a second at 100 %, *most* in all."""

    lines_per_s: float
    most: int

    def running(self, on: Active) -> AbstractAsyncContextManager[None]:
        """Write them, some ten times a second."""
        log = obskit.get_logger()
        burst = max(1, round(self.lines_per_s * on.share * _EVERY_S))
        written = 0

        async def write() -> None:
            nonlocal written
            if written >= self.most:
                return
            with obskit.span("cart.dump"):
                on.leave_evidence(lines=burst)
                for number in range(burst):
                    log.info("cart.dumped", number=written + number, items=["TEA-GREEN", "MUG-BLUE"])
            written += burst

        return on.repeating(_EVERY_S, write)
