"""A log store on a folder of the test, in this process or as a process of its own."""

import asyncio
import json
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from obskit.embedded.logs import LogBackend

DATA = Path(__file__).parent / "data"
PUSH = "/loki/api/v1/push"
START, END = 1795305600000000000, 1795306200000000000
SORTED = ("sort(", "sort_desc(")


class QuickServer(uvicorn.Server):
    """Sees at once that it is to stop; uvicorn looks ten times a second."""

    async def main_loop(self) -> None:
        while not self.should_exit:  # noqa: ASYNC110 - a flag is all that uvicorn has
            await asyncio.sleep(0.002)


@dataclass
class Served:
    """A log store that answers HTTP on loopback, in a thread of this process."""

    client: httpx.Client
    backend: LogBackend
    port: int

    def push(self, lines: list[Any], labels: dict[str, str] | None = None) -> httpx.Response:
        """Push lines: texts, or [time, text], or [time, text, metadata]."""
        values = [
            [str(START + place), line] if isinstance(line, str) else line for place, line in enumerate(lines)
        ]
        return self.client.post(
            PUSH, json={"streams": [{"stream": labels or {"app": "a"}, "values": values}]}
        )

    def ask(self, query: str, endpoint: str = "query_range", **params: Any) -> httpx.Response:
        params = {"query": query, "start": START, "end": END, "limit": 5000, **params}
        return self.client.get(f"/loki/api/v1/{endpoint}", params=params)

    def lines(self, query: str, **params: Any) -> list[tuple[dict[str, str], str]]:
        """Return the labels and text of each line that a query finds, oldest first."""
        answer = self.ask(query, direction="forward", **params)
        assert answer.status_code == 200, answer.text
        found = [
            (int(ts), each["stream"], text)
            for each in answer.json()["data"]["result"]
            for ts, text in each["values"]
        ]
        return [(labels, text) for _, labels, text in sorted(found, key=lambda each: each[0])]

    def value(self, query: str) -> list[tuple[dict[str, str], str]]:
        """Return the labels and value of each sample at the end of the minute."""
        answer = self.client.get("/loki/api/v1/query", params={"query": query, "time": END})
        assert answer.status_code == 200, answer.text
        return [(each["metric"], each["value"][1]) for each in answer.json()["data"]["result"]]


@contextmanager
def serving(path: Path, **options: Any) -> Iterator[Served]:
    backend = LogBackend(path, **options)
    app = backend.loki_app()
    app = Starlette(routes=[*app.routes, *backend.otlp_routes()])
    server = QuickServer(
        uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio", timeout_keep_alive=600)
    )
    loop = asyncio.new_event_loop()
    # Named TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms for an ACK.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(
            target=loop.run_until_complete, args=(server.serve(sockets=[listener]),), daemon=True
        )
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the store did not start"
            time.sleep(0.002)
        port = listener.getsockname()[1]
        # Without TLS there is no need to load the machine's certificates, which takes 0.1 s.
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=False, timeout=60) as client:
            backend.start()
            yield Served(client, backend, port)
        server.should_exit = True
        thread.join(10)
        loop.close()
    backend.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serve a store with options of LogBackend."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(serving(tmp_path / "logs.db", **options))


@pytest.fixture
def store(serve: Callable[..., Served]) -> Served:
    """An empty store of this test."""
    return serve()


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One store for all tests of a file that do not mind each other's lines."""
    with serving(tmp_path_factory.mktemp("shared") / "logs.db") as one:
        yield one


@pytest.fixture(scope="session")
def recorded_push() -> dict[str, Any]:
    return json.loads((DATA / "push.json").read_text())


@pytest.fixture(scope="session")
def loki(tmp_path_factory: pytest.TempPathFactory, recorded_push: dict[str, Any]) -> Iterator[httpx.Client]:
    """What has the recorded lines: our store, or the Loki at OBSKIT_TEST_LOKI."""
    live = os.environ.get("OBSKIT_TEST_LOKI")
    with ExitStack() as stack:
        if live:
            client = stack.enter_context(httpx.Client(base_url=live.rstrip("/"), timeout=60))
        else:
            client = stack.enter_context(serving(tmp_path_factory.mktemp("loki") / "logs.db")).client
        answer = client.post(PUSH, json=recorded_push)
        assert answer.status_code == 204, answer.text
        yield client


def by_labels(kind: str, result: list[Any], query: str) -> list[Any]:
    if kind == "vector" and any(word in query for word in SORTED):
        return result
    key = "stream" if kind == "streams" else "metric"
    return sorted(result, key=lambda each: json.dumps(each[key], sort_keys=True))


def is_close(got: Any, want: Any, *, values: bool = False) -> bool:
    """Equal, but for the last digits of values that were computed."""
    if isinstance(got, list) and isinstance(want, list):
        return len(got) == len(want) and all(
            is_close(*pair, values=values) for pair in zip(got, want, strict=True)
        )
    if values and isinstance(got, str) and isinstance(want, str):
        left, right = float(got), float(want)
        return math.isclose(left, right, rel_tol=1e-9) or (math.isnan(left) and math.isnan(right))
    return got == want


@pytest.fixture(scope="session")
def differs() -> Callable[[Any, Any, str], str]:
    """Say how an answer's data differs from the recorded one; empty when it does not."""

    def compare(got: Any, want: Any, query: str) -> str:
        if isinstance(want, list):
            return "" if shown(got) == shown(want) else f"{got} is not {want}"
        kind = want["resultType"]
        if got["resultType"] != kind:
            return f"a {got['resultType']}, not a {kind}"
        if kind == "scalar":
            return "" if is_close(got["result"], want["result"], values=True) else str(got)
        left, right = by_labels(kind, got["result"], query), by_labels(kind, want["result"], query)
        if len(left) != len(right):
            return f"{len(left)} results, not {len(right)}"
        pairs = zip(left, right, strict=True)
        return next(filter(None, (result_differs(kind, *pair) for pair in pairs)), "")

    return compare


def shown(values: list[Any]) -> list[str]:
    return sorted(json.dumps(each, sort_keys=True) for each in values)


def result_differs(kind: str, got: dict[str, Any], want: dict[str, Any]) -> str:
    name, field = {
        "streams": ("stream", "values"),
        "matrix": ("metric", "values"),
        "vector": ("metric", "value"),
    }[kind]
    if got[name] != want[name]:
        return f"labels {got[name]}, not {want[name]}"
    if not is_close(got[field], want[field], values=kind != "streams"):
        return f"{got[name]}: {got[field]}, not {want[field]}"
    return ""
