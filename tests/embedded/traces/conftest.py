"""A trace backend to test: served over HTTP on loopback, in a thread of this process."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from obskit.embedded.traces import Retention, TraceBackend

DATA = Path(__file__).parent / "data"


@dataclass
class FakeClock:
    """A clock that goes on only when it is told to."""

    passed_s: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def time(self) -> float:
        return 1_795_340_000.0 + self.passed_s

    def monotonic(self) -> float:
        return self.started + self.passed_s

    def pass_s(self, seconds: float) -> None:
        self.passed_s += seconds


@dataclass
class Served:
    """A backend that answers: Tempo's API and OTLP on one port."""

    client: httpx.Client
    backend: TraceBackend

    def push(self, payload: Any, **options: Any) -> httpx.Response:
        return self.client.post("/v1/traces", json=payload, **options)

    def search(self, query: str, **params: Any) -> list[dict[str, Any]]:
        """The traces that a query finds; fails when it is refused."""
        answer = self.client.get("/api/search", params={"q": query, **params})
        assert answer.status_code == 200, answer.text
        return answer.json()["traces"]

    def ids(self, query: str, **params: Any) -> set[str]:
        return {trace["traceID"] for trace in self.search(query, **params)}

    def matched(self, query: str) -> int:
        """How many spans a query matches, in all traces."""
        return sum(trace["spanSet"]["matched"] for trace in self.search(query, limit=5000))


@contextmanager
def serve(path: Path, **options: Any) -> Iterator[Served]:
    backend = TraceBackend(path, **options)
    app = backend.tempo_app()
    app.router.routes.extend(backend.otlp_routes())
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app, log_config=None, lifespan="off", timeout_graceful_shutdown=2, timeout_keep_alive=600
        )
    )
    thread = threading.Thread(target=partial(server.run, sockets=[listener]))
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            eventually(lambda: server.started)
            yield Served(client, backend)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        backend.close()


def eventually(holds: Callable[[], Any], within_s: float = 60.0) -> None:
    """Wait until *holds*, and fail when it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], Any]:
    """The recorded data: push, cases or generator."""
    return lambda name: json.loads((DATA / f"{name}.json").read_text())


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, recorded: Callable[[str], Any]) -> Iterator[Served]:
    """A backend that holds the recorded push; for tests that only read."""
    with serve(tmp_path_factory.mktemp("filled") / "traces.db") as found:
        assert found.push(recorded("push")).status_code == 200
        yield found


@pytest.fixture(scope="session")
def tempo(request: pytest.FixtureRequest, recorded: Callable[[str], Any]) -> Iterator[httpx.Client]:
    """What has the recorded push: our store, or the Tempo at OBSKIT_TEST_TEMPO.

    That one takes spans at OBSKIT_TEST_TEMPO_OTLP, else on port 4318 beside it.
    """
    live = os.environ.get("OBSKIT_TEST_TEMPO", "").rstrip("/")
    if not live:
        yield request.getfixturevalue("filled").client
        return
    parts = urlsplit(live)
    otlp = os.environ.get("OBSKIT_TEST_TEMPO_OTLP") or f"{parts.scheme}://{parts.hostname}:4318"
    first = next(path for path in paths_of(recorded("cases")) if "/api/v2/traces/" in path)
    with httpx.Client(base_url=live, timeout=30) as client:
        if not client.get(first).json().get("trace"):  # sent twice, it would have every span twice
            answer = httpx.post(f"{otlp.rstrip('/')}/v1/traces", json=recorded("push"), timeout=30)
            assert answer.status_code == 200, answer.text
        eventually(lambda: len(client.get("/api/search", params={"limit": 100}).json()["traces"]) >= 40, 120)
        yield client


def paths_of(cases: dict[str, Any]) -> list[str]:
    """The paths of the cases that find something."""
    return [case["path"] for case in cases.values() if case["status"] == 200 and case["body"]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def open_backend(tmp_path: Path) -> Callable[..., Any]:
    """Serves a backend over a file that outlives it: ``with open_backend() as served``."""
    return lambda **options: serve(tmp_path / "data" / "traces.db", **options)


@pytest.fixture
def served(open_backend: Callable[..., Any]) -> Iterator[Served]:
    with open_backend() as found:
        yield found


@pytest.fixture
def waiting() -> Callable[..., None]:
    return eventually


@pytest.fixture
def keeping() -> type[Retention]:
    return Retention


@pytest.fixture
def spans() -> Callable[..., dict[str, Any]]:
    """An export request of spans of one service, each given by what differs from a plain one."""

    def request(
        *given: dict[str, Any], service: str = "shop", resource: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        attributes = attrs({"service.name": service, **(resource or {})})
        made = [span(at, **one) for at, one in enumerate(given, 1)]
        return {
            "resourceSpans": [
                {
                    "resource": {"attributes": attributes},
                    "scopeSpans": [{"scope": {"name": "t"}, "spans": made}],
                }
            ]
        }

    return request


def span(
    at: int, *, trace: int = 1, attributes: dict[str, Any] | None = None, **given: Any
) -> dict[str, Any]:
    plain = {
        "traceId": f"{trace:032x}",
        "spanId": f"{at:016x}",
        "name": f"span {at}",
        "kind": 1,
        "startTimeUnixNano": str(1_795_332_000_000_000_000 + at * 1_000_000),
        "endTimeUnixNano": str(1_795_332_000_000_000_000 + at * 1_000_000 + 5_000_000),
        "attributes": attrs(attributes or {}),
    }
    return plain | given


def attrs(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in values.items()]


def any_value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [any_value(element) for element in value]}}
        case _:
            return {"stringValue": value}
