"""Four ways to have an order reserved and paid, and what each does while inventory is away."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.errors import CallFailedError
from sample_services.labs.frame import Finding, Lab, Stand, Way
from sample_services.labs.ledgers import Ledgers
from sample_services.labs.load import Call, Offer
from sample_services.labs.processes import LOOPBACK, Process, free_port, nats_server
from sample_services.labs.shop import CHAIN, CONCURRENT, EVENT, REQUEST_REPLY

__all__ = ["LAB"]

_SKU = "CUP-GLASS"
_WAYS = {
    CHAIN: "orders asks inventory, then payments, then answers",
    CONCURRENT: "orders asks both at once, then answers",
    REQUEST_REPLY: "as the chain, but over NATS",
    EVENT: "orders answers when order and event are stored; the rest follows",
}
_OUTAGE_S = 20.0
_BEFORE_S, _BEHIND_S = 2.0, 4.0
_RATE = 16.0
_TIMEOUT_S = 10.0


class _Shop:
    """The processes, and the orders that were accepted, by way."""

    def __init__(self, bench: Bench) -> None:
        ports = {name: free_port() for name in ("nats", "provider", "payments", "inventory", "orders")}
        urls = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
        place = {f"{name.upper()}_URL": url for name, url in urls.items()}
        place["NATS_URL"] = f"nats://{LOOPBACK}:{ports['nats']}"
        service = bench.processes.service
        self.inventory = service("inventory", "labs.rpc:inventory", ports["inventory"], **place)
        self.others = (
            service("payments", "labs.rpc:payments", ports["payments"], **place),
            service("orders", "labs.shop:create_app", ports["orders"], **place),
        )
        provider = service("provider", "payments.provider:create_app", ports["provider"])
        provider.ready, provider.page = f"{urls['provider']}/health", ""
        self.first = (nats_server(bench.home, ports["nats"]), provider)
        self.provider_url = urls["provider"]
        self.client = httpx.AsyncClient(base_url=urls["orders"], timeout=_TIMEOUT_S, trust_env=False)
        self.ledgers = Ledgers(bench.home / "data", _SKU)
        self.accepted: dict[str, list[str]] = defaultdict(list)
        self.stock = 0
        """How much there was before the first order."""
        self._bench = bench

    async def open(self) -> None:
        """Start everything; the provider neither fails nor is slow, so that what fails is the lab's doing."""
        processes = self._bench.processes
        processes.start(*self.first)
        await processes.ready(*self.first)
        processes.start(self.inventory, *self.others)
        await processes.ready(self.inventory, *self.others)
        behaviour = {"delay_s": 0.01, "slow_share": 0, "error_share": 0}
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.put(f"{self.provider_url}/behaviour", json=behaviour)).raise_for_status()
        self.stock = await self.ledgers.stock()

    async def place(self, way: str) -> None:
        """Place one order by *way*."""
        answer = await self.client.post(f"/ways/{way}", json={"sku": _SKU, "quantity": 1})
        if not answer.is_success:
            raise CallFailedError(str(answer.status_code))
        self.accepted[way].append(answer.json()["id"])

    def way(self, name: str, what: str) -> Way:
        """Return the way of that name."""

        async def before() -> None:
            self.accepted[name].clear()

        async def after() -> Mapping[str, float]:
            await self.ledgers.settled()
            done_s = await self.ledgers.done_p95_s(self.accepted[name])
            return {} if done_s is None else {"done_p95_s": done_s}

        return Way(name=name, what=what, call=self.call(name), before=before, after=after)

    def call(self, name: str) -> Call:
        """Return what places an order by that way."""
        return lambda _number: self.place(name)

    async def outage(self) -> Finding:
        """Stop inventory for a while under a load of all four ways, and count what became of the orders."""
        options = self._bench.options
        outage_s = _OUTAGE_S * options.scale
        rate = options.rate or _RATE
        self.accepted.clear()
        # Each way has its own load at the same time: the outage is the same one for all.
        offers = {
            name: Offer(
                self.call(name),
                rate / len(_WAYS),
                _BEFORE_S + outage_s + _BEHIND_S,
                seed,
                0,
                self._bench.watch(name),
            )
            for seed, name in enumerate(_WAYS, 1)
        }
        await asyncio.gather(self._stop_for(outage_s), *(offer.run() for offer in offers.values()))
        is_settled = await self.ledgers.settled()
        twice = await self.ledgers.done_twice(self.stock)
        rows = {name: await self._row(name, offer) for name, offer in offers.items()}
        return _finding(outage_s, rows, twice=twice, is_settled=is_settled)

    async def _stop_for(self, seconds: float) -> None:
        processes: list[Process] = [self.inventory]
        await asyncio.sleep(_BEFORE_S)
        await self._bench.processes.stop(self.inventory)
        await asyncio.sleep(seconds)
        self._bench.processes.start(*processes)
        await self._bench.processes.ready(*processes)

    async def _row(self, name: str, offer: Offer) -> dict[str, int]:
        states = await self.ledgers.states(self.accepted[name])
        tally = offer.tally
        return {
            "asked": tally.sent,
            "failed": tally.errors.total(),
            "accepted": len(self.accepted[name]),
            "completed": list(states.values()).count("completed"),
        }


def _finding(
    outage_s: float, rows: Mapping[str, Mapping[str, int]], *, twice: int, is_settled: bool
) -> Finding:
    failed = ", ".join(f"{name} {row['failed']} of {row['asked']}" for name, row in rows.items())
    event = rows[EVENT]
    once = (
        "once each"
        if twice == 0
        else f"{abs(twice)} pieces of stock {'too many' if twice > 0 else 'too few'}"
    )
    sentence = (
        f"With inventory down for {outage_s:g} s failed: {failed}; of the {event['accepted']} orders that "
        f"{EVENT} accepted {event['completed']} were completed afterwards, {once}."
    )
    numbers = {"outage_s": outage_s, "ways": dict(rows), "done_twice": twice, "is_settled": is_settled}
    return Finding(sentence, numbers)


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    shop = _Shop(bench)
    async with shop.client:
        await shop.open()
        yield Stand([shop.way(name, what) for name, what in _WAYS.items()], shop.outage)


LAB = Lab(
    name="sync-vs-async",
    question="How should orders have stock reserved and paid: by HTTP, by NATS, or by an event?",
    ways=tuple(_WAYS),
    rate=_RATE,
    seconds=5,
    contrasts=(Contrast("p95_s"), Contrast("done_p95_s"), Contrast("messages")),
    stand=_stand,
)
