"""Calls that survive a bad moment of the other side: retried within a budget, stopped when hopeless."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from http import HTTPStatus
from typing import Any

import httpx
import stamina
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import ExcludeType, OpenedState

import obskit
from sample_services.upstream import Upstream, UpstreamError

__all__ = ["Resilient"]

_ATTEMPTS = 3
_FIRST_WAIT_S = 0.03
_LONGEST_WAIT_S = 0.3
_RECKLESS_WAIT_S = 0.01
_BUDGET_SHARE = 0.2
_BUDGET_BURST = 20.0
_BUDGET_PER_S = 1.0


class Resilient:
    """A service that is called over HTTP, with retries, a retry budget and a circuit breaker.

    Retries wait a random time that grows. All together they may add a fifth to the calls, and
    no more: when everything fails, retries must not become the load that keeps it failing.
    The breaker opens after *failures* in a row and lets calls through again after *open_s*
    seconds. Without *counts_answers* only calls without an answer are failures to it.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        timeout_s: float,
        failures: int = 10,
        open_s: float = 2.0,
        counts_answers: bool = True,
    ) -> None:
        self.name = upstream.name
        self._upstream = upstream
        self._timeout_s = timeout_s
        self._budget = obskit.retry_budget(
            self.name, ratio=_BUDGET_SHARE, burst=_BUDGET_BURST, min_per_s=_BUDGET_PER_S
        )
        self._reckless = 0
        # A caller that went away says nothing about the service.
        spared: ExcludeType = [asyncio.CancelledError]
        if not counts_answers:
            spared.append((UpstreamError, _is_answered))
        self._breakers: AsyncCircuitBreakerFactory = obskit.instrument(
            AsyncCircuitBreakerFactory(default_threshold=failures, default_ttl=open_s, exclude=spared)
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._upstream.close()

    @contextmanager
    def recklessly(self, attempts: int) -> Iterator[None]:
        """Try everything up to *attempts* times while the block runs, as one should not.

        There is no budget, no breaker and hardly a wait then.
        """
        self._reckless = attempts
        try:
            yield
        finally:
            self._reckless = 0

    async def send(
        self,
        method: str,
        path: str,
        *,
        template: str,
        is_repeatable: bool = False,
        before: Callable[[], Awaitable[None]] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Send one request, again if *is_repeatable* and it failed; *before* runs before each attempt.

        Raises:
            UpstreamError: every attempt failed, or the breaker is open (503).
        """

        async def attempt() -> httpx.Response:
            async with nullcontext() if self._reckless else await self._breakers.get_breaker(self.name):
                if before is not None:
                    await before()
                return await self._upstream.send(method, path, template=template, **options)

        try:
            async with obskit.dependency(self.name, f"{method} {template}", retry_budget=self._budget):
                return await (self._retrying()(attempt) if is_repeatable else attempt())
        except OpenedState as error:
            detail = f"{self.name} failed too often; it is not called again for a moment."
            raise UpstreamError(HTTPStatus.SERVICE_UNAVAILABLE, detail) from error

    def _retrying(self) -> stamina.BoundAsyncRetryingCaller:
        caller = stamina.AsyncRetryingCaller(
            attempts=self._reckless or _ATTEMPTS,
            timeout=self._timeout_s,
            wait_initial=_RECKLESS_WAIT_S if self._reckless else _FIRST_WAIT_S,
            wait_max=_RECKLESS_WAIT_S if self._reckless else _LONGEST_WAIT_S,
            wait_jitter=_FIRST_WAIT_S,
        )
        return caller.on(UpstreamError if self._reckless else self._budget.on(UpstreamError))


def _is_answered(error: BaseException) -> bool:
    return isinstance(error, UpstreamError) and error.is_answered
