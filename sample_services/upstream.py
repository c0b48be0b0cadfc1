"""Calls from one service to another over HTTP: bounded in time and number, with failures named."""

from http import HTTPStatus
from typing import Any

import httpx

import obskit

__all__ = ["Upstream", "UpstreamError", "problem_of"]

_CONNECT_S = 1.0
_POOL_S = 1.0
_CONNECTIONS = 100
_KEEPALIVE_S = 2.0

_PASSED_ON = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class UpstreamError(Exception):
    """A service did not do what it was asked, through no fault of the request.

    *status* is what a caller should be told (502, 503 or 504); *order_id* is the order
    that the service named in its answer; *is_answered* says that there was one.
    """

    def __init__(
        self, status: int, detail: str, *, order_id: str | None = None, is_answered: bool = False
    ) -> None:
        super().__init__(detail)
        self.is_answered = is_answered
        self.status = status
        self.detail = detail
        self.order_id = order_id


class Upstream:
    """A service that is called over HTTP."""

    def __init__(self, name: str, base_url: str, *, timeout_s: float) -> None:
        self.name = name
        self._log = obskit.get_logger()
        self._client = obskit.instrument(
            httpx.AsyncClient(
                base_url=base_url,
                timeout=httpx.Timeout(timeout_s, connect=_CONNECT_S, pool=_POOL_S),
                # Idle connections are closed here before uvicorn closes them after 5 s there:
                # a request must not meet a connection that is just being closed.
                limits=httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_KEEPALIVE_S),
                trust_env=False,  # a proxy of the environment is for the world outside, not for our own services
            )
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def send(self, method: str, path: str, *, template: str, **options: Any) -> httpx.Response:
        """Send one request and return the answer, unless it is a failure of the service.

        *template* is *path* without ids, for metrics and spans.

        Raises:
            UpstreamError: no answer came in time, or one of 500 and above.
        """
        extensions = {"url_template": template}
        try:
            response = await self._client.request(method, path, extensions=extensions, **options)
        except httpx.PoolTimeout as error:
            raise self._failed(HTTPStatus.SERVICE_UNAVAILABLE, "has no connection free", error) from error
        except httpx.TimeoutException as error:
            raise self._failed(HTTPStatus.GATEWAY_TIMEOUT, "did not answer in time", error) from error
        except httpx.TransportError as error:
            raise self._failed(HTTPStatus.BAD_GATEWAY, "could not be reached", error) from error
        if response.is_server_error:
            raise self._answered(response)
        return response

    def _failed(self, status: int, what: str, error: httpx.TransportError) -> UpstreamError:
        self._log.warning("dependency.failed", dependency=self.name, error=type(error).__name__)
        return UpstreamError(status, f"{self.name} {what} ({type(error).__name__}).")

    def _answered(self, response: httpx.Response) -> UpstreamError:
        self._log.warning("dependency.failed", dependency=self.name, error=str(response.status_code))
        problem = problem_of(response)
        status = response.status_code if response.status_code in _PASSED_ON else HTTPStatus.BAD_GATEWAY
        detail = f"{self.name} answered {response.status_code}: {problem.get('detail', 'without a reason.')}"
        return UpstreamError(status, detail, order_id=problem.get("order_id"), is_answered=True)


def problem_of(response: httpx.Response) -> dict[str, str]:
    """Return the text members of an answer's problem body; empty when it has none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return (
        {key: value for key, value in body.items() if isinstance(value, str)}
        if isinstance(body, dict)
        else {}
    )
