"""A mail provider on this machine: ``python -m sample_services.smtp --port 8025``.

A real SMTP server that keeps no mail and sends none on. As providers do, it takes only so
many mails a second (451, try again later) and refuses addresses that do not exist (550: here
those that begin with ``bounce-``). ``--ledger`` writes one line for each mail taken: its
Message-ID and its recipient. Where ``OBSKIT_FAULTS_TOKEN_FILE`` is set, the command ``XRATE
<token> <rate>`` changes how many mails a second it takes, and without a rate changes it back.
"""

import argparse
import asyncio
import hmac
import os
import re
import signal
import time
from pathlib import Path
from typing import TextIO

from aiosmtpd.smtp import SMTP, Envelope, Session

__all__ = ["Provider"]

_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_MOST_BYTES = 256 * 1024


class Provider:
    """What the server answers; *rate* is mails a second, 0 for as many as come."""

    def __init__(self, *, rate: float = 0.0, ledger: TextIO | None = None) -> None:
        self._rate = self._own_rate = rate
        self._ledger = ledger
        self._allowance = rate
        self._looked_at = time.monotonic()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take or refuse one recipient."""
        if address.startswith("bounce-"):
            return "550 5.1.1 There is no such mailbox"
        if not self._takes():
            return "451 4.7.1 Too many mails a second; try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - as above
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take one mail."""
        content = envelope.content or b""
        found = _MESSAGE_ID.search(content if isinstance(content, bytes) else content.encode())
        if self._ledger is not None:
            message_id = found.group(1).decode("ascii", "replace") if found else "-"
            self._ledger.writelines(f"{message_id} {address}\n" for address in envelope.rcpt_tos)
        return "250 2.0.0 OK"

    def change_rate(self, rate: float | None) -> None:
        """Take so many mails a second from now on; None: as many as at the start."""
        self._rate = self._own_rate if rate is None else rate
        self._allowance = min(self._allowance, self._rate)

    def _takes(self) -> bool:
        if not self._rate:
            return True
        now = time.monotonic()
        # A bucket of one second's mails, filled at the rate.
        self._allowance = min(max(1.0, self._rate), self._allowance + (now - self._looked_at) * self._rate)
        self._looked_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


class _Server(SMTP):
    """The server, with one command more."""

    def __init__(self, provider: Provider, token: str | None) -> None:
        super().__init__(provider, hostname="localhost", ident="obskit sample", data_size_limit=_MOST_BYTES)
        self._provider = provider
        self._token = token

    async def smtp_XRATE(self, argument: str | None) -> None:  # noqa: N802 - aiosmtpd finds it by its name
        """Change how many mails a second are taken."""
        token, _, rate = (argument or "").partition(" ")
        if self._token is None or not hmac.compare_digest(token.encode(), self._token.encode()):
            await self.push("535 5.7.8 Send the token of OBSKIT_FAULTS_TOKEN_FILE")
            return
        try:
            wanted = float(rate) if rate else None
        except ValueError:
            await self.push("501 5.5.4 Send a number of mails a second")
            return
        self._provider.change_rate(wanted)
        await self.push("250 2.0.0 OK")


async def _serve(host: str, port: int, provider: Provider, token: str | None) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(lambda: _Server(provider, token), host, port)
    try:
        await ended.wait()
    finally:
        server.close()


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m sample_services.smtp", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 inside a container only")
    parser.add_argument("--port", type=int, default=8025)
    parser.add_argument("--rate", type=float, default=0.0, help="mails a second; 0: as many as come")
    parser.add_argument("--ledger", type=Path, help="file to which a line for each mail is added")
    options = parser.parse_args()
    # Not the settings of the services: this is somebody else's program, and a small one.
    file = os.environ.get("OBSKIT_FAULTS_TOKEN_FILE")
    token = Path(file).read_text(encoding="utf-8").strip() if file else None
    if options.ledger is None:
        asyncio.run(_serve(options.host, options.port, Provider(rate=options.rate), token))
        return
    with options.ledger.open("a", buffering=1, encoding="utf-8") as ledger:
        asyncio.run(_serve(options.host, options.port, Provider(rate=options.rate, ledger=ledger), token))


if __name__ == "__main__":
    main()
