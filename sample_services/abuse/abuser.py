"""Takes the steps of an abuser on a schedule that answers cannot slow down, for a while."""

import asyncio
import socket
import ssl
import time
from collections import Counter
from pathlib import Path

import httpx

from sample_services.abuse.patterns import Once
from sample_services.loadgen.session import no_cookies

__all__ = ["Abuser", "client"]

_MAX_IN_FLIGHT = 64
_TIMEOUT_S = 10.0
_OWN_ADDRESS = "127.0.0.2"


class Abuser:
    """One caller that takes *rate* steps a second for *duration_s* seconds.

    A step that is due while 64 of them wait for an answer is left out: no more harm is done than asked for.
    """

    def __init__(self, once: Once, *, rate: float, duration_s: float) -> None:
        self._once = once
        self._interval_s = 1.0 / rate
        self._duration_s = duration_s
        self._in_flight: set[asyncio.Task[None]] = set()
        self.answers: Counter[str] = Counter()
        """Steps by the status of their last answer, or by the class of what went wrong."""

    async def run(self, caller: httpx.AsyncClient) -> None:
        """Take the steps until the time is over and all are answered, or until cancelled."""
        began = due = time.perf_counter()
        try:
            while due - began < self._duration_s:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if len(self._in_flight) < _MAX_IN_FLIGHT:
                    task = asyncio.create_task(self._step(caller))
                    self._in_flight.add(task)
                    task.add_done_callback(self._in_flight.discard)
                else:
                    self.answers["left out"] += 1
                due += self._interval_s
            await asyncio.gather(*self._in_flight)
        finally:
            for task in tuple(self._in_flight):
                task.cancel()
            await asyncio.gather(*self._in_flight, return_exceptions=True)

    async def _step(self, caller: httpx.AsyncClient) -> None:
        try:
            answer = await self._once(caller)
        except httpx.HTTPError as error:
            self.answers[type(error).__name__] += 1
        else:
            self.answers[str(answer.status_code)] += 1


def client(url: str, ca: Path | None) -> httpx.AsyncClient:
    """Return a client that trusts *ca* alone, and comes from an address of its own where this machine has it."""
    verify = ssl.create_default_context(cafile=str(ca)) if ca is not None else True
    transport = httpx.AsyncHTTPTransport(
        verify=verify,
        local_address=_own_address(),
        limits=httpx.Limits(max_connections=_MAX_IN_FLIGHT, keepalive_expiry=2.0),
    )
    return httpx.AsyncClient(
        base_url=url, transport=transport, timeout=_TIMEOUT_S, trust_env=False, cookies=no_cookies()
    )


def _own_address() -> str | None:
    # Limits count by address: honest callers of this machine must not pay for the abuser.
    with socket.socket() as probe:
        try:
            probe.bind((_OWN_ADDRESS, 0))
        except OSError:  # macOS gives the loopback interface one address
            return None
    return _OWN_ADDRESS
