"""Bulk mail in a loop of the request against a queue with workers."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.errors import CallFailedError
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.processes import LOOPBACK, Process, free_port, nats_server

__all__ = ["LAB"]

_RECIPIENTS = 100
_CAMPAIGN = {
    "subject": "Tea in spring",
    "text": "Fresh leaves are in.",
    "recipients": _RECIPIENTS,
    "bounce_percent": 0,
}
_TIMEOUT_S, _SENT_S, _LOOK_S = 30.0, 120.0, 0.02
_QUEUE, _LOOP = "queue", "loop"


class _Provider:
    """A mail server of the lab's own, and the mails that it has taken."""

    def __init__(self, bench: Bench) -> None:
        port = free_port()
        self.url = f"smtp://{LOOPBACK}:{port}"
        self._ledger: Path = bench.home / "mails.txt"
        options = ("--port", str(port), "--ledger", str(self._ledger))
        command = (sys.executable, "-P", "-m", "sample_services.smtp", *options)
        self.process = Process("smtp", command, {}, f"tcp://{LOOPBACK}:{port}")

    async def taken(self) -> int:
        """Return how many mails it has taken."""
        return (await asyncio.to_thread(self._ledger.read_bytes)).count(b"\n")


class _Sender:
    """One way to send campaigns: the service at *url*."""

    def __init__(self, provider: _Provider, client: httpx.AsyncClient, url: str) -> None:
        self._provider, self._client, self._url = provider, client, url
        self._accepted = self._before = 0
        self._began_at = 0.0

    async def reset(self) -> None:
        self._accepted, self._before = 0, await self._provider.taken()
        self._began_at = time.perf_counter()

    async def call(self, number: int) -> None:
        query = {"name": f"c{number}"}
        answer = await self._client.post(f"{self._url}/campaigns", json=_CAMPAIGN, params=query)
        if not answer.is_success:
            raise CallFailedError(str(answer.status_code))
        self._accepted += 1

    async def sent(self) -> Mapping[str, float]:
        """Wait until every mail of every campaign is at the provider."""
        wanted = self._accepted * _RECIPIENTS
        deadline = time.perf_counter() + _SENT_S
        while (taken := await self._provider.taken() - self._before) < wanted:
            if time.perf_counter() > deadline:
                break
            await asyncio.sleep(_LOOK_S)
        took_s = time.perf_counter() - self._began_at
        return {"work_per_s": round(taken / took_s, 3), "lost": float(wanted - taken)}


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    provider = _Provider(bench)
    ports = {name: free_port() for name in ("nats", _QUEUE, _LOOP)}
    places = {"SMTP_URL": provider.url, "NATS_URL": f"nats://{LOOPBACK}:{ports['nats']}"}
    service = bench.processes.service
    broker = nats_server(bench.home, ports["nats"])
    queue = service("notifications", "notifications.app:create_app", ports[_QUEUE], **places)
    loop = service("mail-loop", "labs.mail_loop:create_app", ports[_LOOP], **places)
    for processes in ((provider.process, broker), (queue, loop)):
        bench.processes.start(*processes)
        await bench.processes.ready(*processes)
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:

        def way(name: str, what: str) -> Way:
            sender = _Sender(provider, client, f"http://{LOOPBACK}:{ports[name]}")
            return Way(name=name, what=what, call=sender.call, before=sender.reset, after=sender.sent)

        yield Stand(
            [
                way(_QUEUE, "stored with an outbox, sent in batches by workers; answered when stored"),
                way(_LOOP, "sent one after the other; answered when all are sent"),
            ]
        )


LAB = Lab(
    name="bulk-mail-loop-vs-queue",
    question=f"Should a mail to {_RECIPIENTS} recipients be sent in the request that asks for it?",
    ways=(_QUEUE, _LOOP),
    rate=1,
    seconds=8,
    contrasts=(Contrast("p95_s"), Contrast("work_per_s"), Contrast("messages")),
    stand=_stand,
)
