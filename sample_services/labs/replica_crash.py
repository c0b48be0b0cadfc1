"""A replica that is killed: seen by a caller with its address, and through a balancer."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.load import Call
from sample_services.labs.processes import free_port
from sample_services.labs.replicas import Replicas, getting, two_gateways
from sample_services.labs.traefik import Door, traefik

__all__ = ["LAB"]

_KILLED_AT, _STARTED_AT = 0.2, 0.5
_SETTLE_S = 1.0


def _crash(bench: Bench, replicas: Replicas) -> Callable[[float], Coroutine[None, None, None]]:
    """Return what kills the first replica after a while and starts it again later."""
    first = replicas.processes[0]

    async def crash(seconds: float) -> None:
        await asyncio.sleep(seconds * _KILLED_AT)
        await bench.processes.stop(first, signal.SIGKILL)
        await asyncio.sleep(seconds * (_STARTED_AT - _KILLED_AT))
        bench.processes.start(first)
        await bench.processes.ready(first)
        await asyncio.sleep(_SETTLE_S)  # until the balancer has seen it too

    return crash


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    replicas = await two_gateways(bench, drain_s=0.0)
    checked = Door("checked", free_port(), has_health=True)
    retried = Door("retried", free_port(), has_health=True, has_retry=True)
    balancer = traefik(bench, replicas.urls, [checked, retried])
    bench.processes.start(balancer)
    await bench.processes.ready(balancer)
    crash = _crash(bench, replicas)

    def way(name: str, what: str, call: Call) -> Way:
        return Way(name=name, what=what, call=call, during=crash)

    async with AsyncExitStack() as clients:

        async def through(url: str) -> Call:
            return await clients.enter_async_context(getting(url, "/api/products?limit=3"))

        yield Stand(
            [
                way(
                    "balancer and retry",
                    "health checks; no connection: the other one",
                    await through(retried.url),
                ),
                way("balancer", "health checks every half second", await through(checked.url)),
                way("no balancer", "the address of the one that is killed", await through(replicas.urls[0])),
            ]
        )


LAB = Lab(
    name="replica-crash-with-and-without-balancer",
    question="How many requests are lost when one of two replicas is killed?",
    ways=("balancer and retry", "balancer", "no balancer"),
    rate=50,
    seconds=8,
    contrasts=(Contrast("failed"), Contrast("p95_s")),
    stand=_stand,
)
