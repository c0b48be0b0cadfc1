"""A deployment under load: with readiness and drain, with readiness alone, and with neither."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.load import Call
from sample_services.labs.processes import Process, free_port
from sample_services.labs.replicas import Replicas, getting, two_gateways
from sample_services.labs.traefik import Door, traefik

__all__ = ["LAB"]

_DRAIN_S = 2.0
_SETTLE_S = 0.5
_READY, _NEITHER, _ALONE = "readiness and drain", "neither", "readiness"
_GAP_S = 1.0
"""What a deployment that asks nobody leaves between one replica and the next."""


def _deploy(
    bench: Bench, replicas: Replicas, *, is_waiting: bool
) -> Callable[[float], Coroutine[None, None, None]]:
    """Return what replaces one replica after the other; with *is_waiting* the next only when the last is ready."""

    async def replace(process: Process) -> None:
        await bench.processes.stop(process)
        bench.processes.start(process)
        if is_waiting:
            await bench.processes.ready(process)
            await asyncio.sleep(2 * _SETTLE_S)  # until the balancer has seen it too
        else:
            await asyncio.sleep(_GAP_S)

    async def deploy(_seconds: float) -> None:
        await asyncio.sleep(_SETTLE_S)
        for process in replicas.processes:
            await replace(process)
        await bench.processes.ready(*replicas.processes)

    return deploy


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    doors = {
        name: Door(f"door{number}", free_port(), has_health=name != _NEITHER)
        for number, name in enumerate((_READY, _ALONE, _NEITHER))
    }
    replicas = await two_gateways(bench, drain_s=0.0)
    balancer = traefik(bench, replicas.urls, list(doors.values()))
    bench.processes.start(balancer)
    await bench.processes.ready(balancer)

    def draining(seconds: float) -> Callable[[], Coroutine[None, None, None]]:
        async def before() -> None:
            for process in replicas.processes:
                await bench.processes.stop(process)
                process.environment = {**process.environment, "OBSKIT_DRAIN_S": f"{seconds:g}"}
                bench.processes.start(process)
            await bench.processes.ready(*replicas.processes)
            await asyncio.sleep(2 * _SETTLE_S)  # until the balancer has seen them too

        return before

    def way(name: str, what: str, drain_s: float, call: Call) -> Way:
        during = _deploy(bench, replicas, is_waiting=name != _NEITHER)
        return Way(name=name, what=what, call=call, before=draining(drain_s), during=during)

    async with AsyncExitStack() as clients:
        calls = {
            name: await clients.enter_async_context(getting(door.url, "/api/products?limit=3"))
            for name, door in doors.items()
        }
        yield Stand(
            [
                way(
                    _READY,
                    f"not ready first, closed {_DRAIN_S:g} s later; the next when it is back",
                    _DRAIN_S,
                    calls[_READY],
                ),
                way(_ALONE, "health checks, but closed at once", 0.0, calls[_ALONE]),
                way(
                    _NEITHER,
                    "no health checks, closed at once, the next a second later",
                    0.0,
                    calls[_NEITHER],
                ),
            ]
        )


LAB = Lab(
    name="rolling-deploy-with-and-without-readiness",
    question="How many requests does a deployment of two replicas lose?",
    ways=(_READY, _ALONE, _NEITHER),
    rate=50,
    seconds=14,
    contrasts=(Contrast("failed"), Contrast("p95_s")),
    stand=_stand,
)
