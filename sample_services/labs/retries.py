"""Retries, none, and retries within a budget: a dependency with little room that fails for a while."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stamina

import obskit
from sample_services.labs.bench import Bench
from sample_services.labs.conclusion import Contrast
from sample_services.labs.errors import CallFailedError
from sample_services.labs.frame import Lab, Stand, Way
from sample_services.labs.load import Call

__all__ = ["LAB"]

_WORK_S = 0.008
_ERROR_SHARE = 0.05
_DOWN_FROM, _DOWN_TO = 0.3, 0.6
_PATIENCE_S = 2.0
_ATTEMPTS = 4
_REFUSAL = "503"


class _Dependency:
    """Does one thing at a time, a few hundredths of its calls go wrong, and for a while all do."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._room = asyncio.Semaphore()
        self._is_down = False
        self._chance = random.Random(1)  # noqa: S311 - repeatable on purpose

    async def reset(self) -> None:
        self._chance.seed(1)

    async def fail_for_a_while(self, seconds: float) -> None:
        await asyncio.sleep(seconds * _DOWN_FROM)
        self._is_down = True
        await asyncio.sleep(seconds * (_DOWN_TO - _DOWN_FROM))
        self._is_down = False

    async def ask(self) -> None:
        self._bench.counts["attempts"] += 1
        async with self._room:  # to say no takes it as long as to say yes
            await asyncio.sleep(_WORK_S)
        if self._is_down or self._chance.random() < _ERROR_SHARE:
            raise CallFailedError(_REFUSAL)


@asynccontextmanager
async def _stand(bench: Bench) -> AsyncIterator[Stand]:
    dependency = _Dependency(bench)
    caller = stamina.AsyncRetryingCaller(
        attempts=_ATTEMPTS, timeout=_PATIENCE_S, wait_initial=0.03, wait_max=0.3, wait_jitter=0.03
    )
    budget = obskit.retry_budget("lab", ratio=0.2, burst=10, min_per_s=1)

    async def within_budget() -> None:
        async with obskit.dependency("lab", "ask", retry_budget=budget):
            await caller.on(budget.on(CallFailedError))(dependency.ask)

    def patient(ask: Call) -> Call:
        async def call(number: int) -> None:
            async with asyncio.timeout(_PATIENCE_S):
                await ask(number)

        return call

    def way(name: str, what: str, call: Call) -> Way:
        return Way(
            name=name,
            what=what,
            call=patient(call),
            before=dependency.reset,
            during=dependency.fail_for_a_while,
        )

    yield Stand(
        [
            way("none", "one attempt", lambda _number: dependency.ask()),
            way(
                "budget",
                "four attempts; retries at most a fifth of the calls",
                lambda _number: within_budget(),
            ),
            way("retries", "four attempts", lambda _number: caller.on(CallFailedError)(dependency.ask)),
        ]
    )


LAB = Lab(
    name="retries-vs-none-vs-budget",
    question="What do retries give when a dependency fails now and then, and what when it is down?",
    ways=("none", "budget", "retries"),
    rate=60,
    seconds=6,
    contrasts=(Contrast("failed"), Contrast("attempts"), Contrast("p95_s")),
    stand=_stand,
)
