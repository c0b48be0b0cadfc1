"""Sends the schedule: each call at its time, whether or not the ones before it are answered."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from sample_services.loadgen.journeys import CALLS, Call, Journey
from sample_services.loadgen.report import Tally
from sample_services.loadgen.schedule import Arrival, Rate, arrivals
from sample_services.loadgen.session import Session

__all__ = ["Generator", "Plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send: *rate* calls a second for *duration_s* seconds (0: until told to stop)."""

    url: str
    rate: Rate
    duration_s: float
    journeys: Mapping[Journey, int]
    """Each journey with its weight."""
    seed: int
    max_in_flight: int


class Generator:
    """Runs one plan with *client* as *session*; *accepted* gets the id of each order accepted in async mode."""

    def __init__(
        self, plan: Plan, client: httpx.AsyncClient, session: Session, accepted: Callable[[str], object]
    ) -> None:
        self.tallies = {journey: Tally() for journey in plan.journeys}
        self._session = session
        self._plan = plan
        self._client = client
        self._accepted = accepted
        self._in_flight: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send every call of the plan; return when the last is sent, or when cancelled.

        When *max_in_flight* calls wait for an answer the next one waits for a place, with
        its latency counted from the moment it was due. What is still waiting at the end of
        the plan is not sent, and counted as dropped.
        """
        start = time.perf_counter()
        for arrival in arrivals(self._plan.rate, self._plan.journeys, self._plan.seed):
            if self._plan.duration_s and arrival.at_s >= self._plan.duration_s:
                return
            due = start + arrival.at_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            while len(self._in_flight) >= self._plan.max_in_flight and not self._is_over(start):
                left_s = (
                    start + self._plan.duration_s - time.perf_counter() if self._plan.duration_s else None
                )
                await asyncio.wait(self._in_flight, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if len(self._in_flight) >= self._plan.max_in_flight:
                self.tallies[arrival.journey].dropped += 1
            else:
                self._start(arrival, due)

    async def finish(self, timeout_s: float) -> None:
        """Wait *timeout_s* seconds for the answers that are missing, then give them up."""
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def summary(self) -> dict[str, Any]:
        """Return what was asked and what came of it, ready for JSON."""
        plan = self._plan
        return {
            "url": plan.url,
            "rate": plan.rate.last,
            "first_rate": plan.rate.first,
            "duration_s": plan.duration_s,
            "seed": plan.seed,
            "journeys": {journey: tally.summary() for journey, tally in self.tallies.items()},
        }

    def _is_over(self, start: float) -> bool:
        return bool(self._plan.duration_s) and time.perf_counter() - start >= self._plan.duration_s

    def _start(self, arrival: Arrival, due: float) -> None:
        self.tallies[arrival.journey].sent += 1
        task = asyncio.create_task(self._send(arrival, due))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _send(self, arrival: Arrival, due: float) -> None:
        call, tally = CALLS[arrival.journey], self.tallies[arrival.journey]
        sent = time.perf_counter()
        answer: httpx.Response | None = None
        try:
            answer = await self._ask(call, arrival)
        except httpx.TransportError as error:
            tally.errors[type(error).__name__] += 1
        now = time.perf_counter()
        tally.from_schedule.add(now - due)
        tally.from_send.add(now - sent)
        if answer is not None:
            await self._count(arrival.journey, answer)

    async def _ask(self, call: Call, arrival: Arrival) -> httpx.Response:
        credentials = self._session.credentials if arrival.journey == "login" else None
        return await self._client.request(
            call.method,
            call.path,
            json=credentials.body() if credentials else call.body(arrival.sku, arrival.quantity),
            headers=self._session.headers if call.needs_token else None,
            extensions={"url_template": call.template},
        )

    async def _count(self, journey: Journey, answer: httpx.Response) -> None:
        tally = self.tallies[journey]
        if answer.status_code != CALLS[journey].status:
            tally.errors[str(answer.status_code)] += 1
            return
        tally.ok += 1
        if journey == "async":
            self._accepted(answer.headers["Location"].rpartition("/")[2])
        if journey == "login":
            with suppress(httpx.TransportError):
                await self._session.end(answer)
