"""Two gateways with an inventory behind them, and the call that is made through them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from sample_services.labs.bench import Bench
from sample_services.labs.errors import CallFailedError
from sample_services.labs.load import Call
from sample_services.labs.processes import LOOPBACK, Process, free_port

__all__ = ["Replicas", "getting", "inventory", "no_broker", "two_gateways"]

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Replicas:
    """The two gateways, by their processes and addresses."""

    processes: tuple[Process, Process]
    urls: tuple[str, str]


def no_broker() -> dict[str, str]:
    """Return the setting for a service that is to do without a broker."""
    return {"NATS_URL": f"nats://{LOOPBACK}:{free_port()}"}


def inventory(bench: Bench) -> tuple[Process, str]:
    """Describe an inventory that does without a broker, and return its address too."""
    port = free_port()
    made = bench.processes.service("inventory", "inventory.app:create_app", port, **no_broker())
    made.ready = f"http://{LOOPBACK}:{port}/livez"
    return made, f"http://{LOOPBACK}:{port}"


async def two_gateways(bench: Bench, *, drain_s: float) -> Replicas:
    """Start an inventory and two gateways that drain for *drain_s* seconds, and wait until they are ready."""
    behind, url = inventory(bench)
    ports = (free_port(), free_port())
    first, second = (
        bench.processes.service(
            f"gateway-{number}",
            "gateway.app:create_app",
            port,
            INVENTORY_URL=url,
            OBSKIT_DRAIN_S=f"{drain_s:g}",
        )
        for number, port in enumerate(ports, 1)
    )
    for each in (first, second):
        each.page = ""  # what they count is gone when they go
    bench.processes.start(behind, first, second)
    await bench.processes.ready(behind, first, second)
    return Replicas((first, second), (f"http://{LOOPBACK}:{ports[0]}", f"http://{LOOPBACK}:{ports[1]}"))


@asynccontextmanager
async def getting(url: str, path: str) -> AsyncIterator[Call]:
    """Yield a call that gets *path* at *url*; every answer but a good one is a failure."""
    # Closed here before the other side closes them.
    limits = httpx.Limits(max_connections=200, keepalive_expiry=2.0)
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, limits=limits, trust_env=False) as client:

        async def call(_number: int) -> None:
            answer = await client.get(path)
            if not answer.is_success:
                raise CallFailedError(str(answer.status_code))

        yield call
