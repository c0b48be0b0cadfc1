"""Asks Prometheus, the log store, the trace store, Alertmanager and the pager for what pages show.

Equal questions that are asked at once, or again within their *fresh_s*, are asked once: pages
align their time ranges to the step of their queries, so four open tabs cost what one costs.
"""

import asyncio
import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

__all__ = ["Source", "SourceError", "Sources", "Urls"]

_TIMEOUT_S = 30.0
_KEPT = 2_000
_TOO_LARGE = 64 << 20

Params = Sequence[tuple[str, str]]


class SourceError(Exception):
    """A source did not answer as asked; the text says why, *fix* what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the sources answer, without a slash at the end."""

    prometheus: str = "http://127.0.0.1:9090"
    logs: str = "http://127.0.0.1:3100"
    traces: str = "http://127.0.0.1:3200"
    alertmanager: str = "http://127.0.0.1:9093"
    pager: str = "http://127.0.0.1:8601"
    services: Mapping[str, str] = field(default_factory=dict)
    """Services whose faults can be switched, by name."""


class Source:
    """One HTTP API, asked for JSON."""

    def __init__(self, name: str, url: str, client: httpx.AsyncClient) -> None:
        self.name = name
        self.url = url
        self._client = client
        self._asked: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[float, asyncio.Task[Any]]] = {}

    async def get(self, path: str, params: Params = (), *, fresh_s: float = 1.0, token: str = "") -> Any:
        """Return the JSON at *path*, at most *fresh_s* seconds old; *token* goes along if there is one.

        Raises:
            SourceError: it cannot be reached, refuses the question, or answers no JSON.
        """
        key = (path, tuple(params))
        now = time.monotonic()
        until, task = self._asked.get(key, (0.0, None))
        if task is None or now >= until or task.cancelled() or (task.done() and task.exception()):
            self._forget(now)
            task = asyncio.create_task(self._ask("GET", path, params, headers=_bearer(token)))
            self._asked[key] = (now + fresh_s, task)
        # A page that is closed must not take the answer away from the others.
        return await asyncio.shield(task)

    async def send(self, method: str, path: str, body: Mapping[str, Any], token: str = "") -> Any:
        """Send *body* as JSON and return the JSON that comes back, or None.

        Raises:
            SourceError: it cannot be reached or refuses.
        """
        return await self._ask(method, path, (), body, _bearer(token))

    def _forget(self, now: float) -> None:
        if len(self._asked) >= _KEPT:
            self._asked = {key: kept for key, kept in self._asked.items() if kept[0] > now}

    async def _ask(
        self,
        method: str,
        path: str,
        params: Params,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        url = self.url + path
        try:
            answer = await self._request(method, url, params, body, headers)
        except httpx.TimeoutException:
            msg = f"{self.name} at {self.url} did not answer within {_TIMEOUT_S:g} s."
            raise SourceError(msg, "Choose a shorter time range.") from None
        except httpx.HTTPError as error:
            msg = f"{self.name} at {self.url} cannot be reached ({type(error).__name__})."
            raise SourceError(msg, "See what runs with obskit status; start it with obskit up.") from None
        if answer.is_error:
            msg = f"{self.name} refused with {answer.status_code}: {_reason(answer)}"
            raise SourceError(msg, "Change the query, or open the address of the source to see more.")
        if len(answer.content) > _TOO_LARGE:
            msg = f"{self.name} answered with {len(answer.content) >> 20} MB, more than a page can show."
            raise SourceError(msg, "Choose a shorter time range or fewer series.")
        return _json(self, answer)

    async def _request(
        self,
        method: str,
        url: str,
        params: Params,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Response:
        """Send one request; a question on a connection that the source just let go is asked once more."""
        send = functools.partial(
            self._client.request,
            method,
            url,
            params=list(params),
            json=body,
            headers=headers,
            timeout=_TIMEOUT_S,
        )
        try:
            return await send()
        except (httpx.ReadError, httpx.RemoteProtocolError):
            if method != "GET":
                raise
            return await send()


def _bearer(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def _json(source: Source, answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        msg = f"{source.name} at {source.url} answered no JSON: {answer.text[:80]!r}."
        raise SourceError(msg, "Check that this is the right address.") from None


def _reason(answer: httpx.Response) -> str:
    """Return the text of a refusal: the error field of Prometheus' JSON, or the beginning of the text."""
    try:
        content = answer.json()
    except ValueError:
        return answer.text.strip()[:300]
    if isinstance(content, Mapping):
        for name in ("error", "message", "detail"):
            if name in content:
                return str(content[name])[:300]
    return str(content)[:300]


class Sources:
    """All of them, over one connection pool."""

    def __init__(self, urls: Urls) -> None:
        self.urls = urls
        self._client = httpx.AsyncClient(limits=httpx.Limits(max_connections=20), trust_env=False)
        self.prometheus = Source("Prometheus", urls.prometheus, self._client)
        self.logs = Source("The log store", urls.logs, self._client)
        self.traces = Source("The trace store", urls.traces, self._client)
        self.alertmanager = Source("Alertmanager", urls.alertmanager, self._client)
        self.pager = Source("The pager", urls.pager, self._client)

        self._services = {
            name: Source(f"The service {name}", url, self._client) for name, url in urls.services.items()
        }

    def service(self, name: str) -> Source:
        """Return the service *name*.

        Raises:
            SourceError: nobody told its address.
        """
        if name not in self._services:
            msg = f"The address of the service {name} is not known."
            raise SourceError(msg, f"Start the console with --service={name}=http://127.0.0.1:PORT.")
        return self._services[name]

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
