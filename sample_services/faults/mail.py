"""A mail provider that takes less."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiosmtplib import SMTP, SMTPException

import obskit
from sample_services.faults._active import Active, Mechanism

__all__ = ["ThrottleProvider"]

_OK = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleProvider(Mechanism):
    """The provider takes *most_per_s* mails a second less the level's share, and *least_per_s* at the least."""

    most_per_s: float
    least_per_s: float

    @asynccontextmanager
    async def running(self, on: Active) -> AsyncIterator[None]:
        """Tell the provider, and tell it at the end to go on as before."""
        rate = max(self.least_per_s, self.most_per_s * (1 - on.share))
        await _order(on, f"{rate:g}")
        on.leave_evidence(mails_per_s=rate)
        try:
            yield
        finally:
            try:
                await _order(on, "")
            except (SMTPException, OSError) as error:
                # It is away: it begins with its own rate when it is back.
                obskit.get_logger().warning("fault.not_mended", fault=on.fault_id, error=type(error).__name__)


async def _order(on: Active, rate: str) -> None:
    place = urlsplit(on.need(on.reach.smtp_url))
    async with SMTP(hostname=place.hostname or "127.0.0.1", port=place.port or 25, start_tls=False) as smtp:
        command = f"XRATE {on.need(on.reach.token)} {rate}".strip()
        answer = await smtp.execute_command(command.encode())
    if answer.code != _OK:
        msg = f"The mail provider did not take the order ({answer.code})."
        raise SMTPException(msg)
