"""Through the gateway, and through Traefik too, against a direct call of the service."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.load import Call
from sample_services.labs.processes import LOOPBACK, free_port
from sample_services.labs.replicas import getting, no_broker
from sample_services.labs.traefik import Door, traefik

__all__ = ["LAB"]


async def _order_at(url: str) -> str:
    """Place an order that is never finished here, and return the path under which it is shown."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        answer = await client.post(
            "/orders",
            params={"mode": "async"},
            json={"sku": "TEA-GREEN", "quantity": 1},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        return str(answer.raise_for_status().headers["Location"])


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    ports = (free_port(), free_port())
    orders_url, gateway_url = (f"http://{LOOPBACK}:{port}" for port in ports)
    orders = bench.processes.service("orders", "orders.app:create_app", ports[0], **no_broker())
    gateway = bench.processes.service("gateway", "gateway.app:create_app", ports[1], ORDERS_URL=orders_url)
    door = Door("door", free_port(), has_health=True)
    balancer = traefik(bench, [gateway_url], [door])
    bench.processes.start(orders, gateway, balancer)
    await bench.processes.ready(orders, gateway, balancer)
    path = await _order_at(orders_url)
    async with AsyncExitStack() as clients:

        async def through(url: str, prefix: str) -> Call:
            return await clients.enter_async_context(getting(url, f"{prefix}{path}"))

        yield Stand(
            [
                Way(name="direct", what="the orders service", call=await through(orders_url, "")),
                Way(name="gateway", what="the gateway before it", call=await through(gateway_url, "/api")),
                Way(name="Traefik and gateway", what="both before it", call=await through(door.url, "/api")),
            ]
        )


LAB = Lab(
    name="gateway-vs-direct",
    question="What does each step on the way to a service cost the caller?",
    ways=("direct", "gateway", "Traefik and gateway"),
    rate=30,
    seconds=4,
    contrasts=(Contrast("p50_s"), Contrast("p95_s"), Contrast("cpu_s")),
    stand=_stand,
)
